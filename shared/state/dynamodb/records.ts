import type { DirectoryRecord, WatchKey } from '../state.ts';
import { damaged, type Item, keyOf } from './attributes.ts';
import { directoryRecord } from './directory-items.ts';
import { directoryKey } from './directory-keys.ts';
import type { Services } from './services.ts';

export async function recordOf(
  { rows, held }: Services,
  watch: WatchKey,
  item: Item,
): Promise<DirectoryRecord> {
  held.note(keyOf(item), item['h'] !== undefined);
  const record =
    directoryRecord(await rows.place(watch), item) ?? directoryRecord((await rows.get(watch)).row, item);
  if (record === undefined) throw damaged('the scope or profile of a directory');
  return record;
}

export async function findRecord(
  services: Services,
  watch: WatchKey,
  path: string,
): Promise<DirectoryRecord | undefined> {
  const { table, rows, pending } = services;
  const { tree } = await rows.place(watch);
  const item = await pending.settled(await table.get(directoryKey(tree, path)));
  return item && recordOf(services, watch, item);
}
