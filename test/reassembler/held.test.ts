import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { memberKey } from '../../shared/tree/judge.ts';
import { complete, everything, partial, Watched } from '../scanner/watched.ts';
import { directory, file, someDay } from '../tree/looks.ts';
import { heldIn } from './reassembly.ts';

/** `key: reported proved confirmed`, as letters or dashes. */
async function missingIn(watched: Watched): Promise<readonly string[]> {
  const { missing } = await heldIn(watched);
  return missing
    .map((entry) => {
      const { reported, proved, confirmed } = entry;
      return `${memberKey(entry)}: ${reported === null ? '-' : 'r'}${proved ? 'p' : '-'}${confirmed ? 'c' : '-'}`;
    })
    .toSorted();
}

const twoMisses = { confirm: 2, maxPercent: 100, minCount: 50 };

suite('missing entries', () => {
  test('are read with everything below them, once', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(
      complete('', [directory('d'), file('keeps')]),
      complete('d', [directory('e'), file('f')]),
      complete('d/e', [file('g')]),
    );
    // What is missing inside has its own mark already.
    await watched.scan(complete('d', [file('f')]));
    await watched.scan(complete('', [file('keeps')]));
    assert.deepEqual(await missingIn(watched), ['d/: rpc', 'd/e/: rpc', 'd/e/g: rpc', 'd/f: rpc']);
    const { directories } = await heldIn(watched);
    assert.deepEqual(
      [...directories.values()].map(({ record, missing }) => [record.path, missing]),
      [
        ['', false],
        ['d', true],
        ['d/e', true],
      ],
    );
  });

  test('are confirmed by so many complete listings, and proved by one of this scan', async (t) => {
    const watched = await Watched.open(t, { deletes: twoMisses });
    const known = [file('a'), file('b')];
    await watched.scan(complete('', known));
    await watched.scan(complete('', [file('a')]));
    assert.deepEqual(await missingIn(watched), ['b: rp-']);
    await watched.scan(partial('', [file('a')]));
    assert.deepEqual(await missingIn(watched), ['b: r--']);
    await watched.scan(complete('', [file('a')]));
    assert.deepEqual(await missingIn(watched), ['b: rpc']);
    await watched.scan(complete('', known));
    assert.deepEqual(await missingIn(watched), []);
  });

  test('of an empty root are believed at the second scan only', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [file('a'), directory('d')]), complete('d', [file('f')]));
    await watched.scan(complete('', []));
    assert.deepEqual(await missingIn(watched), ['a: rp-', 'd/: rp-', 'd/f: rp-']);
    await watched.scan(complete('', []));
    assert.deepEqual(await missingIn(watched), ['a: rpc', 'd/: rpc', 'd/f: rpc']);
  });

  test('of an empty directory elsewhere are believed at once', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [directory('d')]), complete('d', [file('f')]));
    await watched.scan(complete('d', []));
    assert.deepEqual(await missingIn(watched), ['d/f: rpc']);
  });

  test('that were never admitted are not known to consumers', async (t) => {
    const selection = { ...everything, kinds: ['file'] as const };
    const watched = await Watched.open(t, { selection });
    await watched.scan(complete('', [directory('d'), file('a')]), complete('d', [file('f')]));
    await watched.scan(complete('', [file('a')]));
    assert.deepEqual(await missingIn(watched), ['d/: -pc', 'd/f: rpc']);
  });

  test('below a directory whose name a file has now need no more proof', async (t) => {
    const watched = await Watched.open(t, { deletes: twoMisses });
    await watched.scan(complete('', [directory('x')]), complete('x', [file('f')]));
    await watched.scan(partial('', [file('x')]));
    assert.deepEqual(await missingIn(watched), ['x/: -pc', 'x/f: rpc']);
  });
});

suite('appeared entries', () => {
  test('are possible moves that have settled, in directories that are there', async (t) => {
    const watched = await Watched.open(t, { settleMs: 60_000 });
    watched.heldBefore = someDay + 1;
    await watched.scan(complete('', [file('known'), directory('d')]), complete('d', []));
    const grown = complete('', [file('known'), file('old'), directory('d')]);
    await watched.scan(grown, complete('d', [file('inside')]));
    assert.deepEqual((await heldIn(watched)).appeared, []);
    watched.now += 60_000;
    const paths = (await heldIn(watched)).appeared.map(({ path }) => path);
    assert.deepEqual(paths, ['old', 'd/inside']);
    await watched.scan(complete('', [file('known'), file('old')]));
    const later = (await heldIn(watched)).appeared.map(({ path }) => path);
    assert.deepEqual(
      later,
      ['old'].filter((path) => later.includes(path)),
    );
    assert.ok(!later.includes('d/inside'));
  });

  test('a settling modification is none', async (t) => {
    const watched = await Watched.open(t, { settleMs: 1 });
    await watched.scan(complete('', [file('a', 1), file('gone')]));
    await watched.scan(complete('', [file('a', 2)]));
    watched.now += 60_000;
    const { appeared, missing } = await heldIn(watched);
    assert.deepEqual([appeared, missing.map(({ path }) => path)], [[], ['gone']]);
  });
});
