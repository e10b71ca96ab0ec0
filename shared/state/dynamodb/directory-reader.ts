import { isBelow } from '../../tree/entry.ts';
import type { DirectoryRecord, SubtreeReader, WatchKey } from '../state.ts';
import { bytesAt } from './attributes.ts';
import { below, sortKey } from './directory-keys.ts';
import { findRecord, recordOf } from './records.ts';
import type { Services } from './services.ts';

/** Directories a page at first: what a single read unit gives, so that nothing is wasted where none of them is asked for. */
const smallestPage = 40;
/** Where they are asked for: about 100 KB, 25 read units, where one by one they cost a unit each. */
const largestPage = 1_000;
/** Records read ahead and not asked for yet; beyond, all of them are let go. */
const mostAhead = 50_000;

/** What was read ahead for each reader, as long as it lives. */
export class Readings {
  readonly #services: Services;
  readonly #readings = new WeakMap<SubtreeReader, Reading>();

  constructor(services: Services) {
    this.#services = services;
  }

  record(watch: WatchKey, path: string, reader: SubtreeReader): Promise<DirectoryRecord | undefined> {
    const reading = this.#readings.get(reader) ?? new Reading(this.#services, watch, reader.subtrees);
    this.#readings.set(reader, reading);
    return reading.record(path);
  }
}

/**
 * Reads ahead from the directory asked for, up to the end of the last subtree or to what was read ahead before: whoever
 * asks in the order of the keys has every record read about once. Pages grow as long as a quarter of what is read
 * lies in the subtrees: they may be many and small, with those of others in between. A record is given out once, then read anew.
 */
class Reading {
  readonly #services: Services;
  readonly #watch: WatchKey;
  readonly #subtrees: readonly string[];
  readonly #end: Uint8Array;
  #page = smallestPage;
  #read = 0;
  #own = 0;
  #ahead = new Map<string, DirectoryRecord>();
  /** What was read ahead, so that it is not read ahead again: sort keys, both included. */
  #covered: { readonly from: Uint8Array; readonly to: Uint8Array }[] = [];

  constructor(services: Services, watch: WatchKey, subtrees: readonly string[]) {
    this.#services = services;
    this.#watch = watch;
    this.#subtrees = subtrees;
    this.#end = subtrees.map(endOf).reduce((a, b) => (Buffer.compare(a, b) < 0 ? b : a), new Uint8Array());
  }

  async record(path: string): Promise<DirectoryRecord | undefined> {
    const from = sortKey(path);
    if (!this.#ahead.has(path) && !this.#covered.some((range) => isWithin(from, range))) {
      await this.#readAhead(path, from);
    }
    const record = this.#ahead.get(path);
    if (record !== undefined) {
      this.#ahead.delete(path);
      return record;
    }
    return findRecord(this.#services, this.#watch, path);
  }

  async #readAhead(path: string, from: Uint8Array): Promise<void> {
    if (!this.#isOwn(path)) return;
    if (this.#ahead.size > mostAhead) {
      this.#ahead = new Map();
      this.#covered = [];
    }
    const { table, rows, pending } = this.#services;
    const { tree } = await rows.place(this.#watch);
    const known = this.#coveredAfter(from);
    const to = known ?? this.#end;
    const size = this.#nextPage();
    for await (const page of table.pages(`d${tree}`, { from, to, page: size })) {
      for (const item of page) {
        if (known !== undefined && Buffer.compare(bytesAt(item, 's'), known) === 0) continue;
        const standing = await pending.settled(item);
        if (standing === undefined) continue;
        const record = await recordOf(this.#services, this.#watch, standing);
        if (!this.#isOwn(record.path)) continue;
        this.#own += 1;
        this.#ahead.set(record.path, record);
      }
      const last = page.at(-1)?.['s']?.B;
      this.#covered.push({ from, to: page.length < size || last === undefined ? to : last });
      this.#read += page.length;
      break; // one page: where the scan goes next decides what is read next
    }
  }

  #isOwn(path: string): boolean {
    return this.#subtrees.some((subtree) => path === subtree || isBelow(path, subtree));
  }

  #nextPage(): number {
    const ofUse = this.#own * 4 >= this.#read;
    if (this.#read > 0) this.#page = ofUse ? Math.min(largestPage, this.#page * 2) : smallestPage;
    return this.#page;
  }

  /** Where the next range begins that was read ahead. */
  #coveredAfter(from: Uint8Array): Uint8Array | undefined {
    let next: Uint8Array | undefined;
    for (const range of this.#covered) {
      const isAhead = Buffer.compare(from, range.from) < 0;
      if (isAhead && (next === undefined || Buffer.compare(range.from, next) < 0)) next = range.from;
    }
    return next;
  }
}

/** The highest sort key in the subtree, or above it and below all others. */
function endOf(subtree: string): Uint8Array {
  return below(subtree)?.to ?? Uint8Array.of(0xff);
}

function isWithin(
  at: Uint8Array,
  { from, to }: { readonly from: Uint8Array; readonly to: Uint8Array },
): boolean {
  return Buffer.compare(from, at) <= 0 && Buffer.compare(at, to) <= 0;
}
