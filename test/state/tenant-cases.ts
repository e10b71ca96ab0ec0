import assert from 'node:assert/strict';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import {
  begin,
  change,
  chunk,
  claimAt,
  enrolment,
  failsWith,
  file,
  finish,
  ids,
  incoming,
  listed,
  nothingFound,
  paths,
  type StateCheck,
  scopeOf,
  stubs,
  t0,
} from './samples.ts';

/** The same watch name, server and root, at another tenant. */
const theirs = watchKey({ tenant: 'beta', name: 'incoming' });

async function two(state: State): Promise<void> {
  await state.enroll(enrolment(), t0);
  await state.enroll(enrolment({ key: theirs }), t0);
}

async function look(state: State, watch: WatchKey) {
  return {
    watch: await state.watch(watch),
    tasks: await state.tasks(watch, 1),
    scan: await state.scan(watch, 1),
    directories: await Array.fromAsync(state.directories(watch, '')),
    held: await paths(state.heldDirectories(watch)),
    heads: await state.chunkHeads(watch, ''),
    changes: await state.changes(watch, null, 10),
    members: await state.holdMembers(watch),
  };
}

export function tenantCases(check: StateCheck): void {
  check(
    'tenants never meet: the scan of one leaves the same watch of another as it was',
    async ({ state }) => {
      await two(state);
      const before = await look(state, theirs);
      await begin(state, [scopeOf('a'), scopeOf('b')]);
      const { fence } = await claimAt(state, 0);
      await state.commit(fence, [
        listed('', 0, {
          record: { held: true },
          stubs: stubs('a'),
          putChunks: [chunk(null, file('f'))],
          changes: [change('mine')],
        }),
      ]);
      await state.completeTask(fence, nothingFound, t0);
      const hold = {
        digest: 'x',
        count: 1,
        percent: 50,
        scan: 1,
        decision: 'pending',
        members: ['f'],
      } as const;
      await finish(state, { hold });
      await state.decideHold(incoming, 'x', 'approved');
      await state.setPaused(incoming, true);
      await state.setNextDue(incoming, t0 + 1);
      assert.deepEqual(await look(state, theirs), before);
      await assert.rejects(state.decideHold(theirs, 'x', 'approved'), failsWith('InvalidInput'));
      await state.enroll(enrolment({ identity: 'elsewhere' }), t0);
      assert.deepEqual(await look(state, theirs), before);
    },
  );

  check(
    'tenants never meet: a fence, a chunk and a cursor of one are nothing to another',
    async ({ state }) => {
      await two(state);
      await begin(state);
      const { fence } = await claimAt(state, 0);
      await state.commit(fence, [
        listed('', 0, { putChunks: [chunk(null, file('f'))], changes: [change('mine')] }),
      ]);
      const [head] = await state.chunkHeads(incoming, '');
      assert.ok(head);
      await assert.rejects(state.commit({ ...fence, watch: theirs }, [listed('', 0)]), failsWith('Fenced'));
      await assert.rejects(state.chunks(theirs, '', [head.chunk]), failsWith('StaleSnapshot'));
      assert.equal(await state.claimTask(theirs, 1, fence.task, t0), undefined);
      assert.equal(await state.cursorOf(theirs, 'mine'), undefined);
      await finish(state);
      assert.deepEqual(ids(await state.changes(theirs, null, 10)), []);
    },
  );

  check(
    'tenants never meet: an output that takes one tenant sees no change of another',
    async ({ state }) => {
      await two(state);
      await state.registerOutputs(['spy']);
      for (const watch of [incoming, theirs]) {
        await begin(state, [scopeOf('')], watch);
        const { fence } = await claimAt(state, 0, watch);
        await state.commit(fence, [listed('', 0, { changes: [change(watch)] })]);
        await finish(state, {}, watch);
      }
      assert.deepEqual(ids(await state.unpublished('spy', { limit: 10, watches: [theirs] })), [theirs]);
    },
  );
}
