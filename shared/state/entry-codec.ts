import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import { StateUnusable } from '../failure.ts';
import type { Facts, Precision } from '../tree/entry.ts';
import { isEscaped, nameFromBytes, nameToBytes } from '../tree/name.ts';
import { isPending, type SnapshotEntry } from '../tree/snapshot.ts';
import type { Chunk, ChunkHead } from './state.ts';

/**
 * The stored form of a chunk of entries: one byte of version, then zstd over columns: count and length of names
 * (u32 each), names joined by NUL, one byte of kind and precision per entry, sizes and times as doubles (NaN:
 * unknown), and what is pending as JSON. Columns compress well and decode without a loop over bytes. The frame
 * carries a checksum, so that damage is found and never read as other entries.
 */
const version = 1;
const precisions: readonly Precision[] = ['millisecond', 'second', 'minute', 'day', 'none'];
const directoryBit = 0x10;
const headBytes = 8;

export function encodeEntries(entries: readonly SnapshotEntry[]): Buffer {
  const names = joinNames(entries);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(entries.length, 0);
  head.writeUInt32LE(names.length, 4);
  const flags = Buffer.alloc(entries.length);
  const sizes = new Float64Array(entries.length);
  const times = new Float64Array(entries.length);
  const pending: PendingEntry[] = [];
  entries.forEach((entry, index) => {
    const facts = entry.seen ?? entry.reported ?? unknown;
    flags[index] = precisions.indexOf(facts.precision) | (entry.kind === 'directory' ? directoryBit : 0);
    sizes[index] = facts.size ?? Number.NaN;
    times[index] = facts.modifiedAt ?? Number.NaN;
    if (isPending(entry)) {
      pending.push([index, entry.seen, entry.reported, entry.since, entry.misses]);
    }
  });
  const columns = [head, names, flags, bytesOf(sizes), bytesOf(times), Buffer.from(JSON.stringify(pending))];
  const compressed = compress(Buffer.concat(columns));
  // Not of Node's pool: while it waits to be stored, it would keep alive what was made of the same piece.
  const stored = Buffer.allocUnsafeSlow(1 + compressed.length);
  stored[0] = version;
  stored.set(compressed, 1);
  return stored;
}

/** Entries that wait to be stored, in the form that they are stored in: a tenth of the memory. */
export class EncodedEntries {
  readonly length: number;
  readonly bytes: Buffer;

  constructor(entries: readonly SnapshotEntry[]) {
    this.length = entries.length;
    this.bytes = encodeEntries(entries);
  }
}

/** The stored form, whichever form they have. */
export function storedEntries(entries: readonly SnapshotEntry[] | EncodedEntries): Buffer {
  return entries instanceof EncodedEntries ? entries.bytes : encodeEntries(entries);
}

/** A stored chunk whose entries are decoded whenever they are asked for: a large directory has thousands of chunks. */
export function storedChunk(head: ChunkHead, bytes: Uint8Array): Chunk {
  return {
    ...head,
    get entries() {
      return decodeEntries(bytes);
    },
  };
}

function compress(raw: Buffer): Buffer {
  return zstdCompressSync(raw, {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
    // More than it can take at most: by default Node sets 16 KB aside for each of thousands of small directories, and
    // where the result fills its room exactly, Node adds an empty frame.
    chunkSize: raw.length + (raw.length >> 8) + 128,
    // A known size keeps the tables small that are set out for each of them.
    pledgedSrcSize: raw.length,
  });
}

/** Throws StateUnusable for bytes that `encodeEntries` did not make. */
export function decodeEntries(data: Uint8Array): readonly SnapshotEntry[] {
  if (data[0] !== version) throw damaged(`entries of unknown form ${data[0] ?? 'none'}`);
  try {
    return decodeColumns(zstdDecompressSync(data.subarray(1)));
  } catch (cause) {
    throw damaged('entries cannot be read', cause);
  }
}

function decodeColumns(raw: Buffer): readonly SnapshotEntry[] {
  const count = raw.readUInt32LE(0);
  const namesEnd = headBytes + raw.readUInt32LE(4);
  const pendingAt = namesEnd + count * 17;
  const names = splitNames(raw.subarray(headBytes, namesEnd), count);
  if (pendingAt > raw.length || names.length !== count) throw new RangeError('columns do not fit');
  const flags = raw.subarray(namesEnd, namesEnd + count);
  const sizes = doublesOf(raw.subarray(namesEnd + count), count);
  const times = doublesOf(raw.subarray(namesEnd + count * 9), count);
  const entries = names.map((name, index): SnapshotEntry => {
    const flag = flags[index] ?? 0;
    const precision = precisions[flag & 0xf];
    if (precision === undefined) throw new RangeError('unknown precision');
    const facts: Facts = {
      size: known(sizes[index]),
      modifiedAt: known(times[index]),
      precision,
    };
    const kind = (flag & directoryBit) !== 0 ? 'directory' : 'file';
    return { name, kind, seen: facts, reported: facts, since: 0, misses: 0 };
  });
  const pending = pendingEntries.parse(JSON.parse(raw.toString('utf8', pendingAt)));
  for (const [index, seen, reported, since, misses] of pending) {
    const entry = entries[index];
    if (entry === undefined) throw new RangeError('pending without an entry');
    entries[index] = { ...entry, seen, reported, since, misses };
  }
  return entries;
}

function damaged(message: string, cause?: unknown): StateUnusable {
  return new StateUnusable(`the state is damaged: ${message}`, {
    cause,
    advice:
      'Restore the state file from a backup, or move it away: the next run then starts with a new baseline.',
  });
}

const unknown: Facts = { size: null, modifiedAt: null, precision: 'none' };

const facts = z.object({
  size: z.number().nullable(),
  modifiedAt: z.number().nullable(),
  precision: z.enum(['millisecond', 'second', 'minute', 'day', 'none']),
});
const pendingEntries = z.array(
  z.tuple([z.number(), facts.nullable(), facts.nullable(), z.number(), z.number()]),
);
type PendingEntry = z.infer<typeof pendingEntries>[number];

function joinNames(entries: readonly SnapshotEntry[]): Buffer {
  const joined = entries.map((entry) => entry.name).join('\0');
  return isEscaped(joined) ? nameToBytes(joined) : Buffer.from(joined, 'utf8');
}

function splitNames(bytes: Uint8Array, count: number): string[] {
  return count === 0 ? [] : nameFromBytes(bytes).split('\0');
}

function bytesOf(doubles: Float64Array): Buffer {
  return Buffer.from(doubles.buffer, doubles.byteOffset, doubles.byteLength);
}

/** Copies: the columns before them leave doubles unaligned. */
function doublesOf(bytes: Uint8Array, count: number): Float64Array {
  const doubles = new Float64Array(count);
  bytesOf(doubles).set(bytes.subarray(0, count * 8));
  return doubles;
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
