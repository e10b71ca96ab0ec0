import { parseDosLine } from './dos-line.ts';
import type { ListClock } from './list-clock.ts';
import { Entries, type ParsedListing, splitLines } from './listing-lines.ts';
import { parseUnixLine } from './unix-line.ts';

export interface ParsedList extends ParsedListing {
  /** Whether lines are in the form of Windows, which shows neither `.` nor `..`. */
  readonly dos: boolean;
}

const total = /^total \d+[KMGT]?$/i;

/** LIST has no standard (RFC 959, section 4.1.3): lines as of `ls -l` or of `dir`, each judged by itself. */
export function parseList(data: Buffer, clock: ListClock): ParsedList {
  const entries = new Entries();
  let dos = false;
  for (const [index, line] of splitLines(data, entries).entries()) {
    const isDos = isDigit(line.charCodeAt(0));
    const entry = isDos ? parseDosLine(line, clock) : parseUnixLine(line, clock);
    if (entry === undefined) {
      if (index > 0 || !total.test(line)) entries.reject('not a line of a listing', line);
    } else {
      dos ||= isDos;
      if (entry.name === '.') entries.sawSelf();
      else if (entry.name === '..') entries.sawParent();
      else entries.add(entry);
    }
  }
  return { ...entries.done(), dos };
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
