import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StateUnusable } from '../../failure.ts';
import type { State } from '../state.ts';
import { sqliteChangeLog } from './change-log.ts';
import { Database, stateFailure } from './database.ts';
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

/** For a runner that was killed a moment ago to be gone. */
const lockWaitMs = 1_000;

/**
 * Takes the lock that makes this process the only runner on the state; returns what gives it back. It is SQLite's
 * own file lock on a file beside the state, so the kernel frees it however the process ends.
 */
export function lockRunner(stateFile: string): () => void {
  const file = `${stateFile}.lock`;
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    lock = new DatabaseSync(file, { timeout: lockWaitMs });
    lock.exec('BEGIN EXCLUSIVE');
    const held = lock;
    return () => held.close();
  } catch (error) {
    lock?.close();
    if (!(error instanceof Error)) throw error;
    throw isBusy(error) ? otherRunner(stateFile, error) : stateFailure(file, error);
  }
}

function isBusy(error: Error): boolean {
  return 'errcode' in error && error.errcode === 5; // SQLITE_BUSY
}

function otherRunner(stateFile: string, cause: Error): StateUnusable {
  return new StateUnusable(`another "farwatch run" is at work on ${stateFile}`, {
    cause,
    advice: 'Stop it first, or give this one a state of its own with --state.',
  });
}
