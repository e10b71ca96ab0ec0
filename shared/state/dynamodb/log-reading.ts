import { beginning, type Cursor, isBefore } from '../cursor.ts';
import type { Item } from './attributes.ts';
import { logKey, logPartition, logShards, type Pack, packOf } from './log-items.ts';
import type { Pending } from './pending.ts';
import type { Table } from './table.ts';

/** Packs a page and shard: a page never holds more than 1 MB. */
const pageSize = 20;

export interface StoredPack {
  readonly item: Item;
  readonly pack: Pack;
}

/** The packs of a watch behind a cursor, in the order of the log, read as they are taken. */
export async function* packsAfter(
  table: Table,
  pending: Pending,
  watch: number,
  after: Cursor = beginning,
): AsyncGenerator<StoredPack, void, void> {
  const range = { from: logKey(after), page: pageSize };
  const shards = Array.from({ length: logShards }, (_, shard) =>
    table.query(logPartition(watch, shard), range),
  );
  for await (const item of merged(shards)) {
    if (await isTrue(pending, item)) yield { item, pack: packOf(item) };
  }
}

/** A pack that was written ahead counts once its commit does; then it stays as it is. */
export async function isTrue(pending: Pending, item: Item): Promise<boolean> {
  const id = item['x']?.S;
  return id === undefined || (await pending.outcome(id)) === 'committed';
}

async function* merged(
  shards: readonly AsyncGenerator<Item, void, void>[],
): AsyncGenerator<Item, void, void> {
  const heads = await Promise.all(
    shards.map(async (items) => ({ items, next: (await items.next()).value ?? undefined })),
  );
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next !== undefined && (first?.next === undefined || precedes(head.next, first.next)))
        first = head;
    }
    if (first?.next === undefined) return;
    yield first.next;
    first.next = (await first.items.next()).value ?? undefined;
  }
}

function precedes(a: Item, b: Item): boolean {
  return Buffer.compare(a['s']?.B ?? Buffer.alloc(0), b['s']?.B ?? Buffer.alloc(0)) < 0;
}

export function latest(a: Cursor, b: Cursor): Cursor {
  return isBefore(a, b) ? b : a;
}
