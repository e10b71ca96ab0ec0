import { isUtf8 } from 'node:buffer';
import { sorted } from '../../tree/digest.ts';
import { EntryCollector, type EntryList, twinIn, withoutTwins } from '../../tree/entries.ts';
import type { Entry } from '../../tree/entry.ts';
import { nameFromBytes, readableName } from '../../tree/name.ts';

/** What a listing's text says, before anybody knows whether it is all of the directory. */
export interface ParsedListing {
  /** By name. */
  readonly entries: EntryList;
  /** Lines of entries, `.` and `..` among them. */
  readonly lines: number;
  /** Whether the directory's own line is there: it was read. */
  readonly self: boolean;
  /** Why some of it cannot be believed, with a sample, or undefined. */
  readonly malformed: string | undefined;
}

/** Takes the text of one listing as it comes, in any pieces. Whatever comes, it does not throw. */
export interface ListingParser<T extends ParsedListing> {
  push(piece: Buffer): void;
  /** Nothing comes after it. */
  done(): T;
}

/** Collects entries, each name once. */
export class Entries {
  readonly #entries = new EntryCollector();
  #lines = 0;
  #self = false;
  #malformed: string | undefined;

  sawSelf(): void {
    this.#self = true;
    this.#lines += 1;
  }

  sawParent(): void {
    this.#lines += 1;
  }

  add(entry: Entry): void {
    this.#lines += 1;
    const { name } = entry;
    if (name === '' || name.includes('/') || name.includes('\0')) this.reject('not a name', name);
    else this.#entries.add(entry);
  }

  reject(why: string, sample: string): void {
    this.#malformed ??= `${why}: ${JSON.stringify(readableName(sample).slice(0, 120))}`;
  }

  done(): ParsedListing {
    // Sorted, as they are wanted next, twins are neighbours.
    const all = sorted(this.#entries.done());
    const twin = twinIn(all);
    if (twin !== undefined) this.reject('the same name twice', twin.name);
    const entries = withoutTwins(all);
    return { entries, lines: this.#lines, self: this.#self, malformed: this.#malformed };
  }
}

/** A path and a link's target of 4,096 bytes each fit; matching a pattern against a longer line could take for ever. */
const maxLineLength = 10_000;
/** Bytes of so many characters at least. */
const maxLineBytes = 4 * maxLineLength;
const newline = 10;

/**
 * Cuts the text of a listing into lines; empty ones are left out. A line feed within a name shows in that its line does
 * not end in CRLF while others do, a carriage return in that it stands alone; both are rejected, for no client can tell
 * where such a name ends.
 */
export class Lines {
  readonly #entries: Entries;
  readonly #take: (line: string) => void;
  /** A line whose end has not come yet; of one that is too long, the beginning. */
  #rest: Buffer = Buffer.alloc(0);
  #count = 0;
  #withCr = 0;
  #firstWithout: string | undefined;

  constructor(entries: Entries, take: (line: string) => void) {
    this.#entries = entries;
    this.#take = take;
  }

  push(piece: Buffer): void {
    const end = piece.lastIndexOf(newline) + 1;
    if (end > 0) {
      const whole = piece.subarray(0, end);
      this.#cut(this.#rest.length === 0 ? whole : Buffer.concat([this.#rest, whole]));
      this.#rest = Buffer.from(piece.subarray(end));
    } else if (this.#rest.length <= maxLineBytes) this.#rest = Buffer.concat([this.#rest, piece]);
  }

  /** The last piece has come. */
  end(): void {
    if (this.#rest.length > 0) this.#entries.reject('the last line has no end', nameFromBytes(this.#rest));
    if (this.#withCr > 0 && this.#withCr < this.#count) {
      this.#entries.reject('a line feed in a name', this.#firstWithout ?? '');
    }
  }

  /** `data` ends with a line. */
  #cut(data: Buffer): void {
    const texts = isUtf8(data) ? data.toString('utf8').split('\n') : splitBytes(data);
    texts.pop();
    for (const text of texts) this.#line(text);
  }

  #line(text: string): void {
    this.#count += 1;
    const hasCr = text.endsWith('\r');
    if (hasCr) this.#withCr += 1;
    else this.#firstWithout ??= text;
    const line = hasCr ? text.slice(0, -1) : text;
    if (line.includes('\r')) this.#entries.reject('a carriage return in a name', line);
    if (line.length > maxLineLength) this.#entries.reject('a line too long', line);
    else if (line !== '') this.#take(line);
  }
}

function splitBytes(data: Buffer): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
    lines.push(nameFromBytes(data.subarray(start, end)));
    start = end + 1;
  }
  lines.push(nameFromBytes(data.subarray(start)));
  return lines;
}
