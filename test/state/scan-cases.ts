import assert from 'node:assert/strict';
import { noCounts, type TaskResult } from '../../shared/state/state.ts';
import {
  begin,
  change,
  claimAt,
  enrolment,
  failsWith,
  finish,
  hour,
  incoming,
  listed,
  nothingFound,
  reassembly,
  rules,
  type StateCheck,
  scanEnd,
  scopeOf,
  t0,
  wholeTree,
} from './samples.ts';

export function scanCases(check: StateCheck): void {
  beginning(check);
  tasks(check);
  ending(check);
}

function beginning(check: StateCheck): void {
  const next = { watch: incoming, scope: 'scope-1', rules, tasks: [wholeTree], deadlineMs: hour };

  check('a scan begins with its tasks, rules and deadline', async ({ state, reopen }) => {
    const { epoch } = await state.enroll(enrolment(), t0);
    const scan = await state.beginScan({ ...next, after: 0 }, t0);
    assert.deepEqual(scan, {
      watch: incoming,
      epoch,
      scan: 1,
      scope: 'scope-1',
      startedAt: t0,
      deadlineAt: t0 + hour,
      tasksLeft: 1,
      closed: false,
      counts: noCounts,
      partials: [],
      failure: null,
    });
    const again = await reopen();
    assert.deepEqual(await again.scan(incoming, 1), scan);
    assert.equal((await again.watch(incoming))?.openScan, 1);
    assert.deepEqual(await again.scopeRules('scope-1'), rules);
    assert.equal(await again.scopeRules('scope-2'), undefined);
    assert.equal(await again.scan(incoming, 2), undefined);
  });

  check('one open scan per watch: beginning twice gives undefined', async ({ state, reopen }) => {
    await state.enroll(enrolment(), t0);
    const other = await reopen();
    const begun = await Promise.all([
      state.beginScan({ ...next, after: 0 }, t0),
      other.beginScan({ ...next, after: 0 }, t0),
    ]);
    assert.deepEqual(
      begun.filter((scan) => scan !== undefined).map(({ scan }) => scan),
      [1],
    );
    assert.equal(await state.beginScan({ ...next, after: 1 }, t0), undefined);
    assert.equal((await state.tasks(incoming, 1)).length, 1);
  });

  check(
    'a planner that read the watch before another scan came and went gets undefined',
    async ({ state }) => {
      await state.enroll(enrolment(), t0);
      await begin(state);
      await finish(state);
      assert.equal(await state.beginScan({ ...next, after: 0 }, t0), undefined);
      assert.equal((await state.watch(incoming))?.openScan, null);
      assert.equal((await state.beginScan({ ...next, after: 1 }, t0))?.scan, 2);
    },
  );
}

function tasks(check: StateCheck): void {
  check('tasks come in order, with the scopes they were made with', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const scopes = Array.from({ length: 12 }, (_, index) => ({
      subtrees: [`dir ${index}\udcff\n'"`],
      except: [`dir ${index}\udcff\n'"/x`],
    }));
    const { tasksLeft } = await begin(state, scopes);
    assert.equal(tasksLeft, 12);
    const found = await state.tasks(incoming, 1);
    assert.deepEqual(
      found.map(({ scope }) => scope),
      scopes,
    );
    const { fence, scope } = await claimAt(state, 3);
    assert.deepEqual(scope, scopes[3]);
    const after = await state.tasks(incoming, 1);
    assert.deepEqual(after[3], { task: fence.task, scope, status: 'running', attempt: fence.attempt });
    assert.equal(after[4]?.status, 'waiting');
  });

  check(
    'rule 3: children are there once their parent is completed, and after a crash',
    async ({ state, reopen }) => {
      await state.enroll(enrolment(), t0);
      await begin(state, [scopeOf('a'), scopeOf('b')]);
      const { fence } = await claimAt(state, 0);
      const children = [scopeOf('a/1'), scopeOf('a/2')];
      const done = await state.completeTask(fence, { ...nothingFound, children }, t0);
      assert.equal(done.left, 3);
      const again = await reopen();
      const left = await again.tasks(incoming, 1);
      assert.deepEqual(
        left.slice(1).map(({ task }) => task),
        done.children,
      );
      assert.deepEqual(
        left.map(({ scope }) => scope.subtrees[0]),
        ['b', 'a/1', 'a/2'],
      );
      assert.equal((await again.scan(incoming, 1))?.tasksLeft, 3);
    },
  );

  check('rule 3: a completed task cannot be claimed again', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    const { fence } = await claimAt(state, 0);
    await state.completeTask(fence, nothingFound, t0);
    assert.equal(await state.claimTask(incoming, 1, fence.task, t0), undefined);
    assert.equal(await state.claimTask(incoming, 1, 'never', t0), undefined);
    assert.equal(await state.claimTask(incoming, 2, fence.task, t0), undefined);
  });

  check('rule 3: the count of tasks left reaches 0 only with the last of them', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a')]);
    const parent = (await claimAt(state, 0)).fence;
    const children = [scopeOf('a/1'), scopeOf('a/2')];
    assert.equal((await state.completeTask(parent, { ...nothingFound, children }, t0)).left, 2);
    assert.equal(await state.claimReassembly(incoming, 1, t0), undefined);
    const child = (await claimAt(state, 1)).fence;
    assert.equal(
      (await state.completeTask(child, { ...nothingFound, children: [scopeOf('a/2/x')] }, t0)).left,
      2,
    );
    assert.equal(await state.claimReassembly(incoming, 1, t0), undefined);
    assert.equal((await state.completeTask((await claimAt(state, 0)).fence, nothingFound, t0)).left, 1);
    assert.equal(await state.claimReassembly(incoming, 1, t0), undefined);
    assert.equal((await state.completeTask((await claimAt(state, 0)).fence, nothingFound, t0)).left, 0);
    assert.deepEqual(await state.tasks(incoming, 1), []);
    assert.ok(await state.claimReassembly(incoming, 1, t0));
  });

  check('an attempt is told what earlier ones have logged', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state);
    const first = await claimAt(state, 0);
    assert.equal(first.logged, 0);
    await state.commit(first.fence, [listed('', 0, { changes: [change('a'), change('b')] })]);
    assert.equal((await claimAt(state, 0)).logged, 2);
  });

  check('a released task waits, and the next attempt may write', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state);
    const { fence } = await claimAt(state, 0);
    await state.releaseTask(fence, t0);
    assert.equal((await state.tasks(incoming, 1))[0]?.status, 'waiting');
    assert.equal((await state.scan(incoming, 1))?.tasksLeft, 1);
    const next = await claimAt(state, 0);
    assert.equal(next.fence.attempt, fence.attempt + 1);
    assert.equal((await state.completeTask(next.fence, nothingFound, t0)).left, 0);
  });

  check('completions add up counts, keep the first 100 partials and the first failure', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b'), scopeOf('c')]);
    const counts = { directories: 1, files: 20, changedDirectories: 3, partialDirectories: 60, changes: 5 };
    const result = (name: string): TaskResult => ({
      counts,
      partials: Array.from({ length: 60 }, (_, index) => ({
        path: `${name}\udcff/${index}`,
        reason: 'denied',
        detail: '550 "no"',
      })),
      failure: { error: 'RemoteUnavailable', message: name, advice: 'Wait.' },
      children: [],
    });
    await state.completeTask((await claimAt(state, 0)).fence, nothingFound, t0);
    await state.completeTask((await claimAt(state, 0)).fence, result('b'), t0);
    await state.completeTask((await claimAt(state, 0)).fence, result('c'), t0);
    const scan = await state.scan(incoming, 1);
    assert.deepEqual(scan?.counts, {
      directories: 2,
      files: 40,
      changedDirectories: 6,
      partialDirectories: 120,
      changes: 10,
    });
    assert.deepEqual(scan.partials, [...result('b').partials, ...result('c').partials.slice(0, 40)]);
    assert.deepEqual(scan.failure, { error: 'RemoteUnavailable', message: 'b', advice: 'Wait.' });
  });

  check('rule 6: every completion renews the deadline', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    await state.completeTask((await claimAt(state, 0)).fence, nothingFound, t0 + 1_234);
    assert.equal((await state.scan(incoming, 1))?.deadlineAt, t0 + 1_234 + hour);
  });
}

function ending(check: StateCheck): void {
  check('rule 6: abandoned tasks count as partial and their scopes come back', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('done'), scopeOf('running'), scopeOf('waiting')]);
    await state.completeTask((await claimAt(state, 0)).fence, nothingFound, t0);
    await claimAt(state, 0);
    const scopes = await state.abandonTasks(incoming, 1);
    assert.deepEqual(scopes.flatMap(({ subtrees }) => subtrees).toSorted(), ['running', 'waiting']);
    const scan = await state.scan(incoming, 1);
    assert.equal(scan?.counts.partialDirectories, 2);
    assert.equal(scan.tasksLeft, 0);
    assert.deepEqual(await state.abandonTasks(incoming, 1), []);
    assert.equal((await state.scan(incoming, 1))?.counts.partialDirectories, 2);
    assert.ok(await state.claimReassembly(incoming, 1, t0));
  });

  check(
    'a reassembly that died is claimed again, and only the last attempt may write',
    async ({ state, reopen }) => {
      await state.enroll(enrolment(), t0);
      await begin(state, []);
      const first = await reassembly(state, 1);
      const again = await reopen();
      const second = await reassembly(again, 1);
      await assert.rejects(state.closeScan(first, scanEnd(1), t0), failsWith('Fenced'));
      await assert.rejects(state.commit(first, []), failsWith('Fenced'));
      assert.deepEqual(await state.abandonTasks(incoming, 1), []);
      await again.closeScan(second, scanEnd(1), t0);
      assert.equal((await state.scan(incoming, 1))?.closed, true);
    },
  );

  check('a closed scan gives no tasks and no reassembly away', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    const names = (await state.tasks(incoming, 1)).map(({ task }) => task);
    await finish(state);
    for (const task of names) assert.equal(await state.claimTask(incoming, 1, task, t0), undefined);
    assert.equal(await state.claimReassembly(incoming, 1, t0), undefined);
    assert.deepEqual(await state.tasks(incoming, 1), []);
  });
}
