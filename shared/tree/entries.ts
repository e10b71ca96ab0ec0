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

/** Entries as columns; each is made anew whenever it is looked at. Views share the columns. */
export class PackedEntries implements Iterable<Entry> {
  readonly length: number;
  readonly #blocks: readonly Block[];
  /** Places in the blocks; undefined: all of them, as they stand. */
  readonly #order: Uint32Array | undefined;

  constructor(blocks: readonly Block[], length: number, order?: Uint32Array) {
    this.#blocks = blocks;
    this.length = length;
    this.#order = order;
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
    let order: Uint32Array | undefined;
    let taken = 0;
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      const isOne = isTaken(place);
      if (order === undefined && !isOne) order = this.#places(index);
      if (!isOne) continue;
      if (order !== undefined) order[taken] = place;
      taken += 1;
    }
    return order === undefined ? this : new PackedEntries(this.#blocks, taken, order.slice(0, taken));
  }

  /** Room for all places, with the first ones in it. */
  #places(upTo: number): Uint32Array {
    const order = new Uint32Array(this.length);
    for (let index = 0; index < upTo; index += 1) order[index] = this.#place(index);
    return order;
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
    const order =
      this.#order?.subarray(from, to) ?? Uint32Array.from({ length: to - from }, (_, i) => from + i);
    return new PackedEntries(this.#blocks, order.length, order);
  }

  /** By name, then kind. */
  sorted(): PackedEntries {
    if (this.#isSorted()) return this;
    const keys = this.#keys();
    const compare = (a: number, b: number) =>
      (keys[a] ?? 0) - (keys[b] ?? 0) || this.#compare(this.#place(a), this.#place(b));
    const inOrder = mergeSort(this.length, compare);
    return new PackedEntries(
      this.#blocks,
      this.length,
      inOrder.map((index) => this.#place(index)),
    );
  }

  /** Of a sorted list, the first entry that has the name of the one before it. */
  twin(): Entry | undefined {
    for (let index = 1; index < this.length; index += 1) {
      const place = this.#place(index);
      if (this.#compareNames(this.#place(index - 1), place) === 0) return this.#entry(place);
    }
    return undefined;
  }

  /** Numbers in the order of names, as far as they go: those of the first units in which names differ. */
  #keys(): Float64Array {
    const isNarrow = this.#blocks.every(({ units }) => !(units instanceof Uint16Array));
    const [count, base] = isNarrow ? [6, 0x100] : [3, 0x10000];
    const skipped = this.#commonPrefix();
    const keys = new Float64Array(this.length);
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      const block = this.#block(place);
      const from = startAt(block, place & inBlock) + skipped;
      const to = block.ends[place & inBlock] ?? 0;
      let key = 0;
      for (let unit = from; unit < from + count; unit += 1) {
        key = key * base + (unit < to ? (block.units[unit] ?? 0) : 0);
      }
      keys[index] = key;
    }
    return keys;
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

  #isSorted(): boolean {
    for (let index = 1; index < this.length; index += 1) {
      if (this.#compare(this.#place(index - 1), this.#place(index)) > 0) return false;
    }
    return true;
  }

  #place(index: number): number {
    return this.#order === undefined ? index : (this.#order[index] ?? 0);
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

/** The numbers below `length` in order, from below; the built-in sort copies them into arrays of 16 bytes a number. */
function mergeSort(length: number, compare: (a: number, b: number) => number): Uint32Array {
  let from = new Uint32Array(length);
  for (let index = 0; index < length; index += 1) from[index] = index;
  let to = new Uint32Array(length);
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      let left = start;
      const middle = Math.min(start + width, length);
      let right = middle;
      const end = Math.min(middle + width, length);
      for (let at = start; at < end; at += 1) {
        const isLeft = right >= end || (left < middle && compare(from[left] ?? 0, from[right] ?? 0) <= 0);
        to[at] = (isLeft ? from[left] : from[right]) ?? 0;
        if (isLeft) left += 1;
        else right += 1;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
