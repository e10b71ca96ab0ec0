import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { judgeHeldChanges, type Reassembled, reassemble } from '../../functions/reassembler/reassemble.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { State } from '../../shared/state/state.ts';
import { Bench, day, quiet, server, told } from '../chaos/bench.ts';

interface Ended extends Reassembled {
  readonly changes: readonly Change[];
  readonly slices: number;
}

/**
 * Ends a scan as the workflow does: every slice is cut off after so many commits. `forgetful`: killed, so that nothing is
 * handed on from one to the next.
 */
async function endInSlices(
  bench: Bench,
  scan: number,
  commitsPerSlice: number,
  forgetful = false,
): Promise<Ended> {
  const services = { log: quiet, committed: () => {} };
  const reassembly = { watch: bench.watch, server, scan, unfinished: [] };
  let changes = 0;
  let total: number | null = null;
  for (let slices = 1; ; slices += 1) {
    assert.ok(slices < 500, 'it gets on');
    const abort = new AbortController();
    let left = commitsPerSlice;
    const state: State = {
      ...bench.state,
      commitLimit: 1,
      commit: async (...args) => {
        await bench.state.commit(...args);
        left -= 1;
        if (left === 0) abort.abort();
      },
    };
    const now = bench.world.clock;
    const slice = await judgeHeldChanges(
      { ...reassembly, changes, total },
      { ...services, state },
      now,
      abort.signal,
    );
    changes += slice.changes;
    total = forgetful ? null : slice.total;
    if (!slice.done) continue;
    const closing = { ...services, state: { ...bench.state, commitLimit: 1 } };
    const outcome = await reassemble({ ...reassembly, changes, total }, closing, now);
    assert.ok(outcome);
    const log = (await bench.log()).filter((change) => change.scan === scan);
    return { ...outcome, changes: log, slices };
  }
}

async function scanned(bench: Bench): Promise<number> {
  const scan = await bench.begin();
  for (const task of await bench.tasks(scan)) await bench.scanTask(scan, task);
  return scan;
}

/** A tree of 100 files and 10 directories, known. */
async function known(t: TestContext, watch: Partial<WatchConfig>): Promise<Bench> {
  const bench = await Bench.open(t, watch);
  for (let index = 0; index < 100; index += 1) bench.world.put(`d${index % 10}/f${index}`, index);
  await bench.scan();
  return bench;
}

/** Names that no rename explains, with times of long ago: they wait for the end of the scan. */
function putOld(bench: Bench, count: number): void {
  for (let index = 0; index < count; index += 1) {
    bench.world.put(`n${index % 20}/g${index}`, 10_000 + index, bench.world.clock - 40 * day);
  }
}

describe('a scan that is ended in slices', () => {
  it('tells what it tells when it is ended in one go, cut off anywhere', async (t) => {
    const edited = async () => {
      const bench = await known(t, {});
      for (let index = 0; index < 30; index += 1) bench.world.remove(`d${index % 10}/f${index}`);
      bench.world.remove('d9');
      bench.world.put('d1/moved', 88, bench.world.clock - 60 * day);
      bench.world.put('d0/f50', 500);
      putOld(bench, 40);
      return bench;
    };
    const whole = await edited();
    const expected = await endInSlices(whole, await scanned(whole), 1_000);
    assert.equal(expected.slices, 1);
    for (const commits of [1, 2, 5]) {
      const bench = await edited();
      const sliced = await endInSlices(bench, await scanned(bench), commits);
      assert.ok(sliced.slices > 3, `${sliced.slices} slices`);
      assert.deepEqual(told(sliced.changes).toSorted(), told(expected.changes).toSorted());
      assert.equal(sliced.summary.counts.changes, sliced.changes.length);
      assert.equal(sliced.summary.treeDigest, expected.summary.treeDigest);
    }
  });

  const deletes = { confirm: 1, maxPercent: 20, minCount: 10 };

  for (const forgetful of [false, true]) {
    const after = forgetful ? 'after slices that were killed' : 'to the last';

    // knownEntries takes the tree as it stands: what was created in between makes room.
    it(`holds a mass deletion ${after}, whatever is created in between`, async (t) => {
      const bench = await known(t, { deletes });
      for (let index = 0; index < 40; index += 1) bench.world.remove(`d${index % 10}/f${index}`);
      putOld(bench, 400);
      const sliced = await endInSlices(bench, await scanned(bench), 3, forgetful);
      assert.ok(sliced.slices > 5, `${sliced.slices} slices`);
      assert.deepEqual([...new Set(sliced.changes.map(({ type }) => type))], ['created']);
      assert.equal(sliced.hold?.count, 40);
    });

    // knownEntries may be nothing, of which any deletion is 0 percent.
    it(`holds what nobody approved ${after}, however much of what was approved is gone`, async (t) => {
      const bench = await known(t, { deletes });
      for (let index = 0; index < 60; index += 1) bench.world.remove(`d${index % 10}/f${index}`);
      const { hold } = await bench.scan();
      assert.equal(hold?.count, 60);
      await bench.state.decideHold(bench.key, hold.digest, 'approved');
      for (let index = 60; index < 95; index += 1) bench.world.remove(`d${index % 10}/f${index}`);
      const sliced = await endInSlices(bench, await scanned(bench), 1, forgetful);
      assert.ok(sliced.slices > 3, `${sliced.slices} slices`);
      assert.equal(sliced.hold?.count, 35);
      assert.equal(sliced.changes.filter(({ type }) => type === 'deleted').length, 60);
    });
  }

  // The first slice does not say what it counted.
  it('lets go what is not too many, however little is left of the tree', async (t) => {
    const bench = await known(t, { deletes: { confirm: 1, maxPercent: 95, minCount: 1 } });
    for (let index = 1; index < 10; index += 1) bench.world.remove(`d${index}`);
    const sliced = await endInSlices(bench, await scanned(bench), 1);
    assert.ok(sliced.slices > 3, `${sliced.slices} slices`);
    assert.equal(sliced.hold, null);
    assert.equal(sliced.changes.length, 99);
  });
});
