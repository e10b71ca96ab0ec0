import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHeld } from '../../functions/reassembler/held.ts';
import { StateUnusable } from '../../shared/failure.ts';
import type { State } from '../../shared/state/state.ts';
import { compileSelection } from '../../shared/tree/selection.ts';
import { Bench, everything } from '../chaos/bench.ts';

const directories = 200;

/** A directory of many is gone, and the listing that shows it is committed. */
async function gone(t: TestContext): Promise<Bench> {
  const bench = await Bench.open(t);
  for (let index = 0; index < directories; index += 1) bench.world.put(`top/d${index}/f`, index);
  await bench.scan();
  bench.world.remove('top');
  const scan = await bench.begin();
  for (const task of await bench.tasks(scan)) await bench.scanTask(scan, task);
  return bench;
}

function read(bench: Bench, state: State) {
  const selection = compileSelection(everything);
  return readHeld(bench.key, state, { scan: 2, confirm: 1, settleMs: 0, selection, now: bench.world.clock });
}

describe('what is below a missing directory', () => {
  // It is read one directory after another.
  it('is read many directories at a time, and stands in order', async (t) => {
    const bench = await gone(t);
    let [now, most] = [0, 0];
    const slow: State = {
      ...bench.state,
      chunkHeads: async (...args) => {
        now += 1;
        most = Math.max(most, now);
        await sleep(2);
        now -= 1;
        return bench.state.chunkHeads(...args);
      },
    };
    const held = await read(bench, slow);
    assert.ok(most > 10 && most <= 64, `${most} at once`);
    const expected = await read(bench, bench.state);
    assert.deepEqual([...held.directories.keys()], [...expected.directories.keys()]);
    assert.deepEqual(held.missing, expected.missing);
    assert.equal(held.missing.length, 1 + 2 * directories);
  });

  it('is not taken for read where the state fails on the way', async (t) => {
    const bench = await gone(t);
    let asked = 0;
    const failing: State = {
      ...bench.state,
      chunkHeads: async (...args) => {
        asked += 1;
        if (asked >= 100) throw new StateUnusable('the table takes no more requests');
        return bench.state.chunkHeads(...args);
      },
    };
    await assert.rejects(read(bench, failing), StateUnusable);
  });
});
