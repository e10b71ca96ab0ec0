import type { Entry, EntryKind } from '../../tree/entry.ts';
import { Entries, Lines, type ListingParser, type ParsedListing } from './listing-lines.ts';

/** RFC 3659, section 7: `fact=value;fact=value; name`, times in UTC. */
export interface ParsedMlsd extends ParsedListing {
  /** The `unique` fact (device and inode) of the directory itself, where the server says it. */
  readonly unique: string | undefined;
  /** The same of each directory in it, by name. */
  readonly uniqueDirectories: ReadonlyMap<string, string>;
}

interface Facts {
  type: string;
  size: string;
  modify: string;
  unique: string;
}

export class MlsdParser implements ListingParser<ParsedMlsd> {
  readonly #entries = new Entries();
  readonly #described = new Described(this.#entries);
  readonly #lines = new Lines(this.#entries, (line) => this.#line(line));

  push(piece: Buffer): void {
    this.#lines.push(piece);
  }

  done(): ParsedMlsd {
    this.#lines.end();
    return this.#described.done();
  }

  #line(line: string): void {
    const end = factsEnd(line);
    if (end === -1) this.#entries.reject('not a line of MLSD', line);
    else this.#described.add(line.slice(end + 1), line, end);
  }
}

/** Of one directory, as many as are remembered at all. */
const mostUniques = 200_000;

/** Facts and what they are of, in the order of the server; MLST shows the same of one path. */
export class Described {
  readonly #entries: Entries;
  readonly #uniqueDirectories = new Map<string, string>();
  #unique: string | undefined;

  constructor(entries = new Entries()) {
    this.#entries = entries;
  }

  /** `line` holds the facts up to `end`. */
  add(name: string, line: string, end: number): void {
    const facts = parseFacts(line, end);
    const type = facts.type.toLowerCase();
    if (type === 'cdir' || name === '.') {
      this.#entries.sawSelf();
      if (facts.unique !== '') this.#unique = facts.unique;
    } else if (type === 'pdir' || name === '..') this.#entries.sawParent();
    else if (type === '') this.#entries.reject('a line of MLSD without type', line);
    else {
      const entry = toEntry(name, type, facts);
      this.#entries.add(entry);
      if (entry.kind === 'directory' && facts.unique !== '') this.#remember(name, facts.unique);
    }
  }

  #remember(name: string, unique: string): void {
    if (this.#uniqueDirectories.size < mostUniques) this.#uniqueDirectories.set(name, unique);
  }

  done(): ParsedMlsd {
    return {
      ...this.#entries.done(),
      unique: this.#unique,
      uniqueDirectories: this.#uniqueDirectories,
    };
  }
}

/**
 * Where the space is that ends the facts. The first one, unless a value has blanks (`type=OS.unix=slink:/a b`
 * is seen although RFC 3659 forbids it).
 */
export function factsEnd(line: string): number {
  const space = line.indexOf(' ');
  if (space <= 0) return -1;
  if (line[space - 1] === ';') return space;
  const end = line.indexOf('; ');
  return end === -1 ? -1 : end + 1;
}

function parseFacts(line: string, end: number): Facts {
  const facts: Facts = { type: '', size: '', modify: '', unique: '' };
  for (let at = 0; at < end; ) {
    const semicolon = line.indexOf(';', at);
    const equals = line.indexOf('=', at);
    if (equals !== -1 && equals < semicolon) {
      const fact = factName(line.slice(at, equals));
      if (fact !== undefined) facts[fact] = line.slice(equals + 1, semicolon);
    }
    at = semicolon + 1;
  }
  return facts;
}

/** Names of facts are case-insensitive; the usual lower case first, since this runs five times a line. */
function factName(text: string): keyof Facts | undefined {
  if (text === 'modify' || text === 'size' || text === 'type' || text === 'unique') return text;
  const lower = text.toLowerCase();
  return lower === text ? undefined : factName(lower);
}

function toEntry(name: string, type: string, { size, modify }: Facts): Entry {
  const kind = kindOf(type);
  const modifiedAt = parseTime(modify);
  return {
    name,
    kind,
    size: kind === 'file' && /^\d+$/.test(size) ? Number(size) : null,
    modifiedAt,
    precision: modifiedAt === null ? 'none' : modify.length >= 18 ? 'millisecond' : 'second',
  };
}

/** `OS.unix=slink:target` (Pure-FTPd), `OS.unix=symlink` (ProFTPD), `OS.unix=chr-1/3`: RFC 3659, section 7.5.1.5. */
function kindOf(type: string): EntryKind {
  if (type === 'file') return 'file';
  if (type === 'dir') return 'directory';
  return /^(os\.[^=]*=)?(s|sym)?link\b/.test(type) ? 'link' : 'other';
}

/** YYYYMMDDHHMMSS with an optional fraction, always UTC; null for what no calendar has. */
function parseTime(text: string): number | null {
  if (!/^\d{14}(\.\d+)?$/.test(text)) return null;
  const year = digits(text, 0, 4);
  const month = digits(text, 4, 6);
  const day = digits(text, 6, 8);
  const hour = digits(text, 8, 10);
  // Date.UTC takes years below 100 for those of the last century.
  if (year < 100 || month < 1 || month > 12 || day < 1 || hour > 23) return null;
  if (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  const ms = text.length >= 18 ? digits(text, 15, 18) : 0;
  return Date.UTC(year, month - 1, day, hour, digits(text, 10, 12), digits(text, 12, 14), ms);
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) value = value * 10 + text.charCodeAt(at) - 48;
  return value;
}
