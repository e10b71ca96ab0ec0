import { isUtf8 } from 'node:buffer';
import type { Entry } from '../../tree/entry.ts';
import { nameFromBytes, readableName } from '../../tree/name.ts';

/** What a listing's text says, before anybody knows whether it is all of the directory. */
export interface ParsedListing {
  readonly entries: readonly Entry[];
  /** Lines of entries, `.` and `..` among them. */
  readonly lines: number;
  /** Whether the directory's own line is there: it was read. */
  readonly self: boolean;
  /** Why some of it cannot be believed, with a sample, or undefined. */
  readonly malformed: string | undefined;
}

/** Collects entries, each name once. */
export class Entries {
  readonly #entries: Entry[] = [];
  readonly #names = new Set<string>();
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
    else if (this.#names.has(name)) this.reject('the same name twice', name);
    else {
      this.#names.add(name);
      this.#entries.push(entry);
    }
  }

  reject(why: string, sample: string): void {
    this.#malformed ??= `${why}: ${JSON.stringify(readableName(sample).slice(0, 120))}`;
  }

  done(): ParsedListing {
    return { entries: this.#entries, lines: this.#lines, self: this.#self, malformed: this.#malformed };
  }
}

/** A path and a link's target of 4,096 bytes each fit; matching a pattern against a longer line could take for ever. */
const maxLineLength = 10_000;

/**
 * The lines of a listing; empty ones are left out. A line feed within a name shows in that its line does not end in
 * CRLF while others do, a carriage return in that it stands alone; both are rejected, for no client can tell where
 * such a name ends.
 */
export function splitLines(data: Buffer, entries: Entries): readonly string[] {
  const lines: string[] = [];
  let withCr = 0;
  const texts = isUtf8(data) ? data.toString('utf8').split('\n') : splitBytes(data);
  const rest = texts.pop() ?? '';
  if (rest !== '') entries.reject('the last line has no end', rest);
  for (const text of texts) {
    const hasCr = text.endsWith('\r');
    if (hasCr) withCr += 1;
    const line = hasCr ? text.slice(0, -1) : text;
    if (line.includes('\r')) entries.reject('a carriage return in a name', line);
    if (line.length > maxLineLength) entries.reject('a line too long', line);
    else if (line !== '') lines.push(line);
  }
  if (withCr > 0 && withCr < texts.length) {
    entries.reject('a line feed in a name', texts.find((text) => !text.endsWith('\r')) ?? '');
  }
  return lines;
}

function splitBytes(data: Buffer): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
    lines.push(nameFromBytes(data.subarray(start, end)));
    start = end + 1;
  }
  lines.push(nameFromBytes(data.subarray(start)));
  return lines;
}
