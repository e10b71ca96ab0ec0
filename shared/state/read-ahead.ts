import { isBelow } from '../tree/entry.ts';
import type { DirectoryRecord, SubtreeReader } from './state.ts';

/** Directories of a store in the order of its keys. */
export interface OrderedDirectories {
  readonly keyOf: (path: string) => Uint8Array;
  /** The highest key in the subtree, or above it and below all others. */
  readonly endOf: (subtree: string) => Uint8Array;
  /** At most `limit` of those with keys from `from` to `to`, both included. */
  readonly page: (from: Uint8Array, to: Uint8Array, limit: number) => Promise<Page>;
  readonly one: (path: string) => Promise<DirectoryRecord | undefined>;
  /** Records of a page at first, and at most. */
  readonly smallestPage: number;
  readonly largestPage: number;
  /** Records read ahead and not asked for yet; beyond, all of them are let go. */
  readonly mostAhead: number;
}

export interface Page {
  readonly records: readonly DirectoryRecord[];
  /** Where the page ends that the limit has cut; undefined: nothing more is there. */
  readonly last: Uint8Array | undefined;
}

/** Subtrees of fewer records than that are small. */
const smallSubtree = 10;

/**
 * Reads ahead from the directory asked for, to the end of its subtree or to what was read ahead before: whoever asks in
 * the order of the keys has every record read about once, and many of them together. Where the subtrees prove to be small,
 * as in what a task hands on, a page goes on across them: the smallest costs no more for it. Pages grow as long as half
 * of what they bring is theirs. A record is given out once, then read anew.
 */
export class ReadAhead {
  readonly #directories: OrderedDirectories;
  readonly #subtrees: readonly string[];
  readonly #end: Uint8Array;
  /** Subtrees that records were read of. */
  readonly #met = new Set<string>();
  #page: number;
  #read = 0;
  #own = 0;
  #ahead = new Map<string, DirectoryRecord>();
  /** What was read ahead, so that it is not read ahead again: keys, both included. */
  #covered: { readonly from: Uint8Array; readonly to: Uint8Array }[] = [];

  constructor(directories: OrderedDirectories, { subtrees }: SubtreeReader) {
    this.#directories = directories;
    this.#subtrees = subtrees;
    this.#end = subtrees.map(directories.endOf).reduce(later, new Uint8Array());
    this.#page = directories.smallestPage;
  }

  async record(path: string): Promise<DirectoryRecord | undefined> {
    const ahead = this.#take(path);
    if (ahead !== undefined) return ahead;
    const from = this.#directories.keyOf(path);
    const subtree = this.#subtreeOf(path);
    if (subtree !== undefined && !this.#covered.some((range) => isWithin(from, range))) {
      await this.#readAhead(from, subtree);
      const read = this.#take(path);
      if (read !== undefined) return read;
    }
    return this.#directories.one(path);
  }

  #take(path: string): DirectoryRecord | undefined {
    const record = this.#ahead.get(path);
    if (record !== undefined) this.#ahead.delete(path);
    return record;
  }

  async #readAhead(from: Uint8Array, subtree: string): Promise<void> {
    const { keyOf, endOf, page, mostAhead } = this.#directories;
    if (this.#ahead.size > mostAhead) {
      this.#ahead = new Map();
      this.#covered = [];
    }
    const areSmall = this.#own < this.#met.size * smallSubtree;
    const end = areSmall ? this.#end : endOf(subtree);
    const known = this.#coveredAfter(from, end);
    const to = known ?? end;
    const { records, last } = await page(from, to, this.#nextPage());
    for (const record of records) {
      const within = this.#subtreeOf(record.path);
      if (within === undefined) continue;
      if (known !== undefined && Buffer.compare(keyOf(record.path), known) === 0) continue;
      this.#own += 1;
      this.#met.add(within);
      this.#ahead.set(record.path, record);
    }
    this.#read += records.length;
    this.#covered.push({ from, to: last ?? to });
  }

  #subtreeOf(path: string): string | undefined {
    return this.#subtrees.find((subtree) => path === subtree || isBelow(path, subtree));
  }

  #nextPage(): number {
    const { smallestPage, largestPage } = this.#directories;
    const areOfUse = this.#own * 2 >= this.#read;
    if (this.#read > 0) this.#page = areOfUse ? Math.min(largestPage, this.#page * 2) : smallestPage;
    return this.#page;
  }

  /** Where the next range begins that was read ahead, up to `end`. */
  #coveredAfter(from: Uint8Array, end: Uint8Array): Uint8Array | undefined {
    let next: Uint8Array | undefined;
    for (const range of this.#covered) {
      const isAhead = Buffer.compare(from, range.from) < 0 && Buffer.compare(range.from, end) <= 0;
      if (isAhead && (next === undefined || Buffer.compare(range.from, next) < 0)) next = range.from;
    }
    return next;
  }
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.compare(a, b) < 0 ? b : a;
}

function isWithin(
  at: Uint8Array,
  { from, to }: { readonly from: Uint8Array; readonly to: Uint8Array },
): boolean {
  return Buffer.compare(from, at) <= 0 && Buffer.compare(at, to) <= 0;
}
