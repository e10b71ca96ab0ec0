import { beginning, type Cursor, cursorText, isBefore, parseCursor } from '../cursor.ts';
import { numberAt } from './attributes.ts';
import { expiring } from './bulk.ts';
import { sweepGarbage } from './garbage.ts';
import { type LoggedChange, withoutTrimmed } from './log-items.ts';
import { latest, packsAfter, type StoredPack } from './log-reading.ts';
import { headKey, headName, readHeads } from './outbox.ts';
import { readOutputs } from './outputs.ts';
import type { Services } from './services.ts';
import { expiryAttribute } from './table-definition.ts';
import type { VersionedRow } from './watch-rows.ts';

/** How many changes of a task every output has had. */
type Had = (watch: number, scan: number, task: string) => number;

/**
 * What goes in one piece from the oldest on is only counted out, by moving the start of the watch's log: time to
 * live deletes it for nothing. What is dropped behind a change that stays is taken out of its pack.
 */
export async function trim(services: Services, before: number): Promise<number> {
  const { table, rows, pending } = services;
  const outputs = await readOutputs(table);
  const heads = new Map(
    (await readHeads(table)).map((head) => {
      const counts = outputs.map((output) => head.had(output.number));
      return [headName(head.key), Math.min(Number.POSITIVE_INFINITY, ...counts)];
    }),
  );
  const had: Had = (watch, scan, task) =>
    heads.get(headName(headKey(watch, scan, task))) ?? Number.POSITIVE_INFINITY;
  let dropped = 0;
  for (const found of await rows.all()) dropped += await trimWatch(services, found, before, had);
  await sweepGarbage(table, pending, services.now());
  return dropped;
}

interface Trimming {
  start: Cursor;
  floor: Cursor | undefined;
  dropped: number;
  /** Nothing was kept so far. */
  fromStart: boolean;
  readonly partly: { readonly stored: StoredPack; readonly kept: ReadonlySet<LoggedChange> }[];
  readonly needed: StoredPack[];
}

async function trimWatch(
  services: Services,
  { key: watch, row }: VersionedRow,
  before: number,
  had: Had,
): Promise<number> {
  const { table, rows, pending } = services;
  const trimming: Trimming = {
    start: row.start === null ? beginning : parseCursor(row.start),
    floor: undefined,
    dropped: 0,
    fromStart: true,
    partly: [],
    needed: [],
  };
  let young: number | undefined;
  for await (const stored of packsAfter(table, pending, row.number, trimming.start)) {
    const { scan = 0, task = '' } = stored.pack.changes[0]?.cursor ?? {};
    // Later scans detect later: behind a scan without anything old there is nothing old.
    if (scan === row.openScan || (young !== undefined && scan > young)) break;
    const isOld = trimPack(stored, before, had(row.number, scan, task), trimming);
    young = isOld ? undefined : scan;
  }
  const { start, floor } = trimming;
  if (floor !== undefined) {
    await rows.change(watch, (now) => ({
      ...now,
      start: cursorText(now.start === null ? start : latest(parseCursor(now.start), start)),
      floor: cursorText(now.floor === null ? floor : latest(parseCursor(now.floor), floor)),
    }));
  }
  for (const { stored, kept } of trimming.partly) {
    if (kept.size === 0) await table.deleteAll([stored.pack.key]);
    else await table.put(withoutTrimmed(stored.pack, stored.item, kept));
  }
  await keepNeeded(services, trimming.needed);
  return trimming.dropped;
}

/** Whether anything in it is old enough to go. */
function trimPack(stored: StoredPack, before: number, had: number, trimming: Trimming): boolean {
  const kept = new Set<LoggedChange>();
  let isOld = false;
  const { start } = trimming;
  const present = stored.pack.changes.filter(({ cursor }) => isBefore(start, cursor));
  const wasFromStart = trimming.fromStart;
  for (const one of present) {
    const old = Date.parse(one.change.detectedAt) < before;
    isOld ||= old;
    if (!old || one.cursor.position > had) {
      kept.add(one);
      trimming.fromStart = false;
      continue;
    }
    trimming.dropped += 1;
    trimming.floor = trimming.floor === undefined ? one.cursor : latest(trimming.floor, one.cursor);
    if (trimming.fromStart) trimming.start = one.cursor;
  }
  const counted = present.filter(({ cursor }) => !isBefore(trimming.start, cursor)).length;
  const partly = present.length - counted > kept.size;
  if (partly || (!wasFromStart && kept.size === 0 && present.length > 0)) {
    trimming.partly.push({ stored, kept });
  }
  if (isOld && kept.size > 0) trimming.needed.push(stored);
  return isOld;
}

/** What an output still waits for must outlive its time: half of it from now on. */
async function keepNeeded({ table, now, logMs }: Services, packs: readonly StoredPack[]): Promise<void> {
  const until = now() + logMs / 2;
  for (const { item, pack } of packs) {
    const expires = numberAt(item, expiryAttribute, Number.POSITIVE_INFINITY) * 1_000;
    if (expires > until) continue;
    await table.update(
      pack.key,
      {
        text: `SET ${expiryAttribute} = :until`,
        values: { ':until': expiring(now() + logMs)[expiryAttribute] ?? { N: '0' } },
      },
      { text: 'attribute_exists(p)' },
    );
  }
}
