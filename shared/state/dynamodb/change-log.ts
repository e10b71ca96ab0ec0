import type { Change } from '../../changes/change.ts';
import { beginning, cursorText, isBefore, parseCursor } from '../cursor.ts';
import type { ChangeLog, ChangePage, WatchKey } from '../state.ts';
import { latest, packsAfter } from './log-reading.ts';
import { advance, registerOutputs } from './outputs.ts';
import { unpublished } from './publishing.ts';
import type { Services } from './services.ts';
import { trim } from './trimming.ts';

export function dynamoChangeLog(services: Services): ChangeLog {
  return {
    async changes(watch, cursor, limit) {
      return page(services, watch, cursor, limit);
    },
    async cursorOf(watch, id) {
      return cursorOf(services, watch, id);
    },
    async unpublished(output, query) {
      return unpublished(services, output, query);
    },
    async advance(_output, position) {
      await advance(services.table, position);
    },
    async registerOutputs(outputs) {
      await registerOutputs(services.table, outputs);
    },
    async trim(before) {
      return trim(services, before);
    },
  };
}

/**
 * The row of the watch is read first: which scan is open at that moment decides what is shown, so a reader who stores
 * a cursor misses nothing that is committed before it.
 */
async function page(
  { table, rows, pending }: Services,
  watch: WatchKey,
  cursor: string | null,
  limit: number,
): Promise<ChangePage> {
  const { row } = await rows.get(watch);
  const asked = cursor === null ? null : parseCursor(cursor);
  const floor = row.floor === null ? null : parseCursor(row.floor);
  const resync = asked !== null && (asked.scan > row.scan || (floor !== null && isBefore(asked, floor)));
  const from = resync ? row.floor : cursor;
  const start = row.start === null ? beginning : parseCursor(row.start);
  const after = from === null ? start : latest(parseCursor(from), start);
  const changes: Change[] = [];
  let last = from ?? row.floor;
  for await (const { pack } of packsAfter(table, pending, row.number, after)) {
    for (const one of pack.changes) {
      if (one.cursor.scan === row.openScan || changes.length >= limit)
        return { changes, cursor: last, resync };
      if (!isBefore(after, one.cursor)) continue;
      changes.push(one.change);
      last = cursorText(one.cursor);
    }
  }
  return { changes, cursor: last, resync };
}

async function cursorOf(
  { table, rows, pending }: Services,
  watch: WatchKey,
  id: string,
): Promise<string | undefined> {
  const found = await rows.find(watch);
  if (found === undefined) return undefined;
  const { number, openScan, start } = found.row;
  const after = start === null ? beginning : parseCursor(start);
  for await (const { pack } of packsAfter(table, pending, number, after)) {
    const one = pack.changes.find(({ change, cursor }) => change.id === id && isBefore(after, cursor));
    if (one === undefined) continue;
    const { scan } = one.cursor;
    return cursorText(scan === openScan ? { ...beginning, scan } : one.cursor);
  }
  return undefined;
}
