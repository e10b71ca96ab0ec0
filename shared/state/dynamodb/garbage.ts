import * as z from 'zod';
import { json, jsonAt, type Key, key, keyOf } from './attributes.ts';
import { type Bulk, dropBulks, newId, storedBulk } from './bulk.ts';
import { entriesPartition, entriesShards } from './directory-keys.ts';
import { storedChunks } from './entry-items.ts';
import type { Pending } from './pending.ts';
import type { Table, Write } from './table.ts';

/**
 * What is to be deleted, written down before it can be forgotten: bulks of a commit that is not true yet (the commit
 * crosses them out), bulks and trees that nothing points to any more. Whatever a crash left is swept after a day.
 */
const storedGarbage = z.object({ bulks: z.array(storedBulk), tree: z.number().nullable() });

const partition = 'G';
const graceMs = 86_400_000;

export function garbageKey(now: number): Key {
  return key(partition, `${String(now).padStart(15, '0')}-${newId()}`);
}

export function garbageBulks(at: Key, bulks: readonly Bulk[]): Write {
  const named = bulks.map(({ id, parts }) => ({ id, parts }));
  return { key: at, kind: 'put', item: { o: json({ bulks: named, tree: null }) } };
}

export function garbageTree(tree: number, now: number): Write {
  return { key: garbageKey(now), kind: 'put', item: { o: json({ bulks: [], tree }) } };
}

export async function sweepGarbage(table: Table, pending: Pending, now: number): Promise<void> {
  const to = Buffer.from(String(now - graceMs).padStart(15, '0'));
  for await (const item of pending.allSettled(table.query(partition, { to }))) {
    const { bulks, tree } = jsonAt(item, 'o', storedGarbage);
    await dropBulks(table, bulks);
    if (tree !== null) await dropTree(table, tree);
    await table.deleteAll([keyOf(item)]);
  }
}

async function dropTree(table: Table, tree: number): Promise<void> {
  for (let shard = 0; shard < entriesShards; shard += 1) {
    for await (const page of table.pages(entriesPartition(tree, shard))) {
      await dropBulks(
        table,
        page.flatMap((item) => storedChunks(item).filter(({ parts }) => parts > 0)),
      );
      await table.deleteAll(page.map(keyOf));
    }
  }
  for (const p of [`d${tree}`, `h${tree}`, `g${tree}`]) {
    for await (const page of table.pages(p)) await table.deleteAll(page.map(keyOf));
  }
}
