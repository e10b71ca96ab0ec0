import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { serverKinds, skipReason } from '../../servers/server-kinds.ts';
import { DatedTree, type Step, step } from '../dated-tree.ts';
import { type Fixture, neverAborted, scratch } from '../fixture.ts';
import { sftpFixture } from '../server-fixture.ts';
import { Watcher } from '../watcher.ts';

/** Takes the steps, and looks with both watchers: they must see the same. Returns how often a look was enough. */
async function play(steps: readonly Step[], fixture: Fixture): Promise<number> {
  const place = await scratch(fixture);
  const tree = new DatedTree(place.local, Date.now() - 400 * 86_400_000);
  const [told, untold] = await Promise.all([
    fixture.remote.connect(neverAborted()),
    fixture.remote.connect(neverAborted()),
  ]);
  try {
    const [one, other] = [new Watcher(told, place.remote), new Watcher(untold, place.remote, false)];
    for (const [index, each] of [...steps, { do: 'look' } as const, { do: 'look' } as const].entries()) {
      tree.take(each);
      if (each.do === 'look') assert.deepEqual(await one.look(), await other.look(), `at step ${index}`);
    }
    assert.equal(other.unchanged, 0);
    return one.unchanged;
  } finally {
    await Promise.all([told.close(), untold.close()]);
    rmSync(dirname(place.local), { recursive: true });
  }
}

for (const kind of serverKinds.filter(({ protocol }) => protocol === 'sftp')) {
  void describe(`${kind.name}: a look shows all that a listing shows`, {
    skip: skipReason(kind),
    timeout: 900_000,
  }, () => {
    it('whatever happens', async () => {
      const fixture = await sftpFixture(await kind.start());
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
            const unchanged = await play(steps, fixture);
            assert.ok(unchanged > 0, 'nothing happens between the last two looks');
          }),
          { numRuns: 25 },
        );
      } finally {
        await fixture.close();
      }
    });
  });
}
