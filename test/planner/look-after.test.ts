import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type LookingAfter, lookAfter } from '../../functions/planner/look-after.ts';
import { Fenced } from '../../shared/failure.ts';
import { noCounts } from '../../shared/state/state.ts';
import { Bench, minute, quiet, until } from '../chaos/bench.ts';
import { Planner } from './deployment.ts';

const done = { counts: noCounts, partials: [], failure: null };

async function begun(t: TestContext): Promise<Planner> {
  const planner = new Planner(t);
  await planner.state.registerOutputs(['bus']);
  await planner.enroll('a');
  await planner.tick();
  planner.taken();
  return planner;
}

async function complete(planner: Planner, task: string, children: number): Promise<void> {
  const claimed = await planner.state.claimTask('acme/a', 1, task, planner.now);
  assert.ok(claimed);
  const scopes = Array.from({ length: children }, (_, index) => ({ subtrees: [`d${index}`], except: [] }));
  await planner.state.completeTask(claimed.fence, { ...done, children: scopes }, planner.now);
}

describe('a scan with tasks that are not done', () => {
  // `repeat` is left out.
  it('has them sent again, under a new number every five minutes', async (t) => {
    const planner = await begun(t);
    await complete(planner, '0000001', 2);
    const sent: string[] = [];
    for (let passed = 1; passed <= 11; passed += 1) {
      planner.now += minute;
      await planner.tick();
      sent.push(...planner.taken());
    }
    assert.ok(
      sent.every((each) => /^a 1 000000[23] [012]$/.test(each)),
      'only those',
    );
    assert.deepEqual(new Set(sent.map((each) => each.at(-1))), new Set(['0', '1', '2']));
    assert.equal(sent.filter((each) => each.endsWith(' 1')).length, 10);
  });

  it('is ended when nothing of it was completed until its deadline, and what is open is told as unfinished', async (t) => {
    const planner = await begun(t);
    await complete(planner, '0000001', 2);
    planner.now += 59 * minute;
    await planner.tick();
    assert.deepEqual(planner.ended, []);
    planner.now += 2 * minute;
    assert.equal((await planner.tick()).overdue, 0);
    assert.deepEqual(planner.ended, [
      {
        watch: 'a',
        unfinished: [
          { subtrees: ['d0'], except: [] },
          { subtrees: ['d1'], except: [] },
        ],
      },
    ]);
    const scan = await planner.state.scan('acme/a', 1);
    assert.deepEqual([scan?.tasksLeft, scan?.counts.partialDirectories], [0, 2]);
  });

  it('counts as overdue when it still stands ten minutes later', async (t) => {
    const planner = await begun(t);
    planner.now += 71 * minute;
    assert.equal((await planner.tick()).overdue, 1);
  });
});

describe('a scan whose tasks are done', () => {
  // The end is not waited for: `endingMs` is 0.
  it('is left to whoever completed the last one for two minutes, and ended then', async (t) => {
    const planner = await begun(t);
    planner.now += 30 * minute;
    await complete(planner, '0000001', 0);
    const ending = await planner.state.claimReassembly('acme/a', 1, planner.now);
    assert.ok(ending);
    planner.now += minute;
    await planner.tick();
    assert.deepEqual(planner.ended, []);
    planner.now += minute;
    await planner.tick();
    assert.deepEqual(planner.ended, [{ watch: 'a', unfinished: [] }]);
  });

  it('is no error where somebody else ends it at the same moment', async (t) => {
    const planner = await begun(t);
    await complete(planner, '0000001', 0);
    const services: LookingAfter = {
      watched: planner.watched,
      state: planner.state,
      tasks: { send: async () => {} },
      log: quiet,
      end: async () => {
        throw new Fenced('somebody else');
      },
    };
    assert.equal(await lookAfter('acme/a', services, planner.now + 3 * minute), false);
  });
});

describe('a watch that leaves the configuration in mid-scan', () => {
  function retiring(bench: Bench): LookingAfter {
    return {
      watched: new Map(),
      state: bench.state,
      tasks: { send: async () => assert.fail('sends nothing') },
      log: quiet,
      end: async () => assert.fail('is not judged'),
    };
  }

  // closeRetired reassembles under rules that nobody has any more.
  it('has its scan closed, and keeps its memory for the day it is put back', async (t) => {
    const bench = await Bench.open(t, { deletes: { confirm: 1, maxPercent: 20, minCount: 3 } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) bench.world.put(name, name.charCodeAt(0));
    await bench.scan();
    for (const name of ['a', 'b', 'c']) bench.world.remove(name);
    const { hold } = await bench.scan();
    assert.equal(hold?.count, 3);
    bench.world.put('f', 200);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    const before = await bench.state.holdMembers(bench.key);
    await bench.state.retire([]);
    await lookAfter(bench.key, retiring(bench), bench.world.clock);
    const record = await bench.state.watch(bench.key);
    assert.equal(record?.openScan, null);
    assert.equal(record.lastScan?.status, 'incomplete');
    assert.deepEqual([record.hold?.digest, record.hold?.decision], [hold.digest, 'pending']);
    assert.deepEqual(await bench.state.holdMembers(bench.key), before);
    assert.deepEqual(await bench.state.due(bench.world.clock + 60 * minute, 10), [], 'it rests');
    await bench.runner().enroll();
    await bench.state.decideHold(bench.key, hold.digest, 'approved');
    assert.deepEqual((await bench.scan()).told, ['deleted a', 'deleted b', 'deleted c', 'created f']);
  });

  it('has its scan closed, and keeps its plan and what was rejected', async (t) => {
    const bench = await Bench.open(t, { deletes: { confirm: 1, maxPercent: 20, minCount: 3 } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) bench.world.put(name, name.charCodeAt(0));
    await bench.scan();
    for (const name of ['a', 'b', 'c']) bench.world.remove(name);
    const { hold } = await bench.scan();
    await bench.state.decideHold(bench.key, hold?.digest ?? '', 'rejected');
    await bench.begin();
    const before = await bench.state.watch(bench.key);
    await bench.state.retire([]);
    await lookAfter(bench.key, retiring(bench), bench.world.clock);
    assert.deepEqual((await bench.state.watch(bench.key))?.plan, before?.plan);
    assert.ok(before?.plan);
    await bench.runner().enroll();
    const { told, hold: again } = await bench.scan();
    assert.deepEqual([told, again], [[], null], 'nothing is said about that set');
  });

  it('fences its scanners off', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('f', 1);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    const gate = Promise.withResolvers<void>();
    const scanner = bench.scanTask(scan, task, gate.promise);
    await until(() => bench.listed > 0);
    await bench.state.retire([]);
    await lookAfter(bench.key, retiring(bench), bench.world.clock);
    gate.resolve();
    await assert.rejects(scanner, Fenced);
    await bench.runner().enroll();
    assert.deepEqual((await bench.scan()).told, ['created f']);
  });

  it('has it closed too where its end was under way', async (t) => {
    const bench = await Bench.open(t);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    await bench.state.claimReassembly(bench.key, scan, bench.world.clock);
    await lookAfter(bench.key, retiring(bench), bench.world.clock);
    assert.equal((await bench.state.watch(bench.key))?.openScan, null);
    assert.equal((await bench.state.scan(bench.key, scan))?.closed, true);
  });
});
