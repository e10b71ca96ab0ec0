import { InvalidInput } from '../../failure.ts';
import type { TaskScope } from '../../tree/plan.ts';
import {
  type ClaimedTask,
  type CompletedTask,
  type Fence,
  type NewScan,
  noCounts,
  type ScanCounts,
  type ScanRecord,
  type Scans,
  type TaskRecord,
  type TaskResult,
  type WatchKey,
} from '../state.ts';
import { json, key, keyOf, number, numberAt, string, stringAt } from './attributes.ts';
import { closeScan } from './closing.ts';
import { loggedOf, over, reassembly, taskPartition } from './fences.ts';
import { backOff } from './retry.ts';
import {
  findScan,
  keptPartials,
  partialRows,
  type ScanRow,
  scanRecord,
  scanReplacement,
  taskExpiry,
  taskName,
  taskRows,
  taskScope,
} from './scan-rows.ts';
import type { Services } from './services.ts';
import { batches, type Write } from './table.ts';
import { expiryAttribute } from './table-definition.ts';
import { openPartition, watchKeyOf } from './watch-rows.ts';

/** Tasks made in one transaction, beside the rows of the watch and of the scan (protocol rule 3). */
const mostTasks = 90;

export function dynamoScans(services: Services): Scans {
  const { table, rows, forgotten } = services;
  return {
    async beginScan(scan, now) {
      const begun = await begin(services, scan, now);
      if (begun !== undefined) await forgotten.sweep((await rows.place(scan.watch)).tree);
      return begun;
    },
    async scan(watch, scan) {
      const { number } = await rows.place(watch);
      const found = await findScan(table, number, scan);
      return found && scanRecord(table, watch, number, scan, found.row);
    },
    async openScans(limit) {
      return (await table.due(openPartition, Number.MAX_SAFE_INTEGER, limit)).map(watchKeyOf);
    },
    async tasks(watch, scan) {
      return openTasks(services, watch, scan);
    },
    async claimTask(watch, scan, task, now) {
      if (task === reassembly) return undefined;
      return claim(services, watch, scan, task, now);
    },
    async completeTask(fence, result, now) {
      return complete(services, fence, result, now);
    },
    async releaseTask(fence) {
      await services.fences.release(fence);
    },
    async abandonTasks(watch, scan) {
      return abandonTasks(services, watch, scan);
    },
    async claimReassembly(watch, scan, now) {
      const { number, tree } = await rows.place(watch);
      const found = await findScan(table, number, scan);
      if (found === undefined || found.row.closed || found.row.tasksLeft > 0) return undefined;
      await forgotten.sweep(tree);
      return claim(services, watch, scan, reassembly, now);
    },
    async closeScan(fence, end, now) {
      await closeScan(services, fence, end, now);
    },
  };
}

async function begin(services: Services, scan: NewScan, now: number): Promise<ScanRecord | undefined> {
  if (scan.tasks.length > mostTasks) {
    throw new InvalidInput(`a scan begins with at most ${mostTasks} tasks, not ${scan.tasks.length}`);
  }
  const { table, rows } = services;
  const next = scan.after + 1;
  for (let attempt = 1; ; attempt += 1) {
    const found = await rows.get(scan.watch);
    const { row } = found;
    if (row.scan !== scan.after || row.openScan !== null) return undefined;
    const scanRow: ScanRow = {
      epoch: row.epoch,
      scope: scan.scope,
      startedAt: now,
      deadlineAt: now + scan.deadlineMs,
      deadlineMs: scan.deadlineMs,
      closed: false,
      tasksMade: scan.tasks.length,
      tasksLeft: scan.tasks.length,
      counts: noCounts,
      partials: 0,
      failure: null,
    };
    const known = row.scopes.includes(scan.scope);
    const scopes = known ? row.scopes : [...row.scopes, scan.scope];
    const rules: Write = { key: rulesKey(scan.scope), kind: 'put', item: { j: json(scan.rules) } };
    const begun = await table.transact([
      rows.replacement(found, {
        ...row,
        scan: next,
        openScan: next,
        // So that 0, an order to scan at once, can only have come since.
        nextDueAt: Math.max(row.nextDueAt, 1),
        scopes,
      }),
      scanReplacement(row.number, next, 0, scanRow, now),
      ...(known ? [] : [rules]),
      ...(await taskRows(table, row.number, next, 0, scan.tasks, now)),
    ]);
    rows.forget(scan.watch);
    if (begun) return scanRecord(table, scan.watch, row.number, next, scanRow);
    await backOff(attempt);
  }
}

export function rulesKey(scope: string) {
  return key('c', scope);
}

async function openTasks(
  { table, rows }: Services,
  watch: WatchKey,
  scan: number,
): Promise<readonly TaskRecord[]> {
  const { number: watchNumber } = await rows.place(watch);
  const found = await Array.fromAsync(table.query(taskPartition(watchNumber, scan)));
  return Promise.all(
    found.flatMap((row) => {
      const task = Buffer.from(keyOf(row).s).toString('utf8');
      const status = stringAt(row, 'st');
      if (status === 'd' || task === reassembly) return [];
      const record = async (): Promise<TaskRecord> => ({
        task,
        scope: await taskScope(table, row),
        status: status === 'r' ? 'running' : 'waiting',
        attempt: numberAt(row, 'an'),
      });
      return [record()];
    }),
  );
}

/** The scan is read first: a task that is not done keeps its scan open, so the task's row alone decides. */
async function claim(
  { table, rows, fences }: Services,
  watch: WatchKey,
  scan: number,
  task: string,
  now: number,
): Promise<ClaimedTask | undefined> {
  const { number: watchNumber } = await rows.place(watch);
  const found = await findScan(table, watchNumber, scan);
  if (found === undefined || found.row.closed) return undefined;
  const condition = { text: 'st <> :done', values: { ':done': string('d') } };
  const first = { text: 'attribute_not_exists(p) OR st <> :done', values: condition.values };
  const claimed = await table.update(
    key(taskPartition(watchNumber, scan), task),
    {
      text: `SET st = :running${task === reassembly ? `, lg = if_not_exists(lg, :none), ${expiryAttribute} = :end` : ''} ADD an :one`,
      values: {
        ':running': string('r'),
        ':one': number(1),
        ...(task === reassembly ? { ':none': number(0), ':end': taskExpiry(now) } : {}),
      },
    },
    task === reassembly ? first : { ...condition, text: `attribute_exists(p) AND ${condition.text}` },
  );
  if (!('now' in claimed)) return undefined;
  const fence = { watch, scan, task, attempt: numberAt(claimed.now, 'an') };
  const logged = loggedOf(claimed.now);
  fences.remember(fence, logged);
  return {
    fence,
    scope: task === reassembly ? { subtrees: [''], except: [] } : await taskScope(table, claimed.now),
    scan: await scanRecord(table, watch, watchNumber, scan, found.row),
    logged: logged.count,
  };
}

/** The scan's row is replaced at the version read: the count of tasks left must be exact, whoever else completes. */
async function complete(
  services: Services,
  fence: Fence,
  result: TaskResult,
  now: number,
): Promise<CompletedTask> {
  const { table, fences } = services;
  const watchNumber = await fences.watchNumber(fence);
  for (let attempt = 1; ; attempt += 1) {
    const found = await findScan(table, watchNumber, fence.scan);
    if (found === undefined) throw over(fence);
    const { row } = found;
    const partials = result.partials.slice(0, keptPartials - row.partials);
    const next: ScanRow = {
      ...row,
      tasksMade: row.tasksMade + result.children.length,
      tasksLeft: row.tasksLeft + result.children.length - 1,
      deadlineAt: now + row.deadlineMs,
      counts: sum(row.counts, result.counts),
      partials: row.partials + partials.length,
      failure: row.failure ?? result.failure,
    };
    const done = await table.transact([
      await fences.ending(fence),
      scanReplacement(watchNumber, fence.scan, found.version, next, now),
      ...(await taskRows(table, watchNumber, fence.scan, row.tasksMade, result.children, now)),
      ...partialRows(watchNumber, fence.scan, row.partials, partials, now),
    ]);
    if (done) {
      const children = result.children.map((_, index) => taskName(row.tasksMade + index + 1));
      return { left: next.tasksLeft, children };
    }
    await fences.check(fence);
    await backOff(attempt);
  }
}

/**
 * Ends all tasks that are not done, as many at a time as one transaction holds. A task that completes meanwhile
 * leaves children: looked for until there are none.
 */
export async function abandonTasks(
  services: Services,
  watch: WatchKey,
  scan: number,
): Promise<readonly TaskScope[]> {
  const { table, rows } = services;
  const { number: watchNumber } = await rows.place(watch);
  const scopes: TaskScope[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const tasks = await openTasks(services, watch, scan);
    const [batch] = batches(tasks, mostTasks);
    const found = await findScan(table, watchNumber, scan);
    if (batch === undefined || found === undefined) return scopes;
    const { counts, tasksLeft } = found.row;
    const partialDirectories = counts.partialDirectories + batch.length;
    const next = {
      ...found.row,
      tasksLeft: tasksLeft - batch.length,
      counts: { ...counts, partialDirectories },
    };
    const ended = await table.transact([
      scanReplacement(watchNumber, scan, found.version, next, found.row.startedAt),
      ...batch.map(
        ({ task }): Write => ({
          key: key(taskPartition(watchNumber, scan), task),
          kind: 'update',
          update: { text: 'SET st = :done', values: { ':done': string('d') } },
          condition: { text: 'attribute_exists(p) AND st <> :done' },
        }),
      ),
    ]);
    if (ended) scopes.push(...batch.map(({ scope }) => scope));
    else await backOff(attempt);
  }
}

function sum(a: ScanCounts, b: ScanCounts): ScanCounts {
  return {
    directories: a.directories + b.directories,
    files: a.files + b.files,
    changedDirectories: a.changedDirectories + b.changedDirectories,
    partialDirectories: a.partialDirectories + b.partialDirectories,
    changes: a.changes + b.changes,
  };
}
