import type { DirectoryRecord, Snapshots, WatchKey } from '../state.ts';
import { storedRules } from '../stored.ts';
import { type Item, jsonAt, keyText } from './attributes.ts';
import { commitDirectories } from './committing.ts';
import { below, directoryKey, entriesKey, inPathOrder, isBelowKey, pathOf } from './directory-keys.ts';
import { Readings } from './directory-reader.ts';
import { readChunks, storedChunks } from './entry-items.ts';
import { findRecord, recordOf } from './records.ts';
import { rulesKey } from './scans.ts';
import type { Services } from './services.ts';
import { batches } from './table.ts';
import type { WatchRow } from './watch-rows.ts';

/** Directories that, with their entries and as many stubs, fit one transaction. */
const commitLimit = 30;

export function dynamoSnapshots(services: Services): Snapshots {
  const { table, rows, pending } = services;
  const readings = new Readings(services);
  const entries = async (watch: WatchKey, path: string) => {
    const { tree } = await rows.place(watch);
    return storedChunks(await pending.settled(await table.get(entriesKey(tree, path))));
  };
  return {
    commitLimit,
    async directory(watch, path, reader) {
      if (reader !== undefined) return readings.record(watch, path, reader);
      return findRecord(services, watch, path);
    },
    async *directories(watch, path) {
      const { row } = await rows.get(watch);
      for await (const item of directoryItems(services, row, path)) {
        yield await recordOf(services, watch, item);
      }
    },
    async *heldDirectories(watch) {
      yield* heldDirectories(services, watch);
    },
    async chunkHeads(watch, path) {
      return (await entries(watch, path)).map(({ id, digest }) => ({ chunk: id, digest }));
    },
    async chunks(watch, path, chunks) {
      return chunks.length === 0 ? [] : readChunks(table, path, await entries(watch, path), chunks);
    },
    async scopeRules(scope) {
      const item = await table.get(rulesKey(scope));
      return item && jsonAt(item, 'j', storedRules);
    },
    async commit(fence, directories) {
      await commitDirectories(services, fence, directories);
    },
  };
}

async function* directoryItems(
  { table, pending }: Services,
  { tree }: WatchRow,
  path: string,
): AsyncGenerator<Item, void, void> {
  if (path !== '') {
    const own = await pending.settled(await table.get(directoryKey(tree, path)));
    if (own !== undefined) yield own;
  }
  const items = pending.allSettled(table.query(`d${tree}`, below(path)));
  for await (const item of inPathOrder(items)) {
    if (path === '' || isBelowKey(item, path)) yield item;
  }
}

async function* heldDirectories(
  services: Services,
  watch: WatchKey,
): AsyncGenerator<DirectoryRecord, void, void> {
  const { table, rows, pending } = services;
  const { tree } = (await rows.get(watch)).row;
  const held = await Array.fromAsync(inPathOrder(pending.allSettled(table.query(`h${tree}`))));
  for (const batch of batches(held.map(pathOf), 100)) {
    const keys = batch.map((path) => directoryKey(tree, path));
    const found = await table.getAll(keys);
    for (const key of keys) {
      const item = await pending.settled(found.get(keyText(key)));
      if (item?.['h'] !== undefined) yield await recordOf(services, watch, item);
    }
  }
}
