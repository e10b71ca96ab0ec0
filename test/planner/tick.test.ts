import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stampChanges } from '../../shared/changes/stamp.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { minute } from '../chaos/bench.ts';
import { Planner } from './deployment.ts';

const outputs = ['bus'];

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `w${String(index).padStart(3, '0')}`);
}

describe('a tick', () => {
  it('begins what is due and sends its tasks, and nothing twice', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll('a', 'b');
    await planner.state.setNextDue('acme/b', planner.now + minute);
    assert.deepEqual(await planner.tick(), { begun: 1, open: 0, overdue: 0 });
    assert.deepEqual(planner.taken(), ['a 1 0000001 0']);
    planner.now += minute;
    assert.deepEqual(await planner.tick(), { begun: 1, open: 1, overdue: 0 });
    assert.deepEqual(planner.taken().toSorted(), ['a 1 0000001 0', 'b 1 0000001 0']);
  });

  it('begins one scan where two planners tick at the same moment', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll(...names(20));
    await Promise.all([planner.tick(), planner.tick()]);
    const begun = new Set(planner.taken().map((sent) => sent.split(' ').slice(0, 2).join(' ')));
    assert.deepEqual(
      [...begun].toSorted(),
      names(20).map((name) => `${name} 1`),
    );
  });

  it('goes on in rounds until nothing is due', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll(...names(120));
    const asked: number[] = [];
    const state: State = {
      ...planner.state,
      due: async (now, limit) => {
        asked.push(limit);
        return planner.state.due(now, limit);
      },
    };
    assert.equal((await planner.tick(state)).begun, 120);
    assert.equal(new Set(planner.taken()).size, 120);
    assert.deepEqual(asked, [50, 50, 50, 50]);
  });

  // The rounds end as soon as one has nothing new.
  it('reaches what an index that follows late hides behind what is begun already', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll(...names(120));
    const standing: readonly WatchKey[] = await planner.state.due(planner.now, 1_000);
    const late: State = { ...planner.state, due: async (_now, limit) => standing.slice(0, limit) };
    await planner.tick(late);
    assert.equal(new Set(planner.taken()).size, 120);
  });

  it('leaves the rest to the next one when its time is up', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll(...names(120));
    const abort = new AbortController();
    let begun = 0;
    const state: State = {
      ...planner.state,
      beginScan: async (...args) => {
        begun += 1;
        if (begun === 60) abort.abort();
        return planner.state.beginScan(...args);
      },
    };
    await planner.tick(state, abort.signal);
    assert.ok(begun < 80, `${begun} begun`);
    assert.equal((await planner.tick()).open, begun);
    assert.equal((await planner.state.openScans(1_000)).length, 120);
  });

  // An error of one watch ends the tick.
  it('is not ended by a watch that fails, and says so', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll('bad', 'good');
    planner.refused.add('bad');
    assert.equal((await planner.tick()).overdue, 1);
    assert.deepEqual(planner.taken(), ['good 1 0000001 0']);
    planner.now += minute;
    await planner.enroll('later');
    assert.deepEqual(await planner.tick(), { begun: 1, open: 2, overdue: 1 });
    assert.deepEqual(planner.taken().toSorted(), ['good 1 0000001 0', 'later 1 0000001 0']);
    assert.deepEqual(planner.errors, ['bad', 'bad']);
    planner.refused.clear();
    assert.equal((await planner.tick()).overdue, 0);
    assert.ok(planner.taken().includes('bad 1 0000001 0'), 'what was refused is sent by the next tick');
  });

  it('counts watches that should have begun long ago', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll('a');
    await planner.state.setNextDue('acme/a', planner.now - 11 * minute);
    const stopped = new AbortController();
    stopped.abort();
    assert.equal((await planner.tick(planner.state, stopped.signal)).overdue, 1);
    assert.equal((await planner.tick()).overdue, 0);
  });

  it('wakes the publisher when changes wait, and not otherwise', async (t) => {
    const planner = new Planner(t);
    await planner.state.registerOutputs(outputs);
    await planner.enroll('a');
    await planner.tick();
    assert.equal(planner.woken, 0);
    const claimed = await planner.state.claimTask('acme/a', 1, '0000001', planner.now);
    assert.ok(claimed);
    const stamp = {
      tenant: 'acme',
      server: 's',
      watch: 'a',
      root: '/',
      epoch: 1,
      scan: 1,
      phase: 1,
    } as const;
    const created = { type: 'created', kind: 'file', path: 'f', old: null, new: null } as const;
    const [root] = await Array.fromAsync(planner.state.directories('acme/a', ''));
    assert.ok(root);
    const { path, generation, ...record } = root;
    await planner.state.commit(claimed.fence, [
      {
        path,
        expected: generation,
        record,
        dropChunks: [],
        putChunks: [],
        stubs: [],
        forget: [],
        changes: stampChanges([created], stamp, 1, planner.now),
      },
    ]);
    await planner.tick();
    assert.equal(planner.woken, 1);
  });
});
