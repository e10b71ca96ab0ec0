import { slotKey } from '../../shared/config/identity.ts';
import type { Watched } from '../../shared/config/watched.ts';
import { Fenced } from '../../shared/failure.ts';
import type { Logger } from '../../shared/log.ts';
import { noCounts, type ScanRecord, type State, type WatchKey } from '../../shared/state/state.ts';
import type { TaskMessage, Tasks } from '../../shared/tasks/tasks.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';

export interface LookingAfter {
  readonly watched: ReadonlyMap<WatchKey, Watched>;
  readonly state: State;
  readonly tasks: Tasks;
  readonly log: Logger;
  /** Ends a scan that has no tasks left. */
  readonly end: (watched: Watched, scan: number, unfinished: readonly TaskScope[]) => Promise<void>;
}

/** SQS forgets after so long that it had a message of the same name. */
const resendMs = 300_000;
/** Whoever completed the last task has so long to end the scan. */
const endingMs = 120_000;
/** A scan beyond its deadline for so long should have been ended. */
const overdueMs = 600_000;

/**
 * What a tick does for a watch with an open scan: sends again the tasks that are not done, in case their messages were
 * lost; ends a scan in which nothing moves any more. Returns whether its end is overdue.
 */
export async function lookAfter(key: WatchKey, services: LookingAfter, now: number): Promise<boolean> {
  const { state, watched, end } = services;
  const record = await state.watch(key);
  if (record === undefined || record.openScan === null) return false;
  const scan = await state.scan(key, record.openScan);
  if (scan === undefined || scan.closed) return false;
  const known = watched.get(key);
  try {
    if (known === undefined || !record.active) await closeRetired(key, scan, state, now);
    else if (scan.tasksLeft > 0 && scan.deadlineAt < now) {
      await end(known, scan.scan, await state.abandonTasks(key, scan.scan));
    } else if (scan.tasksLeft > 0) await resend(known, scan, services, now);
    else if (now - (scan.deadlineAt - known.watch.scan.deadlineMs) >= endingMs)
      await end(known, scan.scan, []);
  } catch (error) {
    if (!(error instanceof Fenced)) throw error; // somebody else ends it
  }
  return now > scan.deadlineAt + overdueMs;
}

/** A task that waits in the queue or runs comes once more behind itself, at most every five minutes, and is found done. */
async function resend(
  { key, watch, server }: Watched,
  scan: ScanRecord,
  { state, tasks }: LookingAfter,
  now: number,
): Promise<void> {
  const open = await state.tasks(key, scan.scan);
  const messages = open.map(({ task }): TaskMessage => {
    return { tenant: watch.tenant, watch: watch.name, scan: scan.scan, task };
  });
  await tasks.send(slotKey(server), messages, Math.floor((now - scan.startedAt) / resendMs));
}

/** The watch left the configuration in mid-scan: its memory stays as it is, for the day it is put back. */
async function closeRetired(key: WatchKey, scan: ScanRecord, state: State, now: number): Promise<void> {
  await state.abandonTasks(key, scan.scan);
  const claimed = await state.claimReassembly(key, scan.scan, now);
  const record = await state.watch(key);
  if (claimed === undefined || record === undefined) return;
  const { held, rejected } = await state.holdMembers(key);
  const end = {
    summary: {
      scan: scan.scan,
      status: 'incomplete' as const,
      startedAt: scan.startedAt,
      endedAt: now,
      counts: { ...noCounts, ...scan.counts },
      treeDigest: record.lastScan?.treeDigest ?? '',
      partials: scan.partials,
      failure: {
        error: 'InvalidInput',
        message: 'the watch left the configuration in mid-scan',
        advice: null,
      },
    },
    plan: record.plan,
    nextDueAt: now,
    hold: record.hold && { ...record.hold, members: held },
    rejected,
  };
  await state.closeScan(claimed.fence, end, now);
}
