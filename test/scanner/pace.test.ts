import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { Bench, day, minute, sound } from '../chaos/bench.ts';
import { editTypes } from '../chaos/world.ts';

const leaves = Array.from({ length: 40 }, (_, index) => `leaf-${index}`);
const stalenessMinutes = 11;

/** Scans every minute; what was made long ago is cold. */
async function adaptive(t: TestContext): Promise<Bench> {
  const bench = await Bench.open(t, { maxStalenessMs: stalenessMinutes * minute, initial: 'baseline' });
  for (const leaf of leaves) bench.world.put(`${leaf}/file`, 1);
  bench.world.clock += 5 * day;
  await bench.scan();
  await bench.scan();
  return bench;
}

describe('an adaptive pace', () => {
  it('looks at cold leaves less often, at each of them within maxStaleness', async (t) => {
    const bench = await adaptive(t);
    const looks: number[] = [];
    const counted: number[] = [];
    const told: string[][] = [];
    // In place, so that no time of a directory changes.
    for (const leaf of leaves) bench.world.put(`${leaf}/file`, 2);
    for (let scan = 0; scan < stalenessMinutes; scan += 1) {
      const before = bench.listed;
      const { told: now, summary } = await bench.scan();
      looks.push(bench.listed - before);
      counted.push(summary.counts.directories, summary.counts.files);
      told.push([...now]);
    }
    assert.deepEqual(told.flat().toSorted(), leaves.map((leaf) => `modified ${leaf}/file`).toSorted());
    assert.ok(told.filter((changes) => changes.length > 0).length > 5, 'spread over the scans');
    assert.ok((looks[0] ?? 0) < leaves.length / 3, `${looks[0]} looks`);
    assert.deepEqual(new Set(counted), new Set([leaves.length + 1, leaves.length]), 'all of them count');
  });

  it('sees in the next scan where a name came or went', async (t) => {
    const bench = await adaptive(t);
    for (const leaf of leaves) bench.world.put(`${leaf}/new`, 2);
    assert.equal((await bench.scan()).told.length, leaves.length);
    for (const leaf of leaves.slice(0, 5)) bench.world.remove(`${leaf}/new`);
    assert.equal((await bench.scan()).told.length, 5);
  });

  it('looks in every scan where something changed not long ago', async (t) => {
    const bench = await adaptive(t);
    bench.world.put('leaf-0/file', 2);
    const found = async () => {
      for (let scan = 0; scan < stalenessMinutes; scan += 1) if ((await bench.scan()).told.length > 0) return;
      assert.fail('not seen within maxStaleness');
    };
    await found();
    for (let size = 3; size < 3 + stalenessMinutes; size += 1) {
      bench.world.put('leaf-0/file', size);
      assert.deepEqual((await bench.scan()).told, ['modified leaf-0/file']);
    }
  });

  it('takes the time of an object store for none', async (t) => {
    const bench = await Bench.open(t, { maxStalenessMs: stalenessMinutes * minute, initial: 'baseline' });
    bench.world.put('leaf', null, 0);
    await bench.scan();
    await bench.scan();
    const before = bench.listed;
    await bench.scan();
    assert.equal(bench.listed - before, 2);
  });

  it('looks at everything after a scan that was not complete', async (t) => {
    const bench = await adaptive(t);
    await bench.scan({ ...sound, flaw: 'denied' });
    const before = bench.listed;
    await bench.scan();
    assert.equal(bench.listed - before, 1 + leaves.length);
  });

  it('has nothing to tell after maxStaleness that a steady scan would still tell', async (t) => {
    const edit = fc.record({ type: fc.constantFrom(...editTypes), at: fc.nat(40), to: fc.nat(40) });
    const step = fc.record({
      edits: fc.array(edit, { maxLength: 4 }),
      waitMs: fc.constantFrom(0, 3 * minute, 4 * day),
    });
    let rested = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const bench = await Bench.open(t, { maxStalenessMs: stalenessMinutes * minute });
        for (const { edits, waitMs } of steps) {
          for (const each of edits) bench.world.edit(each);
          bench.world.clock += waitMs;
          const before = bench.listed;
          const { summary } = await bench.scan();
          rested += summary.counts.directories - (bench.listed - before);
        }
        for (let scan = 0; scan < stalenessMinutes; scan += 1) await bench.scan();
        bench.watch = { ...bench.watch, maxStalenessMs: null };
        assert.deepEqual((await bench.scan()).told, []);
      }),
    );
    assert.ok(rested > 0, 'some have rested');
  });
});
