import assert from 'node:assert/strict';
import type { Fence, State } from '../../shared/state/state.ts';
import {
  begin,
  beginAndClaim,
  change,
  chunk,
  claimAt,
  enrolment,
  failsWith,
  file,
  finish,
  incoming,
  listed,
  nothingFound,
  paths,
  type StateCheck,
  scanEnd,
  scopeOf,
  stubs,
  t0,
} from './samples.ts';

const commit = [
  listed('', 0, { stubs: stubs('late'), putChunks: [chunk(null, file('f'))], changes: [change('late')] }),
];

const writes: Readonly<Record<string, (state: State, fence: Fence) => Promise<unknown>>> = {
  commit: (state, fence) => state.commit(fence, commit),
  completion: (state, fence) =>
    state.completeTask(fence, { ...nothingFound, children: [scopeOf('late')] }, t0 + 1),
  release: (state, fence) => state.releaseTask(fence, t0 + 1),
  close: (state, fence) => state.closeScan(fence, scanEnd(fence.scan, { nextDueAt: 1 }), t0 + 1),
};

/** Ways in which a scanner that still runs loses its right to write; each returns the fence that is over. */
const endings: Readonly<Record<string, (state: State) => Promise<Fence>>> = {
  'an older attempt': async (state) => {
    const { fence } = await claimAt(state, 0);
    await claimAt(state, 0);
    return fence;
  },
  'an attempt that was released': async (state) => {
    const { fence } = await claimAt(state, 0);
    await state.releaseTask(fence, t0);
    return fence;
  },
  'a task that is done': async (state) => {
    const { fence } = await claimAt(state, 0);
    await state.completeTask(fence, nothingFound, t0);
    return fence;
  },
  'a task that was abandoned': async (state) => {
    const { fence } = await claimAt(state, 0);
    await state.abandonTasks(incoming, 1);
    return fence;
  },
  'a closed scan': async (state) => {
    const { fence } = await claimAt(state, 0);
    await finish(state);
    return fence;
  },
  'the scan before the open one': async (state) => {
    const { fence } = await claimAt(state, 0);
    await finish(state);
    await beginAndClaim(state);
    return fence;
  },
  'an ended epoch': async (state) => {
    const { fence } = await claimAt(state, 0);
    await state.enroll(enrolment({ identity: 'elsewhere' }), t0);
    return fence;
  },
  'a task that never was': async (state) => ({ ...(await claimAt(state, 0)).fence, task: 'never' }),
  'an attempt to come': async (state) => {
    const { fence } = await claimAt(state, 0);
    return { ...fence, attempt: fence.attempt + 1 };
  },
};

/** Everything that a late write could have touched. */
async function everything(state: State) {
  const scans = await Promise.all([1, 2].map((scan) => state.scan(incoming, scan)));
  return {
    watch: await state.watch(incoming),
    scans,
    tasks: await Promise.all([1, 2].map((scan) => state.tasks(incoming, scan))),
    directories: await Array.fromAsync(state.directories(incoming, '')),
    chunks: await state.chunkHeads(incoming, ''),
    log: await state.unpublished('spy', { limit: 10 }),
  };
}

export function fenceCases(check: StateCheck): void {
  for (const [ending, end] of Object.entries(endings)) {
    for (const [write, attempt] of Object.entries(writes)) {
      check(`rule 1: a ${write} by ${ending} is fenced off and writes nothing`, async ({ state }) => {
        await state.registerOutputs(['spy']);
        await state.enroll(enrolment(), t0);
        await begin(state, [scopeOf('a'), scopeOf('b')]);
        const fence = await end(state);
        const before = await everything(state);
        await assert.rejects(attempt(state, fence), failsWith('Fenced'));
        assert.deepEqual(await everything(state), before);
      });
    }
  }

  check('rule 1: the attempt that holds the task may write', async ({ state }) => {
    await state.registerOutputs(['spy']);
    await state.enroll(enrolment(), t0);
    await begin(state);
    await claimAt(state, 0);
    const { fence } = await claimAt(state, 0);
    await state.commit(fence, commit);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', 'late']);
    assert.equal((await state.unpublished('spy', { limit: 10 })).changes.length, 1);
    assert.equal((await state.completeTask(fence, nothingFound, t0)).left, 0);
  });
}
