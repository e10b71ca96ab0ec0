import type { Entry, EntryKind } from '../../tree/entry.ts';
import type { ListClock } from './list-clock.ts';

/**
 * Kind and mode (with the mark of an ACL or extended attributes), then links, owner, group and their blanks as they
 * are, for some servers leave columns out and some owners have blanks; size or device number; date; one blank; name.
 * The first place where size and date fit is theirs: a name comes after them.
 */
const byMonth =
  /^([-bcdlpsDCMP])[-rwxsStTlL]{9}[+.@]?\s.*?\s(\d+)\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(\d{1,2})\s+(?:(\d{1,2}):(\d\d)|(\d{4})) (.+)$/s;
const dayFirst =
  /^([-bcdlpsDCMP])[-rwxsStTlL]{9}[+.@]?\s.*?\s(\d+)\s+(\d{1,2})\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(?:(\d{1,2}):(\d\d)|(\d{4})) (.+)$/s;
const isoDate =
  /^([-bcdlpsDCMP])[-rwxsStTlL]{9}[+.@]?\s.*?\s(\d+)\s+(\d{4})-(\d\d)-(\d\d)\s+(\d\d):(\d\d) (.+)$/s;

const months: Readonly<Record<string, number>> = {
  Jan: 1,
  Feb: 2,
  Mar: 3,
  Apr: 4,
  May: 5,
  Jun: 6,
  Jul: 7,
  Aug: 8,
  Sep: 9,
  Oct: 10,
  Nov: 11,
  Dec: 12,
};

type Time = Pick<Entry, 'modifiedAt' | 'precision'>;

/** An `ls -l` line; undefined if it is none. */
export function parseUnixLine(line: string, clock: ListClock): Entry | undefined {
  const monthFirst = byMonth.exec(line);
  if (monthFirst !== null) {
    const [, kind, size, month, day, hour, minute, year, name] = monthFirst;
    return toEntry(kind, size, name, monthTime(month, day, hour, minute, year, clock));
  }
  const dayMonth = dayFirst.exec(line);
  if (dayMonth !== null) {
    const [, kind, size, day, month, hour, minute, year, name] = dayMonth;
    return toEntry(kind, size, name, monthTime(month, day, hour, minute, year, clock));
  }
  const iso = isoDate.exec(line);
  if (iso === null) return undefined;
  const [, kind, size, year, month, day, hour, minute, name] = iso;
  const at = moment([year, month, day, hour, minute].map(Number), clock);
  return toEntry(kind, size, name, at === undefined ? undefined : { modifiedAt: at, precision: 'minute' });
}

function toEntry(
  letter: string | undefined,
  size: string | undefined,
  text: string | undefined,
  time: Time | undefined,
): Entry | undefined {
  if (text === undefined || time === undefined) return undefined;
  const kind = kindOf(letter);
  const name = kind === 'link' ? linkName(text, Number(size)) : text;
  if (name === undefined) return undefined;
  return { name, kind, size: kind === 'file' ? Number(size) : null, ...time };
}

function kindOf(letter: string | undefined): EntryKind {
  if (letter === '-') return 'file';
  if (letter === 'd') return 'directory';
  return letter === 'l' ? 'link' : 'other';
}

/**
 * The name out of `name -> target`. Where either holds an arrow itself, the size of a link is the length of its
 * target (lstat(2)) and tells; else nobody can.
 */
function linkName(text: string, targetBytes: number): string | undefined {
  const arrow = ' -> ';
  const first = text.indexOf(arrow);
  if (first === -1) return text;
  if (first === text.lastIndexOf(arrow)) return text.slice(0, first);
  for (let at = first; at !== -1; at = text.indexOf(arrow, at + 1)) {
    if (Buffer.byteLength(text.slice(at + arrow.length)) === targetBytes) return text.slice(0, at);
  }
  return undefined;
}

function monthTime(
  monthName: string | undefined,
  dayText: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  year: string | undefined,
  clock: ListClock,
): Time | undefined {
  const month = months[monthName ?? ''] ?? 0;
  const day = Number(dayText);
  if (year !== undefined) {
    const at = moment([Number(year), month, day, 0, 0], clock);
    return at === undefined ? undefined : { modifiedAt: at, precision: 'day' };
  }
  const at = withoutYear(month, day, Number(hour), Number(minute), clock);
  return at === undefined ? undefined : { modifiedAt: at, precision: 'minute' };
}

/** The last such moment that is not in the future; a day's grace for clocks and zones that differ. */
function withoutYear(
  month: number,
  day: number,
  hour: number,
  minute: number,
  clock: ListClock,
): number | undefined {
  const latest = clock.now + 86_400_000;
  const year = new Date(latest).getUTCFullYear();
  // Eight years: 29 February skips a century's end.
  for (let back = -1; back <= 8; back += 1) {
    const at = moment([year - back, month, day, hour, minute], clock);
    if (at !== undefined && at <= latest) return at;
  }
  return undefined;
}

/** Undefined for a date or time that no calendar has. */
function moment(parts: readonly number[], clock: ListClock): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts;
  if (year < 100 || month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59) return undefined;
  if (day > 28 && new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  return clock.toUtc(year, month, day, hour, minute);
}
