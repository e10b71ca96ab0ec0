import { hash } from 'node:crypto';
import type { Units } from './columns.ts';
import { type EntryList, PackedEntries } from './entries.ts';
import type { Entry } from './entry.ts';

/** A change of what digests are made of changes this, and with it every stored digest. */
const version = '1';

/** Up to here a directory is one chunk; beyond, chunks hold about `meanChunk` entries. */
const wholeUpTo = 1_024;
const meanChunk = 512;

/** A run of entries with neighbouring names. `digest` is 32 hex digits. */
export interface ListedChunk {
  readonly digest: string;
  readonly entries: EntryList;
}

export interface ListedDirectory {
  /** Of all entries, whatever order they came in. */
  readonly digest: string;
  readonly chunks: readonly ListedChunk[];
}

/**
 * Fingerprints the tracked entries of one listing. Sees name, kind, and of files size, time and precision; not the
 * times of directories, which change with every entry inside. Chunk borders depend on names alone, so one new
 * name in a directory of 100,000 changes one chunk.
 */
export function digestListing(entries: EntryList): ListedDirectory {
  const chunks = cutListing(sorted(entries)).map((chunk) => ({
    digest: digestEntries(chunk),
    entries: chunk,
  }));
  const [only] = chunks;
  const digest =
    chunks.length === 1 && only ? only.digest : digestText(chunks.map((chunk) => chunk.digest).join());
  return { digest, chunks };
}

/** By name, then kind; the very list where it is sorted already. */
export function sorted(entries: EntryList): EntryList {
  return entries instanceof PackedEntries ? entries.sorted() : inOrder(entries);
}

/** The same of what has names and kinds. */
export function inOrder<T extends Ordered>(entries: readonly T[]): readonly T[] {
  let before = entries[0];
  for (const entry of entries) {
    if (before !== undefined && byNameThenKind(before, entry) > 0) return entries.toSorted(byNameThenKind);
    before = entry;
  }
  return entries;
}

interface Ordered {
  readonly name: string;
  readonly kind: string;
}

/** Cuts sorted entries where their names say so. Empty in, empty out. */
export function cut<T extends { readonly name: string }>(entries: readonly T[]): readonly (readonly T[])[] {
  if (entries.length <= wholeUpTo) return entries.length === 0 ? [] : [entries];
  const borders = entries.flatMap(({ name }, at) => (at > 0 && startsChunk(hashName(name)) ? [at] : []));
  return between(borders).map(([from, to]) => entries.slice(from, to));
}

function cutListing(entries: EntryList): readonly EntryList[] {
  if (!(entries instanceof PackedEntries)) return cut(entries);
  if (entries.length <= wholeUpTo) return entries.length === 0 ? [] : [entries];
  const borders: number[] = [];
  let at = 0;
  entries.view(({ units, from, to }) => {
    if (at > 0 && startsChunk(hashUnits(units, from, to))) borders.push(at);
    at += 1;
  });
  return between(borders).map(([from, to]) => entries.slice(from, to));
}

/** From where to where each chunk goes. */
function between(borders: readonly number[]): readonly (readonly [from: number, to: number | undefined])[] {
  return [0, ...borders].map((from, index) => [from, borders[index]]);
}

export function byNameThenKind(a: Ordered, b: Ordered): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0;
}

export function digestEntries(
  inOrder: Iterable<Pick<Entry, 'name' | 'kind' | 'size' | 'modifiedAt' | 'precision'>>,
): string {
  text.clear();
  text.add(version);
  if (inOrder instanceof PackedEntries) {
    inOrder.view((view) => {
      text.add('\n');
      text.addUnits(view.units, view.from, view.to);
      addFacts(view);
    });
  } else {
    for (const entry of inOrder) {
      text.add('\n');
      text.add(entry.name);
      addFacts(entry);
    }
  }
  return text.digest();
}

function addFacts({ kind, size, modifiedAt, precision }: Omit<Entry, 'name'>): void {
  if (kind === 'directory') {
    text.add('/');
    return;
  }
  text.add('\0');
  text.add(kind);
  text.add('\0');
  text.addNumber(size);
  text.add('\0');
  text.addNumber(modifiedAt);
  text.add('\0');
  text.add(precision);
}

/** UTF-16, because UTF-8 would make one character of all the lone surrogates that stand for bytes. */
export function digestText(text: string): string {
  return digestBytes(Buffer.from(text, 'utf16le'));
}

function digestBytes(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 32);
}

/** What is digested, put together without strings in between: they were most of the garbage of a scan. */
class Text {
  #units = new Uint16Array(1 << 16);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  add(part: string): void {
    let at = this.#length;
    if (at + part.length > this.#units.length) this.#grow(part.length);
    const units = this.#units;
    for (let i = 0; i < part.length; i += 1, at += 1) units[at] = part.charCodeAt(i);
    this.#length = at;
  }

  addUnits(part: Units, from: number, to: number): void {
    let at = this.#length;
    if (at + to - from > this.#units.length) this.#grow(to - from);
    const units = this.#units;
    for (let i = from; i < to; i += 1, at += 1) units[at] = part[i] ?? 0;
    this.#length = at;
  }

  /** As a template would write it. */
  addNumber(value: number | null): void {
    if (value === null || value < 0 || !Number.isSafeInteger(value)) {
      this.add(String(value));
      return;
    }
    let digits = 1;
    for (let limit = 10; limit <= value; limit *= 10) digits += 1;
    if (this.#length + digits > this.#units.length) this.#grow(digits);
    const end = this.#length + digits;
    // Nine digits at a time, in whole numbers of 32 bits: divisions of doubles take several times as long.
    let above = Math.floor(value / 1e9);
    let rest = (value - above * 1e9) | 0;
    for (let at = end - 1, inGroup = 0; at >= this.#length; at -= 1, inGroup += 1) {
      if (inGroup === 9) {
        inGroup = 0;
        rest = above | 0;
        above = 0;
      }
      const next = (rest / 10) | 0;
      this.#units[at] = 48 + (rest - next * 10);
      rest = next;
    }
    this.#length = end;
  }

  digest(): string {
    const { buffer } = this.#units;
    if (littleEndian) return digestBytes(new Uint8Array(buffer, 0, this.#length * 2));
    return digestBytes(Buffer.from(new Uint8Array(buffer, 0, this.#length * 2)).swap16());
  }

  #grow(by: number): void {
    const units = new Uint16Array((this.#length + by) * 2);
    units.set(this.#units);
    this.#units = units;
  }
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** One for all: whoever fills it empties it before anybody else runs. */
const text = new Text();

/** A 512th of all names starts a chunk. */
function startsChunk(nameHash: number): boolean {
  return (nameHash ^ (nameHash >>> 15)) % meanChunk === 0;
}

const fnvBasis = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** FNV-1a. */
function hashName(name: string): number {
  let h = fnvBasis;
  for (let i = 0; i < name.length; i += 1) h = Math.imul(h ^ name.charCodeAt(i), fnvPrime);
  return h;
}

/** The same of a name in columns. */
function hashUnits(units: Units, from: number, to: number): number {
  let h = fnvBasis;
  for (let i = from; i < to; i += 1) h = Math.imul(h ^ (units[i] ?? 0), fnvPrime);
  return h;
}

/**
 * Rolls digests up: the digest of a tree covers each directory's path and own digest, in the given order (parents
 * first). A directory never proved (`digest` null) counts with its path.
 */
export function rollUp(): {
  add(path: string, digest: string | null): void;
  digest(): string;
} {
  let rolled = digestText(version);
  let pending = '';
  const fold = () => {
    rolled = digestText(rolled + pending);
    pending = '';
  };
  return {
    add(path, digest) {
      pending += `\n${path}\0${digest ?? ''}`;
      if (pending.length > 65_536) fold();
    },
    digest() {
      fold();
      return rolled;
    },
  };
}
