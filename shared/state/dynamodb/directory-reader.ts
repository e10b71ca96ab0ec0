import { type OrderedDirectories, ReadAhead } from '../read-ahead.ts';
import type { DirectoryRecord, SubtreeReader, WatchKey } from '../state.ts';
import { below, sortKey } from './directory-keys.ts';
import { findRecord, recordOf } from './records.ts';
import type { Services } from './services.ts';

/** A single read unit gives so many: nothing is wasted where none of them is asked for. */
const smallestPage = 40;
/** About 100 KB, 25 read units, where one by one they cost a unit each. */
const largestPage = 1_000;
const mostAhead = 50_000;

/** What was read ahead for each reader, as long as it lives. */
export class Readings {
  readonly #services: Services;
  readonly #readings = new WeakMap<SubtreeReader, ReadAhead>();

  constructor(services: Services) {
    this.#services = services;
  }

  record(watch: WatchKey, path: string, reader: SubtreeReader): Promise<DirectoryRecord | undefined> {
    const reading = this.#readings.get(reader) ?? new ReadAhead(inOrder(this.#services, watch), reader);
    this.#readings.set(reader, reading);
    return reading.record(path);
  }
}

function inOrder(services: Services, watch: WatchKey): OrderedDirectories {
  const { table, rows, pending } = services;
  return {
    keyOf: sortKey,
    endOf: (subtree) => below(subtree)?.to ?? Uint8Array.of(0xff),
    one: (path) => findRecord(services, watch, path),
    async page(from, to, limit) {
      const { tree } = await rows.place(watch);
      const records: DirectoryRecord[] = [];
      for await (const items of table.pages(`d${tree}`, { from, to, page: limit })) {
        for (const item of items) {
          const standing = await pending.settled(item);
          if (standing !== undefined) records.push(await recordOf(services, watch, standing));
        }
        return { records, last: items.length < limit ? undefined : items.at(-1)?.['s']?.B };
      }
      return { records, last: undefined };
    },
    smallestPage,
    largestPage,
    mostAhead,
  };
}
