import { isDeepStrictEqual } from 'node:util';
import {
  type Block,
  BlockBuilder,
  blockBits,
  blockEntries,
  type EntryFacts,
  kindAt,
  kindMask,
  type NamedBytes,
  nameAt,
  numberAt,
  pack,
  precisionAt,
  rankOf,
  startAt,
  type Units,
} from './columns.ts';
import type { Entry, EntryKind, Precision } from './entry.ts';
import { type Names, sortByName } from './name-order.ts';

/** The entries of a listing: an array, or columns. Both are in the order they came in. */
export type EntryList = readonly Entry[] | PackedEntries;

const inBlock = blockEntries - 1;

/** Takes entries one by one and holds many of them in a third of the memory that as many objects need. */
export class EntryCollector {
  readonly #blocks: Block[] = [];
  #entries: Entry[] = [];

  get length(): number {
    return this.#blocks.length * blockEntries + this.#entries.length;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length < blockEntries) return;
    this.#blocks.push(pack(this.#entries));
    this.#entries = [];
  }

  /** All that was added so far, in that order. */
  done(): EntryList {
    const { length } = this;
    const rest = this.#entries;
    this.#entries = [];
    if (this.#blocks.length === 0) return rest;
    return new PackedEntries(rest.length === 0 ? this.#blocks : [...this.#blocks, pack(rest)], length);
  }
}

/** The same of names as they come over the wire: few or many, they become columns. */
export class NameCollector {
  readonly #blocks: Block[] = [];
  #open: BlockBuilder | undefined;

  get length(): number {
    return this.#blocks.length * blockEntries + (this.#open?.length ?? 0);
  }

  /** `following`: how many are known to come after it. */
  add(bytes: Buffer, entry: NamedBytes, following: number): void {
    this.#open ??= new BlockBuilder(following + 1);
    this.#open.add(bytes, entry);
    if (this.#open.length < blockEntries) return;
    this.#blocks.push(this.#open.done());
    this.#open = undefined;
  }

  /** All that was added; nothing may be added afterwards. */
  done(): EntryList {
    const { length } = this;
    if (length === 0) return [];
    const open = this.#open?.done();
    return new PackedEntries(open === undefined ? this.#blocks : [...this.#blocks, open], length);
  }
}

/** What columns say of one entry. The next one is told by the same object. */
export interface EntryView extends EntryFacts {
  /** The name is those from `from` to `to`. */
  readonly units: Units;
  readonly from: number;
  readonly to: number;
}

/** Whether entries are known to be in the order of their names, and no name among them twice. */
type Sorting = 'unknown' | 'sorted' | 'distinct';

/** Entries as columns; each is made anew whenever it is looked at. Views share the columns. */
export class PackedEntries implements Iterable<Entry> {
  readonly length: number;
  readonly #blocks: readonly Block[];
  /** In the blocks; undefined: all of them, as they stand. */
  readonly #places: Uint32Array | undefined;
  #sorting: Sorting;

  constructor(blocks: readonly Block[], length: number, places?: Uint32Array, sorting: Sorting = 'unknown') {
    this.#blocks = blocks;
    this.length = length;
    this.#places = places;
    this.#sorting = sorting;
  }

  at(index: number): Entry | undefined {
    return index >= 0 && index < this.length ? this.#entry(this.#place(index)) : undefined;
  }

  *[Symbol.iterator](): Generator<Entry, undefined, undefined> {
    for (let index = 0; index < this.length; index += 1) yield this.#entry(this.#place(index));
  }

  filter(predicate: (entry: Entry) => boolean): PackedEntries {
    return this.#where((place) => predicate(this.#entry(place)));
  }

  ofKinds(wanted: readonly EntryKind[]): PackedEntries {
    const isWanted: boolean[] = [];
    for (const kind of wanted) isWanted[rankOf(kind)] = true;
    return this.#where((place) => isWanted[this.#rank(place)] === true);
  }

  #where(isTaken: (place: number) => boolean): PackedEntries {
    let places: Uint32Array | undefined;
    let taken = 0;
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      const isOne = isTaken(place);
      if (places === undefined && !isOne) places = this.#copyOfPlaces();
      if (!isOne) continue;
      if (places !== undefined) places[taken] = place;
      taken += 1;
    }
    if (places === undefined) return this;
    return new PackedEntries(this.#blocks, taken, places.slice(0, taken), this.#sorting);
  }

  #copyOfPlaces(): Uint32Array {
    return this.#places?.slice() ?? placesFrom(0, this.length);
  }

  /** Every entry in turn, without an object for any. */
  view(take: (view: EntryView) => void): void {
    const view = new View();
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      view.show(this.#block(place), place & inBlock);
      take(view);
    }
  }

  find(predicate: (entry: Entry) => boolean): Entry | undefined {
    for (const entry of this) if (predicate(entry)) return entry;
    return undefined;
  }

  slice(from: number, to = this.length): PackedEntries {
    const places = this.#places?.subarray(from, to) ?? placesFrom(from, to);
    return new PackedEntries(this.#blocks, places.length, places, this.#sorting);
  }

  /** By name, then kind. */
  sorted(): PackedEntries {
    if (this.#sorting !== 'unknown') return this;
    const places = this.#copyOfPlaces();
    const isNarrow = this.#blocks.every(({ units }) => !(units instanceof Uint16Array));
    const names: Names = {
      unitBits: isNarrow ? 8 : 16,
      keyAt: (place, skipped, count) => this.#keyAt(place, skipped, count, isNarrow ? 0x100 : 0x10000),
      compare: (a, b) => this.#compare(a, b),
    };
    const sorting = sortByName(places, names, this.#commonPrefix()) ? 'distinct' : 'sorted';
    if (places.some((place, index) => place !== this.#place(index)))
      return new PackedEntries(this.#blocks, this.length, places, sorting);
    this.#sorting = sorting;
    return this;
  }

  /** Of a sorted list, the first entry that has the name of the one before it. */
  twin(): Entry | undefined {
    if (this.#sorting === 'distinct') return undefined;
    for (let index = 1; index < this.length; index += 1) {
      const place = this.#place(index);
      if (this.#compareNames(this.#place(index - 1), place) === 0) return this.#entry(place);
    }
    return undefined;
  }

  #keyAt(place: number, skipped: number, count: number, base: number): number {
    const block = this.#block(place);
    const from = startAt(block, place & inBlock) + skipped;
    const to = block.ends[place & inBlock] ?? 0;
    let key = 0;
    for (let unit = from; unit < from + count; unit += 1) {
      key = key * base + (unit < to ? (block.units[unit] ?? 0) : 0);
    }
    return key;
  }

  /** Units with which all names begin. */
  #commonPrefix(): number {
    const first = this.at(0)?.name ?? '';
    let shared = first.length;
    for (let index = 1; index < this.length && shared > 0; index += 1) {
      const place = this.#place(index);
      const block = this.#block(place);
      const from = startAt(block, place & inBlock);
      shared = Math.min(shared, (block.ends[place & inBlock] ?? 0) - from);
      for (let unit = 0; unit < shared; unit += 1) {
        if (block.units[from + unit] !== first.charCodeAt(unit)) shared = unit;
      }
    }
    return shared;
  }

  #place(index: number): number {
    return this.#places === undefined ? index : (this.#places[index] ?? 0);
  }

  #entry(place: number): Entry {
    const block = this.#block(place);
    const at = place & inBlock;
    return {
      name: nameAt(block, at),
      kind: kindAt(block, at),
      size: numberAt(block.sizes, at),
      modifiedAt: numberAt(block.times, at),
      precision: precisionAt(block, at),
    };
  }

  /** As `byNameThenKind` has it. */
  #compare(a: number, b: number): number {
    return this.#compareNames(a, b) || this.#rank(a) - this.#rank(b);
  }

  #rank(place: number): number {
    return (this.#block(place).flags[place & inBlock] ?? 0) & kindMask;
  }

  #compareNames(a: number, b: number): number {
    const one = this.#block(a);
    const two = this.#block(b);
    let i = startAt(one, a & inBlock);
    let j = startAt(two, b & inBlock);
    const endOne = one.ends[a & inBlock] ?? 0;
    const endTwo = two.ends[b & inBlock] ?? 0;
    for (; i < endOne && j < endTwo; i += 1, j += 1) {
      const difference = (one.units[i] ?? 0) - (two.units[j] ?? 0);
      if (difference !== 0) return difference;
    }
    if (i < endOne) return 1;
    return j < endTwo ? -1 : 0;
  }

  #block(place: number): Block {
    const block = this.#blocks[place >>> blockBits];
    if (block === undefined) throw new RangeError(`no entry at ${place}`);
    return block;
  }
}

class View implements EntryView {
  units: Units = Buffer.alloc(0);
  from = 0;
  to = 0;
  kind: EntryKind = 'other';
  size: number | null = null;
  modifiedAt: number | null = null;
  precision: Precision = 'none';

  show(block: Block, at: number): void {
    this.units = block.units;
    this.from = startAt(block, at);
    this.to = block.ends[at] ?? 0;
    this.kind = kindAt(block, at);
    this.size = numberAt(block.sizes, at);
    this.modifiedAt = numberAt(block.times, at);
    this.precision = precisionAt(block, at);
  }
}

/** Those of these kinds; the very list where all are. */
export function ofKinds(entries: EntryList, ...wanted: readonly EntryKind[]): EntryList {
  if (entries instanceof PackedEntries) return entries.ofKinds(wanted);
  const isWanted = ({ kind }: Entry) => wanted.includes(kind);
  return entries.every(isWanted) ? entries : entries.filter(isWanted);
}

/** Of a sorted list, the first entry that has the name of the one before it. */
export function twinIn(entries: EntryList): Entry | undefined {
  if (entries instanceof PackedEntries) return entries.twin();
  return entries.find(({ name }, index) => name === entries[index - 1]?.name);
}

/** Of a sorted list, each name once: the first of those that have it. The very list where none comes twice. */
export function withoutTwins(entries: EntryList): EntryList {
  if (twinIn(entries) === undefined) return entries;
  let last: string | undefined;
  return entries.filter(({ name }) => {
    const isTwin = name === last;
    last = name;
    return !isTwin;
  });
}

/** Whether both hold the same entries in the same order. */
export function sameEntries(a: EntryList, b: EntryList): boolean {
  if (a.length !== b.length) return false;
  const others = b[Symbol.iterator]();
  for (const entry of a) if (!isDeepStrictEqual(entry, others.next().value)) return false;
  return true;
}

function placesFrom(from: number, to: number): Uint32Array {
  const places = new Uint32Array(to - from);
  for (let index = 0; index < places.length; index += 1) places[index] = from + index;
  return places;
}
