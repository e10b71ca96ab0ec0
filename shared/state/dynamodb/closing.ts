import type { Fence, Hold, ScanEnd } from '../state.ts';
import { pack, unpack } from './bulk.ts';
import { over } from './fences.ts';
import { backOff } from './retry.ts';
import { findScan, scanReplacement } from './scan-rows.ts';
import type { Services } from './services.ts';
import { storedMembers, type WatchRow } from './watch-rows.ts';

/** One transaction ends the reassembly, the scan and the watch's part in it. */
export async function closeScan(
  services: Services,
  fence: Fence,
  judged: ScanEnd,
  now: number,
): Promise<void> {
  const { table, rows, fences } = services;
  const watchNumber = await fences.watchNumber(fence);
  for (let attempt = 1; ; attempt += 1) {
    await fences.check(fence);
    const found = await rows.find(fence.watch);
    const scan = await findScan(table, watchNumber, fence.scan);
    if (found === undefined || scan === undefined) throw over(fence);
    const row = await closedRow(services, found.row, judged, now);
    const closed = await table.transact([
      await fences.ending(fence),
      scanReplacement(watchNumber, fence.scan, scan.version, { ...scan.row, closed: true }, now),
      rows.replacement(found, row),
    ]);
    rows.forget(fence.watch);
    if (closed) {
      await rows.dropReplaced(found.row, row);
      return;
    }
    await rows.dropReplaced(row, found.row);
    await backOff(attempt);
  }
}

async function closedRow(services: Services, row: WatchRow, judged: ScanEnd, now: number): Promise<WatchRow> {
  const { table } = services;
  const end = await withAnswer(services, row, judged);
  const members = end.hold?.members ?? [];
  const { summary, plan, rejected } = end;
  return {
    ...row,
    openScan: null,
    lastStartedAt: summary.startedAt,
    lastCompleteAt: summary.status === 'complete' ? now : row.lastCompleteAt,
    // 0: somebody has asked for a scan since this one began.
    nextDueAt: row.nextDueAt === 0 ? 0 : end.nextDueAt,
    hold: end.hold && holdOf(end.hold),
    last: await pack(table, { summary, plan }),
    members: members.length + rejected.length === 0 ? null : await pack(table, { held: members, rejected }),
  };
}

/**
 * Nothing approved or rejected is ever held by a judgement that knew of it: where it is, the answer came in between
 * and is kept.
 */
async function withAnswer({ table }: Services, row: WatchRow, end: ScanEnd): Promise<ScanEnd> {
  if (end.hold === null) return end;
  const { digest, members } = end.hold;
  if (row.hold?.digest === digest && row.hold.decision === 'approved') {
    return { ...end, hold: { ...end.hold, decision: 'approved' } };
  }
  const known = row.members && (await unpack(table, row.members, storedMembers));
  const rejected = new Set(known?.rejected);
  if (members.length === 0 || !members.every((member) => rejected.has(member))) return end;
  return { ...end, hold: null, rejected: [...end.rejected, ...members] };
}

/** The members are kept apart: there may be very many. */
function holdOf({ digest, count, percent, scan, decision }: Hold): Hold {
  return { digest, count, percent, scan, decision };
}
