import { DatabaseSync } from 'node:sqlite';
import { StateUnusable } from '../../failure.ts';
import type { State } from '../state.ts';
import { sqliteChangeLog } from './change-log.ts';
import { Database } from './database.ts';
import { sqliteScans } from './scans.ts';
import { sqliteServers, sqliteSlots } from './slots.ts';
import { sqliteSnapshots } from './snapshots.ts';
import { sqliteWatches } from './watches.ts';

/**
 * The state in one SQLite file (WAL, every commit on the disk before it counts). Several processes may use the
 * file at once. Throws StateUnusable where the file is missing (unless `create`), damaged, foreign or newer.
 */
export function openSqliteState(file: string, options: { readonly create: boolean }): State {
  const db = new Database(file, options.create);
  return {
    ...sqliteWatches(db),
    ...sqliteScans(db),
    ...sqliteSnapshots(db),
    ...sqliteChangeLog(db),
    ...sqliteSlots(db),
    ...sqliteServers(db),
    async close() {
      db.close();
    },
  };
}

/**
 * Takes the lock that makes this process the only runner on the state; returns what gives it back. It is SQLite's
 * own file lock on a file beside the state, so the kernel frees it however the process ends.
 */
export function lockRunner(stateFile: string): () => void {
  const lock = new DatabaseSync(`${stateFile}.lock`, { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new StateUnusable(`another "farwatch run" is at work on ${stateFile}`, {
      cause,
      advice: 'Stop it first, or give this one a state of its own with --state.',
    });
  }
  return () => lock.close();
}
