import { isDeepStrictEqual } from 'node:util';
import type { Entry, EntryKind, Precision } from './entry.ts';

/** The entries of a listing: an array, or columns where they are many. Both are in the order they came in. */
export type EntryList = readonly Entry[] | PackedEntries;

const blockBits = 12;
/** So many entries are packed together; fewer stay an array. */
export const blockEntries = 1 << blockBits;
const inBlock = blockEntries - 1;
/** In the order of their names, as `byNameThenKind` has it. */
const kinds: readonly EntryKind[] = ['directory', 'file', 'link', 'other'];
const precisions: readonly Precision[] = ['millisecond', 'second', 'minute', 'day', 'none'];
const kindBits = 2;
const kindMask = (1 << kindBits) - 1;
/** Of a call; far below what the stack takes. */
const mostArguments = 4_096;

/** Columns of up to `blockEntries` entries. A name ends where the next one begins. */
interface Block {
  /** Of UTF-16; a Buffer where each fits into a byte. */
  readonly units: Buffer | Uint16Array;
  readonly ends: Uint32Array;
  /** NaN: null. */
  readonly sizes: Float64Array;
  readonly times: Float64Array;
  readonly flags: Uint8Array;
}

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
    const isWanted = kinds.map((kind) => wanted.includes(kind));
    return this.#where((place) => isWanted[this.#kind(place)] === true);
  }

  #where(isTaken: (place: number) => boolean): PackedEntries {
    const order = new Uint32Array(this.length);
    let taken = 0;
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      if (!isTaken(place)) continue;
      order[taken] = place;
      taken += 1;
    }
    return taken === this.length ? this : new PackedEntries(this.#blocks, taken, order.slice(0, taken));
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
    const order = new Uint32Array(this.length);
    for (let index = 0; index < this.length; index += 1) order[index] = this.#place(index);
    const keys = this.#keys();
    const compare = (a: number, b: number) => (keys[a] ?? 0) - (keys[b] ?? 0) || this.#compare(a, b);
    return new PackedEntries(this.#blocks, this.length, mergeSort(order, compare));
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
    const skipped = this.#commonPrefix();
    const keys = new Float64Array(this.#blocks.length * blockEntries);
    for (let index = 0; index < this.length; index += 1) {
      const place = this.#place(index);
      const { units, ends } = this.#block(place);
      const at = place & inBlock;
      const from = startOf(ends, at) + skipped;
      const to = ends[at] ?? 0;
      let key = 0;
      for (let unit = from; unit < from + (isNarrow ? 6 : 3); unit += 1) {
        key = key * (isNarrow ? 0x100 : 0x10000) + (unit < to ? (units[unit] ?? 0) : 0);
      }
      keys[place] = key;
    }
    return keys;
  }

  /** Units with which all names begin. */
  #commonPrefix(): number {
    const first = this.at(0)?.name ?? '';
    let shared = first.length;
    for (let index = 1; index < this.length && shared > 0; index += 1) {
      const place = this.#place(index);
      const { units, ends } = this.#block(place);
      const at = place & inBlock;
      const from = startOf(ends, at);
      shared = Math.min(shared, (ends[at] ?? 0) - from);
      for (let unit = 0; unit < shared; unit += 1) {
        if (units[from + unit] !== first.charCodeAt(unit)) shared = unit;
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
    const { units, ends, sizes, times, flags } = this.#block(place);
    const at = place & inBlock;
    const flag = flags[at] ?? 0;
    return {
      name: textOf(units, startOf(ends, at), ends[at] ?? 0),
      kind: kinds[flag & kindMask] ?? 'other',
      size: numberOf(sizes[at]),
      modifiedAt: numberOf(times[at]),
      precision: precisions[flag >> kindBits] ?? 'none',
    };
  }

  /** As `byNameThenKind` has it. */
  #compare(a: number, b: number): number {
    return this.#compareNames(a, b) || this.#kind(a) - this.#kind(b);
  }

  #kind(place: number): number {
    return (this.#block(place).flags[place & inBlock] ?? 0) & kindMask;
  }

  #compareNames(a: number, b: number): number {
    const one = this.#block(a);
    const two = this.#block(b);
    let i = startOf(one.ends, a & inBlock);
    let j = startOf(two.ends, b & inBlock);
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

/** Whether both hold the same entries in the same order. */
export function sameEntries(a: EntryList, b: EntryList): boolean {
  if (a.length !== b.length) return false;
  const others = b[Symbol.iterator]();
  for (const entry of a) if (!isDeepStrictEqual(entry, others.next().value)) return false;
  return true;
}

/** From below; the built-in sort copies what it sorts into arrays of 16 bytes a number. */
function mergeSort(order: Uint32Array<ArrayBuffer>, compare: (a: number, b: number) => number): Uint32Array {
  let from = order;
  let to = new Uint32Array(order.length);
  for (let width = 1; width < order.length; width *= 2) {
    for (let start = 0; start < order.length; start += 2 * width) {
      let left = start;
      const middle = Math.min(start + width, order.length);
      let right = middle;
      const end = Math.min(middle + width, order.length);
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

function startOf(ends: Uint32Array, at: number): number {
  return at === 0 ? 0 : (ends[at - 1] ?? 0);
}

function pack(entries: readonly Entry[]): Block {
  const ends = new Uint32Array(entries.length);
  const sizes = new Float64Array(entries.length);
  const times = new Float64Array(entries.length);
  const flags = new Uint8Array(entries.length);
  const names = entries.map(({ name }) => name).join('');
  let end = 0;
  entries.forEach(({ name, kind, size, modifiedAt, precision }, index) => {
    end += name.length;
    ends[index] = end;
    sizes[index] = size ?? Number.NaN;
    times[index] = modifiedAt ?? Number.NaN;
    flags[index] = kinds.indexOf(kind) | (precisions.indexOf(precision) << kindBits);
  });
  return { units: unitsOf(names), ends, sizes, times, flags };
}

function unitsOf(text: string): Block['units'] {
  if (!/[^\0-\xff]/.test(text)) return Buffer.from(text, 'latin1');
  const units = new Uint16Array(text.length);
  for (let index = 0; index < text.length; index += 1) units[index] = text.charCodeAt(index);
  return units;
}

function textOf(units: Block['units'], start: number, end: number): string {
  if (!(units instanceof Uint16Array)) return units.toString('latin1', start, end);
  let text = '';
  for (let from = start; from < end; from += mostArguments) {
    text += String.fromCharCode(...units.subarray(from, Math.min(end, from + mostArguments)));
  }
  return text;
}

function numberOf(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
