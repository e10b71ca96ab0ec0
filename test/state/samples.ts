import assert from 'node:assert/strict';
import type { Change } from '../../shared/changes/change.ts';
import { Failure, type FailureName } from '../../shared/failure.ts';
import {
  type ClaimedTask,
  type DirectoryCommit,
  type Enrolment,
  type Fence,
  noCounts,
  type ScanEnd,
  type ScanRecord,
  type State,
  type TaskResult,
  type WatchKey,
  watchKey,
} from '../../shared/state/state.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import type { SelectionRules } from '../../shared/tree/selection.ts';
import { type SnapshotEntry, settled } from '../../shared/tree/snapshot.ts';

/** One store as the suite sees it. `reopen`: a second handle on the same store, as after a crash. */
export interface OpenedState {
  readonly state: State;
  readonly reopen: () => Promise<State>;
  close(): Promise<void>;
}

/** Runs one case on a fresh store. */
export type StateCheck = (title: string, run: (opened: OpenedState) => Promise<void>) => void;

export const t0 = Date.parse('2026-11-21T01:00:00Z');
export const hour = 3_600_000;
export const incoming = watchKey({ tenant: 'acme', name: 'incoming' });
export const wholeTree: TaskScope = { subtrees: [''], except: [] };

export const rules: SelectionRules = {
  include: [{ type: 'glob', pattern: '**/*.csv' }],
  exclude: [{ type: 'regex', pattern: "^archive/'\\n" }],
  caseSensitive: true,
  hidden: false,
  maxDepth: null,
  minFileSize: 0,
  maxFileSize: 2 ** 40,
  kinds: ['file', 'directory'],
};

export function enrolment(more: Partial<Enrolment> = {}): Enrolment {
  return {
    key: incoming,
    was: null,
    server: 'partner-a',
    root: '/incoming',
    identity: 'sftp://acme@partner-a:22/incoming',
    initial: 'baseline',
    ...more,
  };
}

export function scopeOf(...subtrees: readonly string[]): TaskScope {
  return { subtrees, except: [] };
}

export async function begin(
  state: State,
  tasks: readonly TaskScope[] = [wholeTree],
  watch: WatchKey = incoming,
): Promise<ScanRecord> {
  const after = (await state.watch(watch))?.scan ?? 0;
  const scan = await state.beginScan({ watch, after, scope: 'scope-1', rules, tasks, deadlineMs: hour }, t0);
  assert.ok(scan, 'the scan begins');
  return scan;
}

/** Claims the task at this place among those that are not done. */
export async function claimAt(state: State, place: number, watch: WatchKey = incoming): Promise<ClaimedTask> {
  const scan = (await state.watch(watch))?.openScan ?? 0;
  const task = (await state.tasks(watch, scan))[place];
  assert.ok(task, `there is a task at ${place}`);
  const claimed = await state.claimTask(watch, scan, task.task, t0);
  assert.ok(claimed, 'the task is claimed');
  return claimed;
}

/** A fresh scan of one task, claimed. */
export async function beginAndClaim(state: State, watch: WatchKey = incoming): Promise<Fence> {
  await begin(state, [wholeTree], watch);
  return (await claimAt(state, 0, watch)).fence;
}

export const nothingFound: TaskResult = { counts: noCounts, partials: [], failure: null, children: [] };

export async function reassembly(state: State, scan: number, watch: WatchKey = incoming): Promise<Fence> {
  const claimed = await state.claimReassembly(watch, scan, t0);
  assert.ok(claimed, 'the reassembly is claimed');
  return claimed.fence;
}

export function scanEnd(scan: number, more: Partial<ScanEnd> = {}): ScanEnd {
  return {
    summary: {
      scan,
      status: 'complete',
      startedAt: t0,
      endedAt: t0 + 5_000,
      counts: { ...noCounts, directories: 3, files: 7 },
      treeDigest: 'd'.repeat(32),
      partials: [],
      failure: null,
    },
    plan: null,
    nextDueAt: t0 + hour,
    hold: null,
    rejected: [],
    ...more,
  };
}

/** Completes what is left of the open scan and closes it. */
export async function finish(
  state: State,
  more: Partial<ScanEnd> = {},
  watch: WatchKey = incoming,
): Promise<void> {
  const scan = (await state.watch(watch))?.openScan ?? 0;
  await state.abandonTasks(watch, scan);
  await state.closeScan(await reassembly(state, scan, watch), scanEnd(scan, more), t0 + 5_000);
}

/** A whole scan of one task that makes these commits. */
export async function scanOnce(
  state: State,
  commits: readonly DirectoryCommit[],
  watch: WatchKey = incoming,
): Promise<void> {
  await state.commit(await beginAndClaim(state, watch), commits);
  await finish(state, {}, watch);
}

/** The commit of one listing: a record of plain values, nothing else unless said. */
export function listed(
  path: string,
  expected: number,
  more: Partial<Omit<DirectoryCommit, 'record'>> & {
    readonly record?: Partial<NonNullable<DirectoryCommit['record']>> | null;
  } = {},
): DirectoryCommit {
  const { record, ...rest } = more;
  return {
    path,
    expected,
    record:
      record === null
        ? null
        : {
            digest: '0123456789abcdef0123456789abcdef',
            scope: 'scope-1',
            profile: 'sftp/second',
            stub: null,
            dueAt: null,
            held: false,
            provedBy: 1,
            changedBy: 0,
            leaf: false,
            reported: 0,
            listed: 0,
            probe: null,
            ...record,
          },
    dropChunks: [],
    putChunks: [],
    stubs: [],
    forget: [],
    changes: [],
    ...rest,
  };
}

export function stubs(...paths: readonly string[]): DirectoryCommit['stubs'] {
  return paths.map((path) => ({ path, stub: 'new' }));
}

export function file(name: string, size = 1_024): SnapshotEntry {
  return settled({ name, size, modifiedAt: t0, precision: 'second' }, 'file');
}

export function chunk(digest: string | null, ...entries: readonly SnapshotEntry[]) {
  return { digest, entries };
}

export function change(id: string, more: Partial<Change> = {}): Change {
  return {
    version: 1,
    id,
    sequence: `1-${id}`,
    type: 'created',
    kind: 'file',
    tenant: 'acme',
    server: 'partner-a',
    watch: 'incoming',
    path: `/incoming/${id}.csv`,
    old: null,
    new: { size: 1_024, modifiedAt: '2026-11-21T01:20:00Z', precision: 'second' },
    scan: 1,
    detectedAt: '2026-11-21T01:25:03.120Z',
    ...more,
  };
}

export async function paths(records: AsyncIterable<{ readonly path: string }>): Promise<string[]> {
  return (await Array.fromAsync(records)).map((record) => record.path);
}

export function ids(page: { readonly changes: readonly Change[] }): string[] {
  return page.changes.map(({ id }) => id);
}

/** The one way to say which error is expected: by its name, and with advice where a reader can do something. */
export function failsWith(name: FailureName): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Failure, `a failure of the taxonomy, not ${String(error)}`);
    assert.equal(error.name, name, error.message);
    return true;
  };
}
