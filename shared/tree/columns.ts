import type { Entry, EntryKind, Precision } from './entry.ts';
import { nameWithin } from './name.ts';

export const blockBits = 12;
/** So many entries are packed together at most. */
export const blockEntries = 1 << blockBits;
/** In the order of their names, as `byNameThenKind` has it. */
const kinds: readonly EntryKind[] = ['directory', 'file', 'link', 'other'];
const precisions: readonly Precision[] = ['millisecond', 'second', 'minute', 'day', 'none'];
const kindBits = 2;
export const kindMask = (1 << kindBits) - 1;
/** Of a call; far below what the stack takes. */
const mostArguments = 4_096;
/** Of the columns of numbers. */
const entryBytes = 21;
const usualNameLength = 24;

/** UTF-16; a Buffer where each unit fits into a byte. */
export type Units = Buffer | Uint16Array;

/** Columns of up to `blockEntries` entries, perhaps with room behind them. A name ends where the next one begins. */
export interface Block {
  readonly units: Units;
  readonly ends: Uint32Array;
  /** NaN: null. */
  readonly sizes: Float64Array;
  readonly times: Float64Array;
  readonly flags: Uint8Array;
}

export type EntryFacts = Omit<Entry, 'name'>;

/** An entry whose name is the bytes from `start` to `end`, UTF-8 or whatever the server has. */
export interface NamedBytes extends EntryFacts {
  readonly start: number;
  readonly end: number;
}

export function pack(entries: readonly Entry[]): Block {
  const block = numbers(entries.length);
  const names = entries.map(({ name }) => name).join('');
  let end = 0;
  entries.forEach((entry, index) => {
    end += entry.name.length;
    put(block, index, end, entry);
  });
  return { ...block, units: unitsOf(names) };
}

/** Builds a block of names as they come over the wire, without a string for any that is plain ASCII. */
export class BlockBuilder {
  #numbers: Omit<Block, 'units'>;
  #units: Units;
  #length = 0;
  #end = 0;

  /** Grows where more than `expected` entries come. */
  constructor(expected: number) {
    const capacity = Math.max(1, Math.min(expected, blockEntries));
    this.#numbers = numbers(capacity);
    this.#units = Buffer.allocUnsafe(capacity * usualNameLength);
  }

  get length(): number {
    return this.#length;
  }

  /** No more than `blockEntries` entries. */
  add(bytes: Buffer, entry: NamedBytes): void {
    if (this.#length === this.#numbers.flags.length) this.#growNumbers();
    this.#addName(bytes, entry.start, entry.end);
    put(this.#numbers, this.#length, this.#end, entry);
    this.#length += 1;
  }

  done(): Block {
    const isWasteful = this.#units.length > 2 * this.#end || this.#length === blockEntries;
    return { ...this.#numbers, units: isWasteful ? copyOf(this.#units, this.#end) : this.#units };
  }

  #addName(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    const units = this.#units;
    let at = this.#end;
    let all = 0;
    for (let index = start; index < end; index += 1, at += 1) {
      const byte = bytes[index] ?? 0;
      units[at] = byte;
      all |= byte;
    }
    if (all < 0x80) this.#end = at;
    else this.#addText(nameWithin(bytes, start, end));
  }

  #addText(name: string): void {
    if (!(this.#units instanceof Uint16Array) && !isNarrow(name)) this.#units = new Uint16Array(this.#units);
    this.#reserve(name.length);
    for (let index = 0; index < name.length; index += 1) {
      this.#units[this.#end] = name.charCodeAt(index);
      this.#end += 1;
    }
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#units.length) return;
    this.#units = copyOf(this.#units, this.#end, 2 * needed);
  }

  #growNumbers(): void {
    const { ends, sizes, times, flags } = this.#numbers;
    const grown = numbers(Math.min(2 * flags.length, blockEntries));
    grown.ends.set(ends);
    grown.sizes.set(sizes);
    grown.times.set(times);
    grown.flags.set(flags);
    this.#numbers = grown;
  }
}

export function kindAt({ flags }: Block, at: number): EntryKind {
  return kinds[(flags[at] ?? 0) & kindMask] ?? 'other';
}

export function precisionAt({ flags }: Block, at: number): Precision {
  return precisions[(flags[at] ?? 0) >> kindBits] ?? 'none';
}

export function startAt({ ends }: Block, at: number): number {
  return at === 0 ? 0 : (ends[at - 1] ?? 0);
}

export function nameAt(block: Block, at: number): string {
  const { units, ends } = block;
  const [start, end] = [startAt(block, at), ends[at] ?? 0];
  if (!(units instanceof Uint16Array)) return units.toString('latin1', start, end);
  let text = '';
  for (let from = start; from < end; from += mostArguments) {
    text += String.fromCharCode(...units.subarray(from, Math.min(end, from + mostArguments)));
  }
  return text;
}

export function numberAt(column: Float64Array, at: number): number | null {
  const value = column[at] ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
}

/** The number of a kind in the order of names. */
export function rankOf(kind: EntryKind): number {
  return kinds.indexOf(kind);
}

function put(to: Omit<Block, 'units'>, at: number, end: number, facts: EntryFacts): void {
  to.ends[at] = end;
  to.sizes[at] = facts.size ?? Number.NaN;
  to.times[at] = facts.modifiedAt ?? Number.NaN;
  to.flags[at] = kinds.indexOf(facts.kind) | (precisions.indexOf(facts.precision) << kindBits);
}

/** One piece of memory for all of them: a directory of a few entries has a block of its own. */
function numbers(capacity: number): Omit<Block, 'units'> {
  const memory = new ArrayBuffer(capacity * entryBytes);
  return {
    sizes: new Float64Array(memory, 0, capacity),
    times: new Float64Array(memory, capacity * 8, capacity),
    ends: new Uint32Array(memory, capacity * 16, capacity),
    flags: new Uint8Array(memory, capacity * 20, capacity),
  };
}

function copyOf(units: Units, length: number, capacity = length): Units {
  const copy = units instanceof Uint16Array ? new Uint16Array(capacity) : Buffer.allocUnsafe(capacity);
  copy.set(units.subarray(0, length));
  return copy;
}

function unitsOf(text: string): Units {
  if (isNarrow(text)) return Buffer.from(text, 'latin1');
  const units = new Uint16Array(text.length);
  for (let index = 0; index < text.length; index += 1) units[index] = text.charCodeAt(index);
  return units;
}

function isNarrow(text: string): boolean {
  return !/[^\0-\xff]/.test(text);
}
