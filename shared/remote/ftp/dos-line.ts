import type { Entry } from '../../tree/entry.ts';
import type { ListClock } from './list-clock.ts';

/**
 * `07-20-26  09:52AM       <DIR>          Fuentes` (IIS). There the name stands in a fixed column: ten blanks after
 * <DIR>, one after a size; whatever follows, blanks included, is the name's. Other servers pad a directory's line
 * by less, so there leading blanks of a name are lost.
 */
const dosLine =
  /^(\d{1,2})[-/](\d{1,2})[-/](\d{4}|\d{2})\s+(\d{1,2}):(\d\d)\s?([AaPp])?[Mm]?\s+(?:<(DIR|JUNCTION|SYMLINKD?)>(?: {10}|\s+)|([\d.,]+) )(.+)$/s;

/** A line as `dir` writes it, month first; undefined if it is none. */
export function parseDosLine(line: string, clock: ListClock): Entry | undefined {
  const match = dosLine.exec(line);
  if (match === null) return undefined;
  const [, month, day, yearText, hourText, minute, half, special, size, text = ''] = match;
  const hour = hourOf(Number(hourText), half?.toLowerCase());
  const year = fullYear(yearText ?? '');
  if (hour === undefined || !isDay(year, Number(month), Number(day)) || Number(minute) > 59) return undefined;
  const modifiedAt = clock.toUtc(year, Number(month), Number(day), hour, Number(minute));
  const kind = special === undefined ? 'file' : special === 'DIR' ? 'directory' : 'link';
  const name = kind === 'link' ? text.replace(/ \[[^\]]*\]$/, '') : text;
  return {
    name,
    kind,
    size: kind === 'file' ? Number(size?.replace(/[.,]/g, '')) : null,
    modifiedAt,
    precision: 'minute',
  };
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 23 ? hour : undefined;
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half === 'p' ? 12 : 0);
}

/** Two digits as Windows reads them by default: 1950 to 2049. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 4) return year;
  return year < 50 ? 2000 + year : 1900 + year;
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 100 || month < 1 || month > 12) return false;
  return day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}
