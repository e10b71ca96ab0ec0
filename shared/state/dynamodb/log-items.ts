import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import type { Change } from '../../changes/change.ts';
import type { Cursor } from '../cursor.ts';
import type { Fence } from '../state.ts';
import { storedChange } from '../stored.ts';
import {
  binary,
  bytesAt,
  damaged,
  type Item,
  type Key,
  key,
  number,
  numberAt,
  parsed,
} from './attributes.ts';
import { expiring } from './bulk.ts';
import { type Logged, reassembly } from './fences.ts';
import type { Range, Write } from './table.ts';

/**
 * The changes of one commit, packed together. They stand under their last position, so that a reader who goes on
 * from the middle of a pack finds it again; `f` is the first, `z` the stamp of the commit.
 */
export interface Pack {
  readonly key: Key;
  readonly stamp: number;
  readonly changes: readonly LoggedChange[];
}

export interface LoggedChange {
  readonly cursor: Cursor;
  readonly change: Change;
}

export const logShards = 4;
const packBytes = 60_000;

export function phaseOf(task: string): number {
  return task === reassembly ? 2 : 1;
}

export function logPartition(watch: number, shard: number): string {
  return `l${watch}.${shard}`;
}

/** All of a task's packs are in one partition; tasks beside it write to others (protocol rule 23). */
export function shardOf(task: string): number {
  return task === reassembly ? 0 : Number(task) % logShards;
}

export function logKey({ scan, phase, task, position }: Cursor): Uint8Array {
  return Buffer.from(
    `${String(scan).padStart(9, '0')}-${phase}-${task}-${String(position).padStart(9, '0')}`,
  );
}

/** Sorts above every digit and dash: after a key, it takes in the packs of pending commits at that position. */
export function untilKey(at: Uint8Array): Uint8Array {
  return Buffer.concat([at, Buffer.from('~')]);
}

/** Packs of a task after one position and up to another. */
export function packsBetween(fence: Omit<Cursor, 'position'>, after: number, upTo: number): Range {
  const at = (position: number) => logKey({ ...fence, position });
  return { from: at(after + 1), to: untilKey(at(upTo)) };
}

/**
 * Packs of a commit, to put with it. `unique` keeps those that a pending commit writes ahead apart from all others:
 * an attempt that is over must not overwrite what the next one has logged.
 */
export function packWrites(
  watch: number,
  { scan, task }: Fence,
  before: Logged,
  stamp: number,
  changes: readonly Change[],
  expiresAt: number,
): readonly Write[] {
  const writes: Write[] = [];
  let position = before.count;
  for (const group of packed(changes)) {
    const first = position + 1;
    position += group.count;
    const at = logKey({ scan, phase: phaseOf(task), task, position });
    writes.push({
      key: key(logPartition(watch, shardOf(task)), at),
      kind: 'put',
      item: {
        f: number(first),
        z: number(stamp),
        b: binary(group.bytes),
        ...expiring(expiresAt),
      },
    });
  }
  return writes;
}

function* packed(changes: readonly Change[]): Generator<{ readonly count: number; readonly bytes: Buffer }> {
  for (let start = 0; start < changes.length; ) {
    let count = Math.min(1_000, changes.length - start);
    let bytes = compressed(changes.slice(start, start + count));
    while (bytes.length > packBytes && count > 1) {
      count = Math.ceil(count / 2);
      bytes = compressed(changes.slice(start, start + count));
    }
    yield { count, bytes };
    start += count;
  }
}

function compressed(changes: readonly Change[]): Buffer {
  return zstdCompressSync(Buffer.from(JSON.stringify(changes)));
}

const storedChanges = z.array(storedChange.nullable());

export function packOf(item: Item): Pack {
  const s = Buffer.from(bytesAt(item, 's'));
  const match = /^(\d+)-([12])-(\w+?)-(\d+)/.exec(s.toString('latin1'));
  if (match === null) throw damaged('the key of a pack');
  const { 1: scan, 2: phase, 3: task = '' } = match;
  const first = numberAt(item, 'f');
  const bytes = zstdDecompressSync(bytesAt(item, 'b'));
  const changes = parsed(bytes.toString('utf8'), 'a pack of changes', storedChanges);
  return {
    key: { p: item['p']?.S ?? '', s },
    stamp: numberAt(item, 'z'),
    changes: changes.flatMap((change, index) =>
      change === null
        ? []
        : [{ cursor: { scan: Number(scan), phase: Number(phase), task, position: first + index }, change }],
    ),
  };
}

/** The pack without the changes that are trimmed: their places stay. */
export function withoutTrimmed(pack: Pack, item: Item, kept: ReadonlySet<LoggedChange>): Item {
  const first = numberAt(item, 'f');
  const last = pack.changes.at(-1)?.cursor.position ?? first;
  const places: (Change | null)[] = Array.from({ length: last - first + 1 }, () => null);
  for (const one of pack.changes) if (kept.has(one)) places[one.cursor.position - first] = one.change;
  return { ...item, b: binary(zstdCompressSync(Buffer.from(JSON.stringify(places)))) };
}
