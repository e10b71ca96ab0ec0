import * as z from 'zod';
import type { TaskScope } from '../../tree/plan.ts';
import type { ScanRecord, WatchKey } from '../state.ts';
import { storedCounts, storedFailure, storedPartials, storedTaskScope } from '../stored.ts';
import { type Item, json, jsonAt, type Key, key, number, numberAt, string } from './attributes.ts';
import { expiring, pack, storedPacked, unpack } from './bulk.ts';
import { taskPartition } from './fences.ts';
import type { Table, Write } from './table.ts';

const storedScan = z.object({
  epoch: z.number(),
  scope: z.string(),
  startedAt: z.number(),
  deadlineAt: z.number(),
  deadlineMs: z.number(),
  closed: z.boolean(),
  tasksMade: z.number(),
  tasksLeft: z.number(),
  counts: storedCounts,
  /** How many of the first hundred partial listings are kept, in rows of their own. */
  partials: z.number(),
  failure: storedFailure.nullable(),
});
export type ScanRow = Readonly<z.infer<typeof storedScan>>;

export interface VersionedScan {
  readonly version: number;
  readonly row: ScanRow;
}

export const keptPartials = 100;
/** Partials of one row: paths have up to 4 KB, and rows up to 400. */
const partialsPerRow = 20;
/** Scans and their tasks go by themselves; the log does not need them. */
const keptMs = 30 * 86_400_000;

export async function findScan(
  table: Table,
  watch: number,
  scan: number,
): Promise<VersionedScan | undefined> {
  const item = await table.get(scanKey(watch, scan));
  return item && { version: numberAt(item, 'v'), row: jsonAt(item, 'j', storedScan) };
}

export async function scanRecord(
  table: Table,
  watch: WatchKey,
  watchNumber: number,
  scan: number,
  row: ScanRow,
): Promise<ScanRecord> {
  const partials =
    row.partials === 0
      ? []
      : (await Array.fromAsync(table.query(partialsPartition(watchNumber, scan)))).flatMap((item) =>
          jsonAt(item, 'j', storedPartials),
        );
  return {
    watch,
    epoch: row.epoch,
    scan,
    scope: row.scope,
    startedAt: row.startedAt,
    deadlineAt: row.deadlineAt,
    tasksLeft: row.tasksLeft,
    closed: row.closed,
    counts: row.counts,
    partials,
    failure: row.failure,
  };
}

/** A write of a transaction: the scan's row as it is from now on. `version` 0: a new one. */
export function scanReplacement(
  watch: number,
  scan: number,
  version: number,
  row: ScanRow,
  now: number,
): Write {
  return {
    key: scanKey(watch, scan),
    kind: 'put',
    item: { v: number(version + 1), j: json(row), ...expiring(now + keptMs) },
    condition:
      version === 0
        ? { text: 'attribute_not_exists(p)' }
        : { text: 'v = :was', values: { ':was': number(version) } },
  };
}

export function partialRows(
  watch: number,
  scan: number,
  from: number,
  partials: ScanRecord['partials'],
  now: number,
): readonly Write[] {
  const writes: Write[] = [];
  for (let start = 0; start < partials.length; start += partialsPerRow) {
    writes.push({
      key: key(partialsPartition(watch, scan), String(from + start).padStart(5, '0')),
      kind: 'put',
      item: { j: json(partials.slice(start, start + partialsPerRow)), ...expiring(now + keptMs) },
    });
  }
  return writes;
}

/** Task numbers grow over the whole scan: they order the log, and no number is used twice. */
export async function taskRows(
  table: Table,
  watch: number,
  scan: number,
  made: number,
  scopes: readonly TaskScope[],
  now: number,
): Promise<readonly Write[]> {
  return Promise.all(
    scopes.map(async (scope, index): Promise<Write> => {
      const packed = await pack(table, scope, now + keptMs);
      return {
        key: key(taskPartition(watch, scan), taskName(made + index + 1)),
        kind: 'put',
        item: {
          st: string('w'),
          an: number(0),
          lg: number(0),
          sc: json(packed),
          ...expiring(now + keptMs),
        },
        condition: { text: 'attribute_not_exists(p)' },
      };
    }),
  );
}

export function taskName(number: number): string {
  return String(number).padStart(7, '0');
}

export function taskExpiry(now: number) {
  return number(Math.ceil((now + keptMs) / 1_000));
}

export async function taskScope(table: Table, row: Item): Promise<TaskScope> {
  return unpack(table, jsonAt(row, 'sc', storedPacked), storedTaskScope);
}

function scanKey(watch: number, scan: number): Key {
  return key(`x${watch}`, String(scan).padStart(9, '0'));
}

function partialsPartition(watch: number, scan: number): string {
  return `p${watch}.${scan}`;
}
