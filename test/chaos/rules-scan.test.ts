import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Fenced } from '../../shared/failure.ts';
import { Bench, day, denied, everything, minute, sound, told, until } from './bench.ts';

/**
 * The rules of protocol.md that planner, scanner and reassembler keep. Above each test stands the mutation of the code
 * that it was seen to fail with.
 */
describe('who may write', () => {
  // checkFence of the state never throws.
  it('rule 1: a scanner that wakes after its scan reports nothing', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('kept', 1);
    await bench.scan();
    const gate = Promise.withResolvers<void>();
    const stalled = await bench.begin();
    bench.world.put('f', 2);
    const [task = ''] = await bench.tasks(stalled);
    const listed = bench.listed;
    const scanner = bench.scanTask(stalled, task, gate.promise);
    await until(() => bench.listed > listed);
    bench.world.remove('f');
    await bench.end(stalled, await bench.state.abandonTasks(bench.key, stalled));
    assert.deepEqual((await bench.scan()).told, []);
    gate.resolve();
    await assert.rejects(scanner, Fenced);
    assert.deepEqual((await bench.scan()).told, []);
  });

  // Batch.flush answers StaleSnapshot with `again: []`.
  it('rule 2: a listing that comes too late is thrown away and made again', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('f', 1);
    await bench.scan();
    const whole = { subtrees: [''], except: [] };
    const scan = await bench.begin([whole, whole]);
    const [first = '', second = ''] = await bench.tasks(scan);
    const gate = Promise.withResolvers<void>();
    bench.world.put('f', 2);
    const listed = bench.listed;
    const late = bench.scanTask(scan, first, gate.promise);
    await until(() => bench.listed > listed);
    bench.world.put('f', 3);
    await bench.scanTask(scan, second);
    bench.world.put('f', 4);
    gate.resolve();
    await late;
    await bench.end(scan);
    const logged = (await bench.log()).filter((change) => change.scan === scan);
    const inOrder = logged.toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
    assert.deepEqual(
      inOrder.map((change) => change.new?.size),
      [3, 4],
    );
  });

  // TaskRun begins with noCounts whatever the attempt: the tree's digest stays that of the scan before.
  it('what a killed attempt has committed counts at the end', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a/1', 1);
    const before = (await bench.scan()).summary.treeDigest;
    bench.world.put('a/2', 2);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    const dying = Object.create(bench.state, {
      completeTask: { value: () => Promise.reject(new Error('killed')) },
    });
    await assert.rejects(bench.scanTask(scan, task, undefined, dying), /killed/);
    await bench.scanTask(scan, task);
    assert.notEqual((await bench.end(scan)).summary.treeDigest, before);
  });

  // `claim` of the state does not look at the status: the task is scanned once more.
  it('rule 3: a task that is done already is not done again', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a/f', 1);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    const { listed } = bench;
    assert.equal(await bench.scanTask(scan, task), undefined);
    assert.equal(bench.listed, listed);
  });
});

describe('what the snapshot holds', () => {
  // reassemble releases creations only where no listing was partial.
  it('rule 7: an incomplete scan releases what was held under it', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a', null);
    bench.world.put('z', null);
    await bench.scan();
    bench.world.put('z/old', 1, bench.world.clock - 40 * day); // as a file that was moved here
    const { summary, told } = await bench.scan(sound, denied); // the root, and `a`
    assert.equal(summary.status, 'incomplete');
    assert.deepEqual(told, ['created z/old']);
  });

  // diff lets go of an entry that is missing, and reports nothing at once.
  it('rule 7: what a scan held that never ended is reported by the next one', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('f', 1);
    await bench.scan();
    bench.world.remove('f');
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    // Nobody reassembles it: the next runner ends it early and begins another.
    await bench.end(scan, await bench.state.abandonTasks(bench.key, scan));
    await bench.scan();
    assert.deepEqual(
      (await bench.log()).map(({ type }) => type),
      ['created', 'deleted'],
    );
  });

  // stubFor always says `new`: a storm of phantoms; or always `baseline`: files are swallowed.
  for (const initial of ['baseline', 'emit'] as const) {
    it(`rule 8: an interrupted first scan makes neither phantoms nor losses: ${initial}`, async (t) => {
      const scanLimits = {
        inFlight: 1,
        taskBudgetMs: 0,
        taskDirectories: 1,
        deadlineMs: 60 * minute,
        workflowFrom: 20_000,
      };
      const bench = await Bench.open(t, { initial, scan: scanLimits });
      for (const path of ['a/1', 'b/2', 'b/c/3']) bench.world.put(path, path.length);
      const scan = await bench.begin();
      const [root = ''] = await bench.tasks(scan);
      await bench.scanTask(scan, root); // the root alone, then the process dies
      await bench.end(scan, await bench.state.abandonTasks(bench.key, scan));
      bench.world.put('new/4', 9);
      await bench.scan();
      const before = ['a', 'a/1', 'b', 'b/2', 'b/c', 'b/c/3'];
      const expected = [...(initial === 'emit' ? before : []), 'new', 'new/4'];
      const paths = (await bench.log()).map(({ type, path }) => `${type} ${path}`);
      assert.deepEqual(paths.toSorted(), expected.map((path) => `created /root/${path}`).toSorted());
    });
  }

  // isUnchanged ignores `dueAt`; ignores `held`.
  it('rule 9: a digest with something due counts as changed', async (t) => {
    const settling = await Bench.open(t, { settleMs: 3 * minute });
    settling.world.put('f', 1);
    settling.world.clock += minute;
    for (const type of ['created', 'modified']) {
      if (type === 'modified') settling.world.put('f', 2);
      assert.deepEqual((await settling.scan()).told, [], 'not while it may still grow');
      settling.world.clock += 3 * minute;
      assert.deepEqual((await settling.scan()).told, [`${type} f`]);
    }

    const confirming = await Bench.open(t, { deletes: { confirm: 3, maxPercent: 100, minCount: 50 } });
    for (const path of ['f', 'kept']) confirming.world.put(path, 1);
    await confirming.scan();
    confirming.world.remove('f');
    const scans = [await confirming.scan(), await confirming.scan(), await confirming.scan()];
    assert.deepEqual(
      scans.map(({ told }) => told),
      [[], [], ['deleted f']],
    );
  });
});

describe('what is not a change', () => {
  const withoutB = { ...everything, exclude: [{ type: 'glob' as const, pattern: 'b/**' }] };

  // rescopedFrom returns null: a storm of `created`, and entries out of scope stay.
  it('rule 12: entries leave the scope silently, and come into it as `initial` says', async (t) => {
    const bench = await Bench.open(t, { initial: 'baseline' });
    for (const path of ['a/1', 'b/2']) bench.world.put(path, 1);
    await bench.scan();
    bench.watch = { ...bench.watch, selection: withoutB };
    assert.deepEqual((await bench.scan()).told, []);
    bench.world.remove('b/2');
    bench.world.put('b/3', 3);
    assert.deepEqual((await bench.scan()).told, []);
    bench.watch = { ...bench.watch, selection: everything };
    assert.deepEqual((await bench.scan()).told, []);
    bench.world.put('b/4', 4);
    assert.deepEqual((await bench.scan()).told, ['created b/4']);
  });

  // missingSubtree does not look at changedBy: a/f and a/g are deleted after a/g was created.
  it('rule 14: a directory that came back before another task of the scan listed it is still there', async (t) => {
    const bench = await Bench.open(t);
    for (const path of ['a/f', 'kept']) bench.world.put(path, 1);
    await bench.scan();
    const scan = await bench.begin([
      { subtrees: [''], except: ['a'] },
      { subtrees: ['a'], except: [] },
    ]);
    const [parent = '', child = ''] = await bench.tasks(scan);
    bench.world.remove('a');
    await bench.scanTask(scan, parent);
    bench.world.put('a/f', 1);
    bench.world.put('a/g', 2);
    await bench.scanTask(scan, child);
    const { summary } = await bench.end(scan);
    const logged = (await bench.log()).filter((change) => change.scan === scan);
    assert.deepEqual([summary.status, told(logged)], ['complete', ['modified a/f', 'created a/g']]);
    assert.deepEqual((await bench.scan()).told, []);
    bench.world.remove('a');
    assert.deepEqual((await bench.scan()).told, ['deleted a/f', 'deleted a/g', 'deleted a']);
  });

  // notGone does not ask for the record: the scan is incomplete though nothing of it is missing.
  it('a directory that is gone leaves a scan complete, whichever slice of its end has judged that', async (t) => {
    const bench = await Bench.open(t);
    for (const path of ['a/f', 'kept']) bench.world.put(path, 1);
    await bench.scan();
    bench.world.remove('a');
    const scan = await bench.begin([
      { subtrees: [''], except: ['a'] },
      { subtrees: ['a'], except: [] },
    ]);
    for (const task of await bench.tasks(scan)) await bench.scanTask(scan, task);
    const { done, changes } = await bench.judge(scan);
    assert.deepEqual([done, changes], [true, 2]);
    assert.equal((await bench.end(scan)).summary.status, 'complete');
  });

  // stubsFor looks only at what is listed: the subtree is never watched again.
  it('rule 12: a directory that the first listing under new rules lacks is not forgotten', async (t) => {
    const bench = await Bench.open(t);
    for (const path of ['a/1', 'b/2']) bench.world.put(path, 1);
    bench.watch = { ...bench.watch, selection: withoutB };
    await bench.scan();
    bench.watch = { ...bench.watch, selection: everything };
    await bench.scan({ ...sound, flaw: 'truncated', keep: 0 });
    await bench.scan();
    assert.ok((await bench.log()).some(({ path }) => path === '/root/b/2'));
  });

  // run() does not compare the scope of the scan with that of the configuration.
  it('rule 12: a task of a scan under other rules writes nothing', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a/1', 1);
    const scan = await bench.begin();
    bench.watch = { ...bench.watch, selection: withoutB };
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    const { summary } = await bench.end(scan);
    assert.equal(bench.listed, 0);
    assert.equal(summary.failure?.error, 'InvalidInput');
  });

  // comparison() tells times apart as soon as they differ.
  it('rule 13: a server that says its times otherwise says nothing new', async (t) => {
    const bench = await Bench.open(t);
    const [same, other] = ['same', 'other'];
    for (const path of [same, other]) bench.world.put(path, 5, bench.world.clock + 12_345);
    bench.coarse = true;
    await bench.scan();
    bench.coarse = false;
    bench.world.put(other, 6);
    assert.deepEqual((await bench.scan()).told, ['modified other']);
    bench.coarse = true;
    assert.deepEqual((await bench.scan()).told, []);
    // The finer time was kept: a change by seconds alone is seen.
    bench.coarse = false;
    bench.world.put(same, 5, bench.world.clock - day);
    assert.deepEqual((await bench.scan()).told, ['modified same']);
  });

  // compare() and nextRecord() take every listing for complete.
  it('rule 14: what a partial listing lacks is still there', async (t) => {
    const bench = await Bench.open(t);
    for (const path of ['a/1', 'f', 'g']) bench.world.put(path, 1);
    await bench.scan();
    for (const flaw of ['truncated', 'unproved', 'denied', 'not-found', 'lost'] as const) {
      const { summary, told } = await bench.scan({ ...sound, flaw });
      assert.deepEqual([summary.status, told], ['incomplete', []], flaw);
    }
    bench.world.remove('g');
    assert.deepEqual((await bench.scan()).told, ['deleted g']);
  });

  // missingEntry takes `confirm` alone.
  it('rule 14: an empty root is believed at the second look', async (t) => {
    const bench = await Bench.open(t);
    for (const path of ['a/1', 'f']) bench.world.put(path, 1);
    await bench.scan();
    bench.hollow = true;
    assert.deepEqual((await bench.scan()).told, []);
    bench.hollow = false;
    assert.deepEqual((await bench.scan()).told, []);
    bench.world.remove('a');
    bench.world.remove('f');
    assert.deepEqual((await bench.scan()).told, []);
    assert.deepEqual((await bench.scan()).told, ['deleted a/1', 'deleted a', 'deleted f']);
  });
});

describe('rule 20: approval', () => {
  const longAgo = Date.UTC(2026, 0, 1);

  async function suspended(t: TestContext) {
    const bench = await Bench.open(t, { deletes: { confirm: 1, maxPercent: 20, minCount: 3 } });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bench.world.put(name, name.charCodeAt(0), longAgo);
    await bench.scan();
    for (const name of ['a', 'b', 'c', 'd']) bench.world.remove(name);
    bench.world.put('new', 1);
    const { hold, told } = await bench.scan();
    assert.deepEqual(told, ['created new'], 'everything but deletions is reported');
    assert.equal(hold?.count, 4);
    return { bench, digest: hold.digest };
  }

  // judge ignores `approved`; judges the approved set without asking for a fresh proof.
  it('publishes the members that are still absent', async (t) => {
    const { bench, digest } = await suspended(t);
    bench.world.put('b', 98, longAgo);
    await bench.state.decideHold(bench.key, digest, 'approved');
    assert.deepEqual((await bench.scan(denied)).told, [], 'nothing without a fresh proof');
    assert.deepEqual((await bench.scan()).told, ['deleted a', 'deleted c', 'deleted d']);
  });

  // judge ignores `rejected`.
  it('is quiet about a rejected set, and not about others', async (t) => {
    const { bench, digest } = await suspended(t);
    await bench.state.decideHold(bench.key, digest, 'rejected');
    const { hold, told } = await bench.scan();
    assert.deepEqual([hold, told], [null, []]);
    bench.world.remove('e');
    assert.deepEqual((await bench.scan()).told, ['deleted e']);
  });

  // decideHold does not compare digests.
  it('is refused for a set that is not held any more', async (t) => {
    const { bench, digest } = await suspended(t);
    bench.world.remove('e');
    const { hold } = await bench.scan();
    assert.notEqual(hold?.digest, digest);
    await assert.rejects(bench.state.decideHold(bench.key, digest, 'approved'), { name: 'InvalidInput' });
  });
});
