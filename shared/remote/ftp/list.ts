import { parseDosLine } from './dos-line.ts';
import type { ListClock } from './list-clock.ts';
import { Entries, Lines, type ListingParser, type ParsedListing } from './listing-lines.ts';
import { parseUnixLine } from './unix-line.ts';

export interface ParsedList extends ParsedListing {
  /** Whether lines are in the form of Windows, which shows neither `.` nor `..`. */
  readonly dos: boolean;
}

const total = /^total \d+[KMGT]?$/i;

/** LIST has no standard (RFC 959, section 4.1.3): lines as of `ls -l` or of `dir`, each judged by itself. */
export class ListParser implements ListingParser<ParsedList> {
  readonly #clock: ListClock;
  readonly #entries = new Entries();
  readonly #lines = new Lines(this.#entries, (line) => this.#line(line));
  #isFirst = true;
  #dos = false;

  constructor(clock: ListClock) {
    this.#clock = clock;
  }

  push(piece: Buffer): void {
    this.#lines.push(piece);
  }

  done(): ParsedList {
    this.#lines.end();
    return { ...this.#entries.done(), dos: this.#dos };
  }

  #line(line: string): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const isDos = isDigit(line.charCodeAt(0));
    const entry = isDos ? parseDosLine(line, this.#clock) : parseUnixLine(line, this.#clock);
    if (entry === undefined) {
      if (!isFirst || !total.test(line)) this.#entries.reject('not a line of a listing', line);
      return;
    }
    this.#dos ||= isDos;
    if (entry.name === '.') this.#entries.sawSelf();
    else if (entry.name === '..') this.#entries.sawParent();
    else this.#entries.add(entry);
  }
}

export function parseList(data: Buffer, clock: ListClock): ParsedList {
  const parser = new ListParser(clock);
  parser.push(data);
  return parser.done();
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
