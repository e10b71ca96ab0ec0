import { InvalidInput } from '../../failure.ts';
import { pathKey } from '../path-key.ts';
import type { Enrolment, Watches, WatchKey, WatchRecord } from '../state.ts';
import { storedHold, storedPaths, storedPlan, storedSummary } from '../stored.ts';
import { choice, integer, integerOrNull, json, jsonOrNull, text } from './columns.ts';
import type { Database, Row } from './database.ts';
import { watchId } from './fence.ts';

export function sqliteWatches(db: Database): Watches {
  return {
    async enroll(watch, now) {
      return db.transaction(() => {
        takeOver(db, watch);
        const row = db.get('SELECT * FROM watches WHERE key = ?', watch.key);
        if (row === undefined) insertWatch(db, watch, now);
        else if (text(row, 'identity') !== watch.identity) beginEpoch(db, row, watch, now);
        else {
          db.run(
            'UPDATE watches SET active = 1, server = ?, root = ?, initial = ? WHERE key = ?',
            watch.server,
            watch.root,
            watch.initial,
            watch.key,
          );
        }
        const record = findWatch(db, watch.key);
        if (record === undefined) throw new InvalidInput(`watch ${watch.key} could not be enrolled`);
        return record;
      });
    },
    async watch(key) {
      return findWatch(db, key);
    },
    async watches() {
      return db.all('SELECT * FROM watches ORDER BY key').map(watchOf);
    },
    async due(now, limit) {
      const rows = db.all(
        `SELECT key FROM watches WHERE active = 1 AND paused = 0 AND open_scan IS NULL AND next_due_at <= ?
         ORDER BY next_due_at LIMIT ?`,
        now,
        limit,
      );
      return rows.map((row) => keyOf(row));
    },
    async setNextDue(key, nextDueAt) {
      db.run('UPDATE watches SET next_due_at = ? WHERE key = ?', nextDueAt, key);
    },
    async setPaused(key, paused) {
      db.run('UPDATE watches SET paused = ? WHERE id = ?', paused ? 1 : 0, watchId(db, key));
    },
    async decideHold(key, digest, decision) {
      db.transaction(() => decide(db, key, digest, decision));
    },
    async holdMembers(key) {
      const row = db.get('SELECT held, rejected FROM watches WHERE id = ?', watchId(db, key));
      if (row === undefined) return { held: [], rejected: [] };
      return {
        held: json(row, 'held', storedPaths),
        rejected: json(row, 'rejected', storedPaths),
      };
    },
    async retire(except) {
      const kept = new Set<string>(except);
      db.transaction(() => {
        for (const row of db.all('SELECT id, key FROM watches WHERE active = 1')) {
          if (!kept.has(text(row, 'key')))
            db.run('UPDATE watches SET active = 0 WHERE id = ?', integer(row, 'id'));
        }
      });
    },
  };
}

function takeOver(db: Database, watch: Enrolment): void {
  if (watch.was === null || db.get('SELECT id FROM watches WHERE key = ?', watch.key) !== undefined) return;
  db.run('UPDATE watches SET key = ? WHERE key = ?', watch.key, watch.was);
}

/** Seconds since 1970: a new epoch is above all earlier ones even if the state that knew them is lost. */
function epochAt(now: number, previous: number): number {
  return Math.max(Math.floor(now / 1_000), previous + 1);
}

function insertWatch(db: Database, watch: Enrolment, now: number): void {
  const id = db.insert(
    `INSERT INTO watches (key, server, root, identity, initial, active, epoch, scan, next_due_at, paused, held, rejected)
     VALUES (?, ?, ?, ?, ?, 1, ?, 0, 0, 0, '[]', '[]')`,
    watch.key,
    watch.server,
    watch.root,
    watch.identity,
    watch.initial,
    epochAt(now, 0),
  );
  insertRootStub(db, id, watch.initial);
}

function beginEpoch(db: Database, row: Row, watch: Enrolment, now: number): void {
  const id = integer(row, 'id');
  db.run('DELETE FROM chunks WHERE directory IN (SELECT id FROM directories WHERE watch = ?)', id);
  db.run('DELETE FROM directories WHERE watch = ?', id);
  db.run('DELETE FROM tasks WHERE watch = ?', id);
  db.run('UPDATE scans SET closed = 1 WHERE watch = ?', id);
  db.run(
    `UPDATE watches SET server = ?, root = ?, identity = ?, initial = ?, active = 1, epoch = ?, open_scan = NULL,
     next_due_at = 0, last_complete_at = NULL, last_started_at = NULL, hold = NULL, held = '[]', rejected = '[]',
     plan = NULL WHERE id = ?`,
    watch.server,
    watch.root,
    watch.identity,
    watch.initial,
    epochAt(now, integer(row, 'epoch')),
    id,
  );
  insertRootStub(db, id, watch.initial);
}

function insertRootStub(db: Database, watch: number, initial: Enrolment['initial']): void {
  db.run(
    `INSERT INTO directories (watch, path, generation, digest, scope, profile, stub, due_at, held, proved_by, reported, listed)
     VALUES (?, ?, 0, NULL, '', '', ?, NULL, 0, 0, 0, 0)`,
    watch,
    pathKey(''),
    initial === 'emit' ? 'new' : 'baseline',
  );
}

function decide(db: Database, key: WatchKey, digest: string, decision: 'approved' | 'rejected'): void {
  const id = watchId(db, key);
  const row = db.get('SELECT hold, held, rejected FROM watches WHERE id = ?', id);
  const hold = row && jsonOrNull(row, 'hold', storedHold);
  if (!row || hold?.digest !== digest) {
    throw new InvalidInput(`watch ${key} holds no deletions ${digest} now`, {
      advice: 'See "farwatch status" for the set that is held.',
    });
  }
  if (decision === 'approved') {
    // Due at once: what was approved is published by a fresh scan, and only what that still finds absent.
    const approved = JSON.stringify({ ...hold, decision });
    db.run('UPDATE watches SET hold = ?, next_due_at = 0 WHERE id = ?', approved, id);
    return;
  }
  const rejected = new Set([...json(row, 'rejected', storedPaths), ...json(row, 'held', storedPaths)]);
  db.run(
    `UPDATE watches SET hold = NULL, held = '[]', rejected = ? WHERE id = ?`,
    JSON.stringify([...rejected]),
    id,
  );
}

export function findWatch(db: Database, key: WatchKey): WatchRecord | undefined {
  const row = db.get('SELECT * FROM watches WHERE key = ?', key);
  return row && watchOf(row);
}

export function keyOf(row: Row): WatchKey {
  const [tenant = '', name = ''] = text(row, 'key').split('/');
  return `${tenant}/${name}`;
}

function watchOf(row: Row): WatchRecord {
  return {
    key: keyOf(row),
    was: null,
    server: text(row, 'server'),
    root: text(row, 'root'),
    identity: text(row, 'identity'),
    initial: choice(row, 'initial', ['baseline', 'emit']),
    active: integer(row, 'active') === 1,
    epoch: integer(row, 'epoch'),
    scan: integer(row, 'scan'),
    openScan: integerOrNull(row, 'open_scan'),
    nextDueAt: integer(row, 'next_due_at'),
    paused: integer(row, 'paused') === 1,
    lastScan: jsonOrNull(row, 'last_scan', storedSummary),
    lastCompleteAt: integerOrNull(row, 'last_complete_at'),
    lastStartedAt: integerOrNull(row, 'last_started_at'),
    hold: jsonOrNull(row, 'hold', storedHold),
    plan: jsonOrNull(row, 'plan', storedPlan),
  };
}
