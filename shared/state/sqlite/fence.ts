import { Fenced, InvalidInput } from '../../failure.ts';
import type { Fence, WatchKey } from '../state.ts';
import { integer, text } from './columns.ts';
import type { Database } from './database.ts';

/** The task that ends a scan; its changes are the log's second phase. */
export const reassembly = 'reassembly';

export interface FencedTask {
  readonly watch: number;
  readonly logged: number;
}

/** Call inside the transaction that writes: throws Fenced unless the task's row names this attempt (rule 1). */
export function checkFence(db: Database, fence: Fence): FencedTask {
  const row = db.get(
    `SELECT tasks.watch, tasks.status, tasks.attempt, tasks.logged, scans.closed FROM tasks
     JOIN watches ON watches.id = tasks.watch JOIN scans ON scans.watch = tasks.watch AND scans.scan = tasks.scan
     WHERE watches.key = ? AND tasks.scan = ? AND tasks.task = ?`,
    fence.watch,
    fence.scan,
    fence.task,
  );
  const holds =
    row !== undefined &&
    integer(row, 'closed') === 0 &&
    text(row, 'status') === 'running' &&
    integer(row, 'attempt') === fence.attempt;
  if (!holds) {
    throw new Fenced(
      `attempt ${fence.attempt} of task ${fence.task}, scan ${fence.scan} of ${fence.watch}, is over`,
    );
  }
  return { watch: integer(row, 'watch'), logged: integer(row, 'logged') };
}

export function watchId(db: Database, watch: WatchKey): number {
  const row = db.get('SELECT id FROM watches WHERE key = ?', watch);
  if (row === undefined) {
    throw new InvalidInput(`the state knows no watch ${watch}`, {
      advice: 'Run it once: farwatch run --once.',
    });
  }
  return integer(row, 'id');
}
