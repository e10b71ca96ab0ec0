import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, day } from '../chaos/bench.ts';

describe('a directory that comes back as it was', () => {
  // directoryCommit keeps the digest of a missing directory.
  it('is compared again, for a file of it had moved away', async (t) => {
    const bench = await Bench.open(t, { deletes: { confirm: 3, maxPercent: 100, minCount: 50 } });
    const longAgo = bench.world.clock - 40 * day;
    bench.world.put('gone/f', 1, longAgo);
    bench.world.put('kept', null);
    await bench.scan();
    bench.world.remove('gone');
    bench.world.put('kept/f', 1, longAgo);
    assert.deepEqual((await bench.scan()).told, ['moved gone/f -> kept/f']);
    bench.world.put('gone/f', 1, longAgo);
    assert.deepEqual((await bench.scan()).told, ['created gone/f']);
  });
});
