import type { TaskScope } from '../../tree/plan.ts';
import type {
  ClaimedTask,
  CompletedTask,
  Fence,
  NewScan,
  ScanCounts,
  ScanEnd,
  ScanRecord,
  Scans,
  TaskResult,
  WatchKey,
} from '../state.ts';
import { storedFailure, storedHold, storedPartials, storedPaths, storedTaskScope } from '../stored.ts';
import { choice, integer, json, jsonOrNull, text } from './columns.ts';
import type { Database, Row } from './database.ts';
import { checkFence, reassembly, watchId } from './fence.ts';
import { keyOf } from './watches.ts';

/** Scans kept as records after they are closed; the log does not need them. */
const keptScans = 10;
const keptPartials = 100;

export function sqliteScans(db: Database): Scans {
  return {
    async beginScan(scan, now) {
      return db.transaction(() => begin(db, scan, now));
    },
    async scan(watch, scan) {
      return findScan(db, watch, scan);
    },
    async openScans(limit) {
      const rows = db.all(
        'SELECT key FROM watches WHERE open_scan IS NOT NULL ORDER BY next_due_at LIMIT ?',
        limit,
      );
      return rows.map(keyOf);
    },
    async tasks(watch, scan) {
      const rows = db.all(
        `SELECT * FROM tasks WHERE watch = ? AND scan = ? AND status <> 'done' AND task <> ? ORDER BY task`,
        watchId(db, watch),
        scan,
        reassembly,
      );
      return rows.map((row) => ({
        task: text(row, 'task'),
        scope: json(row, 'scope', storedTaskScope),
        status: choice(row, 'status', ['waiting', 'running']),
        attempt: integer(row, 'attempt'),
      }));
    },
    async claimTask(watch, scan, task) {
      return db.transaction(() => claim(db, watch, scan, task));
    },
    async completeTask(fence, result, now) {
      return db.transaction(() => complete(db, fence, result, now));
    },
    async releaseTask(fence) {
      db.transaction(() => {
        const { watch } = checkFence(db, fence);
        setStatus(db, watch, fence, 'waiting');
      });
    },
    async abandonTasks(watch, scan) {
      return db.transaction(() => abandon(db, watchId(db, watch), scan));
    },
    async claimReassembly(watch, scan) {
      return db.transaction(() => {
        const record = findScan(db, watch, scan);
        if (record === undefined || record.closed || record.tasksLeft > 0) return undefined;
        insertTask(db, watchId(db, watch), scan, reassembly, { subtrees: [''], except: [] }, true);
        return claim(db, watch, scan, reassembly);
      });
    },
    async closeScan(fence, end, now) {
      db.transaction(() => close(db, fence, end, now));
    },
  };
}

function begin(db: Database, scan: NewScan, now: number): ScanRecord | undefined {
  const id = watchId(db, scan.watch);
  const begun = db.run(
    // At least 1, so that 0, an order to scan at once, can only have come since.
    `UPDATE watches SET scan = scan + 1, open_scan = scan + 1, next_due_at = MAX(next_due_at, 1)
     WHERE id = ? AND scan = ? AND open_scan IS NULL`,
    id,
    scan.after,
  );
  if (begun === 0) return undefined;
  const number = scan.after + 1;
  db.run(
    'INSERT INTO scopes (scope, rules) VALUES (?, ?) ON CONFLICT DO NOTHING',
    scan.scope,
    JSON.stringify(scan.rules),
  );
  db.run('DELETE FROM scans WHERE watch = ? AND scan < ?', id, number - keptScans);
  db.run(
    `INSERT INTO scans (watch, scan, epoch, scope, started_at, deadline_at, deadline_ms, closed, tasks_made, tasks_left,
       directories, files, changed, partial, changes, partials)
     SELECT id, ?, epoch, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, '[]' FROM watches WHERE id = ?`,
    number,
    scan.scope,
    now,
    now + scan.deadlineMs,
    scan.deadlineMs,
    id,
  );
  addTasks(db, id, number, scan.tasks);
  return findScan(db, scan.watch, number);
}

/** Task numbers grow over the whole scan: they order the log, and no number is used twice. */
function addTasks(
  db: Database,
  watch: number,
  scan: number,
  scopes: readonly TaskScope[],
): readonly string[] {
  if (scopes.length === 0) return [];
  const made = integer(
    db.get('SELECT tasks_made FROM scans WHERE watch = ? AND scan = ?', watch, scan) ?? {},
    'tasks_made',
  );
  const tasks = scopes.map((scope, index) => {
    const task = String(made + index + 1).padStart(7, '0');
    insertTask(db, watch, scan, task, scope, false);
    return task;
  });
  db.run(
    'UPDATE scans SET tasks_made = tasks_made + ?1, tasks_left = tasks_left + ?1 WHERE watch = ?2 AND scan = ?3',
    scopes.length,
    watch,
    scan,
  );
  return tasks;
}

function insertTask(
  db: Database,
  watch: number,
  scan: number,
  task: string,
  scope: TaskScope,
  lenient: boolean,
): void {
  db.run(
    `INSERT INTO tasks (watch, scan, task, scope, status, attempt, logged) VALUES (?, ?, ?, ?, 'waiting', 0, 0)
     ${lenient ? 'ON CONFLICT DO NOTHING' : ''}`,
    watch,
    scan,
    task,
    JSON.stringify(scope),
  );
}

function claim(db: Database, watch: WatchKey, scan: number, task: string): ClaimedTask | undefined {
  const record = findScan(db, watch, scan);
  if (record === undefined || record.closed) return undefined;
  const row = db.get(
    `UPDATE tasks SET status = 'running', attempt = attempt + 1
     WHERE watch = ? AND scan = ? AND task = ? AND status <> 'done' RETURNING scope, attempt, logged`,
    watchId(db, watch),
    scan,
    task,
  );
  if (row === undefined) return undefined;
  return {
    fence: { watch, scan, task, attempt: integer(row, 'attempt') },
    scope: json(row, 'scope', storedTaskScope),
    scan: record,
    logged: integer(row, 'logged'),
  };
}

function complete(db: Database, fence: Fence, result: TaskResult, now: number): CompletedTask {
  const { watch } = checkFence(db, fence);
  setStatus(db, watch, fence, 'done');
  const children = addTasks(db, watch, fence.scan, result.children);
  const before =
    db.get('SELECT partials, failure FROM scans WHERE watch = ? AND scan = ?', watch, fence.scan) ?? {};
  const partials = [...json(before, 'partials', storedPartials), ...result.partials].slice(0, keptPartials);
  const failure = jsonOrNull(before, 'failure', storedFailure) ?? result.failure;
  const row = db.get(
    `UPDATE scans SET tasks_left = tasks_left - 1, deadline_at = ? + deadline_ms, directories = directories + ?,
       files = files + ?, changed = changed + ?, partial = partial + ?, changes = changes + ?, partials = ?, failure = ?
     WHERE watch = ? AND scan = ? RETURNING tasks_left`,
    now,
    result.counts.directories,
    result.counts.files,
    result.counts.changedDirectories,
    result.counts.partialDirectories,
    result.counts.changes,
    JSON.stringify(partials),
    failure && JSON.stringify(failure),
    watch,
    fence.scan,
  );
  return { left: integer(row ?? {}, 'tasks_left'), children };
}

function setStatus(db: Database, watch: number, fence: Fence, status: 'waiting' | 'done'): void {
  db.run(
    'UPDATE tasks SET status = ? WHERE watch = ? AND scan = ? AND task = ?',
    status,
    watch,
    fence.scan,
    fence.task,
  );
}

function abandon(db: Database, watch: number, scan: number): readonly TaskScope[] {
  const rows = db.all(
    `UPDATE tasks SET status = 'done' WHERE watch = ? AND scan = ? AND status <> 'done' AND task <> ? RETURNING scope`,
    watch,
    scan,
    reassembly,
  );
  db.run(
    'UPDATE scans SET tasks_left = 0, partial = partial + ? WHERE watch = ? AND scan = ?',
    rows.length,
    watch,
    scan,
  );
  return rows.map((row) => json(row, 'scope', storedTaskScope));
}

function close(db: Database, fence: Fence, judged: ScanEnd, now: number): void {
  const { watch } = checkFence(db, fence);
  const end = withAnswer(db, watch, judged);
  db.run('UPDATE scans SET closed = 1 WHERE watch = ? AND scan = ?', watch, fence.scan);
  db.run('DELETE FROM tasks WHERE watch = ? AND scan <= ?', watch, fence.scan);
  const { members, ...hold } = end.hold ?? { members: [] };
  db.run(
    // 0: somebody has asked for a scan since this one began.
    `UPDATE watches SET open_scan = NULL, last_scan = ?, last_started_at = ?, plan = ?, hold = ?,
       next_due_at = CASE next_due_at WHEN 0 THEN 0 ELSE ? END,
       held = ?, rejected = ?, last_complete_at = CASE WHEN ? THEN ? ELSE last_complete_at END WHERE id = ?`,
    JSON.stringify(end.summary),
    end.summary.startedAt,
    end.plan && JSON.stringify(end.plan),
    end.hold && JSON.stringify(hold),
    end.nextDueAt,
    JSON.stringify(members),
    JSON.stringify(end.rejected),
    end.summary.status === 'complete' ? 1 : 0,
    now,
    watch,
  );
}

/**
 * Nothing approved or rejected is ever held by a judgement that knew of it: where it is, the answer came in between
 * and is kept.
 */
function withAnswer(db: Database, watch: number, end: ScanEnd): ScanEnd {
  if (end.hold === null) return end;
  const { digest, members } = end.hold;
  const row = db.get('SELECT hold, rejected FROM watches WHERE id = ?', watch) ?? {};
  const stored = jsonOrNull(row, 'hold', storedHold);
  if (stored?.digest === digest && stored.decision === 'approved') {
    return { ...end, hold: { ...end.hold, decision: 'approved' } };
  }
  const rejected = new Set(json(row, 'rejected', storedPaths));
  if (members.length === 0 || !members.every((member) => rejected.has(member))) return end;
  return { ...end, hold: null, rejected: [...end.rejected, ...members] };
}

function findScan(db: Database, watch: WatchKey, scan: number): ScanRecord | undefined {
  const row = db.get('SELECT * FROM scans WHERE watch = ? AND scan = ?', watchId(db, watch), scan);
  return row && scanOf(row, watch);
}

function scanOf(row: Row, watch: WatchKey): ScanRecord {
  return {
    watch,
    epoch: integer(row, 'epoch'),
    scan: integer(row, 'scan'),
    scope: text(row, 'scope'),
    startedAt: integer(row, 'started_at'),
    deadlineAt: integer(row, 'deadline_at'),
    tasksLeft: integer(row, 'tasks_left'),
    closed: integer(row, 'closed') === 1,
    counts: countsOf(row),
    partials: json(row, 'partials', storedPartials),
    failure: jsonOrNull(row, 'failure', storedFailure),
  };
}

function countsOf(row: Row): ScanCounts {
  return {
    directories: integer(row, 'directories'),
    files: integer(row, 'files'),
    changedDirectories: integer(row, 'changed'),
    partialDirectories: integer(row, 'partial'),
    changes: integer(row, 'changes'),
  };
}
