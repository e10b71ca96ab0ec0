import * as z from 'zod';
import { InvalidInput } from '../../failure.ts';
import type { WatchKey, WatchRecord } from '../state.ts';
import { storedHold, storedPlan, storedSummary } from '../stored.ts';
import {
  type Item,
  json,
  jsonAt,
  type Key,
  key,
  keyItem,
  keyOf,
  number,
  numberAt,
  string,
} from './attributes.ts';
import { bulksOf, dropBulks, storedPacked, unpack } from './bulk.ts';
import { backOff } from './retry.ts';
import type { Table, Write } from './table.ts';
import { dueIndex } from './table-definition.ts';

/**
 * What is kept of a watch in its own row. `number` names it in the keys of its scans and log, `tree` the directories
 * of its epoch: both are short, for every directory repeats them. `scopes` and `profiles` are what directories name
 * by their places in these lists, which only grow.
 */
const storedWatch = z.object({
  number: z.number(),
  tree: z.number(),
  server: z.string(),
  root: z.string(),
  identity: z.string(),
  initial: z.enum(['baseline', 'emit']),
  active: z.boolean(),
  epoch: z.number(),
  scan: z.number(),
  openScan: z.number().nullable(),
  nextDueAt: z.number(),
  paused: z.boolean(),
  lastCompleteAt: z.number().nullable(),
  lastStartedAt: z.number().nullable(),
  hold: storedHold.nullable(),
  scopes: z.array(z.string()),
  profiles: z.array(z.string()),
  /** The last change that is gone: a cursor below it has missed something. */
  floor: z.string().nullable(),
  /** All changes up to here are gone, even where time to live has not deleted them yet. */
  start: z.string().nullable(),
  last: storedPacked.nullable(),
  members: storedPacked.nullable(),
});
export type WatchRow = Readonly<z.infer<typeof storedWatch>>;

export const storedLast = z.object({ summary: storedSummary.nullable(), plan: storedPlan.nullable() });
export const storedMembers = z.object({ held: z.array(z.string()), rejected: z.array(z.string()) });

export interface VersionedRow {
  readonly key: WatchKey;
  readonly version: number;
  readonly row: WatchRow;
}

const partition = 'W';
/** How old what is remembered of a row may be where nothing depends on it but a key: a fence guards all writes. */
const rememberedMs = 30_000;

/** The rows of the watches: read strongly, replaced only at the version that was read. */
export class WatchRows {
  readonly #table: Table;
  readonly #remembered = new Map<WatchKey, { readonly row: WatchRow; readonly until: number }>();

  constructor(table: Table) {
    this.#table = table;
  }

  async find(watch: WatchKey): Promise<VersionedRow | undefined> {
    const item = await this.#table.get(rowKey(watch));
    if (item === undefined) {
      this.#remembered.delete(watch);
      return undefined;
    }
    return this.#read(item);
  }

  async get(watch: WatchKey): Promise<VersionedRow> {
    const found = await this.find(watch);
    if (found === undefined) throw unknownWatch(watch);
    return found;
  }

  /** For keys and names that do not change while the watch has its number. */
  async place(watch: WatchKey): Promise<WatchRow> {
    const row = await this.findPlace(watch);
    if (row === undefined) throw unknownWatch(watch);
    return row;
  }

  async findPlace(watch: WatchKey): Promise<WatchRow | undefined> {
    const remembered = this.#remembered.get(watch);
    return remembered && remembered.until > performance.now()
      ? remembered.row
      : (await this.find(watch))?.row;
  }

  async all(): Promise<readonly VersionedRow[]> {
    const items = await Array.fromAsync(this.#table.query(partition));
    return items.map((item) => this.#read(item));
  }

  #read(item: Item): VersionedRow {
    const found = {
      key: watchKeyOf(keyOf(item)),
      version: numberAt(item, 'v'),
      row: jsonAt(item, 'j', storedWatch),
    };
    this.#remembered.set(found.key, { row: found.row, until: performance.now() + rememberedMs });
    return found;
  }

  /** A write of a transaction. Call `forget` after it. */
  replacement({ key, version }: Pick<VersionedRow, 'key' | 'version'>, row: WatchRow): Write {
    return {
      key: rowKey(key),
      kind: 'put',
      item: rowAttributes(row, version + 1),
      condition:
        version === 0
          ? { text: 'attribute_not_exists(p)' }
          : { text: 'v = :was', values: { ':was': number(version) } },
    };
  }

  removal({ key, version }: VersionedRow): Write {
    const condition = { text: 'v = :was', values: { ':was': number(version) } };
    return { key: rowKey(key), kind: 'delete', condition };
  }

  /** So that the next look is at the row itself. */
  forget(watch: WatchKey): void {
    this.#remembered.delete(watch);
  }

  /** Reads, changes and replaces until nobody came in between. `change` returns undefined to leave it as it is. */
  async change(
    watch: WatchKey,
    change: (row: WatchRow) => WatchRow | undefined | Promise<WatchRow | undefined>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const found = await this.get(watch);
      const row = await change(found.row);
      if (row === undefined) return;
      const item = { ...keyItem(rowKey(watch)), ...rowAttributes(row, found.version + 1) };
      const refused = await this.#table.put(item, {
        text: 'v = :was',
        values: { ':was': number(found.version) },
      });
      this.forget(watch);
      if (refused === undefined) {
        await this.dropReplaced(found.row, row);
        return;
      }
      await dropUnused(this.#table, row, found.row);
      await backOff(attempt);
    }
  }

  async dropReplaced(before: WatchRow, after: WatchRow): Promise<void> {
    await dropUnused(this.#table, before, after);
  }

  /** Places of a scope and a profile in the lists of the watch, added where they are new; 0 for ''. */
  async intern(watch: WatchKey, scopes: readonly string[], profiles: readonly string[]): Promise<WatchRow> {
    const complete = (row: WatchRow) =>
      scopes.every((scope) => row.scopes.includes(scope)) &&
      profiles.every((profile) => row.profiles.includes(profile));
    const row = await this.place(watch);
    if (complete(row)) return row;
    await this.change(watch, (now) =>
      complete(now)
        ? undefined
        : {
            ...now,
            scopes: [...new Set([...now.scopes, ...scopes])],
            profiles: [...new Set([...now.profiles, ...profiles])],
          },
    );
    return this.place(watch);
  }

  async record({ key, row }: VersionedRow): Promise<WatchRecord> {
    const last = row.last && (await unpack(this.#table, row.last, storedLast));
    return {
      key,
      was: null,
      server: row.server,
      root: row.root,
      identity: row.identity,
      initial: row.initial,
      active: row.active,
      epoch: row.epoch,
      scan: row.scan,
      openScan: row.openScan,
      nextDueAt: row.nextDueAt,
      paused: row.paused,
      lastScan: last?.summary ?? null,
      lastCompleteAt: row.lastCompleteAt,
      lastStartedAt: row.lastStartedAt,
      hold: row.hold,
      plan: last?.plan ?? null,
    };
  }
}

/** Bulks of one row that the other does not point to. */
async function dropUnused(table: Table, unused: WatchRow, kept: WatchRow): Promise<void> {
  const ids = new Set(bulksOf(kept.last, kept.members).map(({ id }) => id));
  await dropBulks(
    table,
    bulksOf(unused.last, unused.members).filter(({ id }) => !ids.has(id)),
  );
}

function rowKey(watch: WatchKey): Key {
  return key(partition, watch);
}

export function watchKeyOf({ s }: Key): WatchKey {
  const [tenant = '', name = ''] = Buffer.from(s).toString('utf8').split('/');
  return `${tenant}/${name}`;
}

function rowAttributes(row: WatchRow, version: number): Item {
  const listed = indexPartition(row);
  return {
    v: number(version),
    j: json(row),
    ...(listed === undefined
      ? {}
      : { [dueIndex.partition]: string(listed), [dueIndex.sort]: number(row.nextDueAt) }),
  };
}

/** Where the planner looks: idle watches that may begin, and those with a scan to look after; others it never sees. */
function indexPartition(row: WatchRow): string | undefined {
  if (row.openScan !== null) return openPartition;
  return row.active && !row.paused ? duePartition : undefined;
}

export const duePartition = 'due';
export const openPartition = 'open';

function unknownWatch(watch: WatchKey): InvalidInput {
  return new InvalidInput(`the state knows no watch ${watch}`, {
    advice: 'Run it once: farwatch run --once.',
  });
}
