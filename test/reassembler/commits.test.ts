import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { isUnchanged } from '../../functions/scanner/unchanged.ts';
import type { Listing } from '../../shared/tree/listing.ts';
import { complete, Watched } from '../scanner/watched.ts';
import { directory, file, someDay } from '../tree/looks.ts';
import { commit, judged, told } from './reassembly.ts';

/** A watch in the middle of a reassembly; files of before `someDay + 1` may be moves. */
async function reassembling(
  t: TestContext,
  before: readonly Listing[],
  after: readonly Listing[],
): Promise<Watched> {
  const watched = await Watched.open(t);
  await watched.scan(...before);
  watched.heldBefore = someDay + 1;
  await watched.begin();
  for (const listing of after) await watched.take(listing);
  await watched.beginReassembly();
  return watched;
}

const pathsOf = (groups: Awaited<ReturnType<typeof judged>>['groups']) =>
  groups.map((group) => group.map(({ path }) => path).toSorted());

suite('one directory', () => {
  test('deletions and creations are told, and the snapshot is settled again', async (t) => {
    const listing = complete('', [file('keeps', 1), file('comes', 2)]);
    const watched = await reassembling(t, [complete('', [file('keeps', 1), file('goes', 3)])], [listing]);
    const { groups } = await judged(watched);
    const changes = await commit(watched, groups);
    assert.deepEqual(told(changes).toSorted(), ['created /incoming/comes', 'deleted /incoming/goes']);
    const [deleted] = changes.filter(({ type }) => type === 'deleted');
    assert.deepEqual([deleted?.old?.size, deleted?.new], [3, null]);
    const record = await watched.record('');
    assert.deepEqual([record.held, record.dueAt, record.reported], [false, null, 2]);
    const listed = watched.listed(listing);
    assert.equal(isUnchanged(record, listing, listed, watched.scope, watched.now), true);
    assert.deepEqual(
      (await watched.chunks('')).map(({ digest }) => digest),
      listed.chunks.map(({ digest }) => digest),
    );
  });

  test('without a verdict about it is left alone', async (t) => {
    const watched = await reassembling(
      t,
      [complete('', [file('a'), file('b')])],
      [complete('', [file('a')])],
    );
    const { groups, held } = await judged(watched, { rejected: new Set(['b']) });
    assert.deepEqual([held.directories.size, groups], [1, []]);
  });

  test('of many entries keeps those it does not decide about', async (t) => {
    const many = Array.from({ length: 3_000 }, (_, index) =>
      file(`f${String(index).padStart(4, '0')}`, index),
    );
    const rest = many.filter((_, index) => index % 500 !== 0);
    const watched = await reassembling(t, [complete('', many)], [complete('', rest)]);
    const { groups } = await judged(watched, { rejected: new Set(['f0500']) });
    assert.equal((await commit(watched, groups)).length, 5);
    const entries = (await watched.chunks('')).flatMap((chunk) => chunk.entries);
    assert.equal(entries.length, 2_995);
    assert.deepEqual(
      entries.filter(({ seen }) => seen === null).map(({ name }) => name),
      ['f0500'],
    );
    const record = await watched.record('');
    assert.deepEqual([record.held, record.reported], [true, 2_995]);
  });

  test('of many entries is written anew only where it is decided about', async (t) => {
    const many = Array.from({ length: 5_000 }, (_, index) =>
      file(`f${String(index).padStart(4, '0')}`, index),
    );
    const rest = many.filter(({ name }) => name !== 'f0001' && name !== 'f4998');
    const watched = await reassembling(t, [complete('', many)], [complete('', rest)]);
    const { groups, held } = await judged(watched, { rejected: new Set(['f0001']) });
    const pending = held.directories.get('')?.chunks ?? [];
    const decided = pending.filter(({ entries }) => entries.some(({ name }) => name === 'f4998'));
    assert.deepEqual([pending.length, decided.length], [2, 1]);
    assert.deepEqual(
      groups.flat().map(({ dropChunks, putChunks }) => [dropChunks, putChunks.length]),
      [[decided.map(({ chunk }) => chunk), 1]],
    );
  });
});

suite('moves', () => {
  const before = [
    complete('', [directory('a'), directory('b')]),
    complete('a', [file('x')]),
    complete('b', []),
  ] as const;

  test('are told once, and both directories are committed together', async (t) => {
    const watched = await reassembling(t, [...before], [complete('a', []), complete('b', [file('y')])]);
    const { groups } = await judged(watched);
    assert.deepEqual(pathsOf(groups), [['a', 'b']]);
    const [move, ...others] = await commit(watched, groups);
    assert.deepEqual(others, []);
    assert.deepEqual([move?.type, move?.from, move?.path], ['moved', '/incoming/a/x', '/incoming/b/y']);
    assert.deepEqual([move?.old?.size, move?.new?.size, move?.confidence], [10, 10, 'high']);
    const records = [await watched.record('a'), await watched.record('b')];
    assert.deepEqual(
      records.map(({ held, reported }) => [held, reported]),
      [
        [false, 0],
        [false, 1],
      ],
    );
    assert.deepEqual(
      (await watched.chunks('a')).flatMap(({ entries }) => entries),
      [],
    );
  });

  test('that are ambiguous are deleted and created, committed together', async (t) => {
    const after = [complete('a', []), complete('b', [file('y'), file('z')])] as const;
    const watched = await reassembling(t, [...before], [...after]);
    const { groups } = await judged(watched);
    assert.deepEqual(pathsOf(groups), [['a', 'b']]);
    assert.deepEqual(told(await commit(watched, groups)).toSorted(), [
      'created /incoming/b/y',
      'created /incoming/b/z',
      'deleted /incoming/a/x',
    ]);
  });

  test('unrelated directories are committed each by itself', async (t) => {
    const after = [complete('a', []), complete('b', [file('y', 999)])] as const;
    const watched = await reassembling(t, [...before], [...after]);
    const { groups } = await judged(watched);
    assert.deepEqual([groups.length, pathsOf(groups).flat().toSorted()], [2, ['a', 'b']]);
  });
});

suite('directories that are gone', () => {
  const tree = [
    complete('', [directory('a'), directory('d'), directory('z')]),
    complete('a', [file('movable', 77)]),
    complete('d', [directory('e'), file('f', 1)]),
    complete('d/e', [directory('g'), file('h', 2)]),
    complete('d/e/g', [file('i', 3)]),
    complete('z', []),
  ] as const;

  test('are forgotten, and the log empties them before it removes them', async (t) => {
    const watched = await reassembling(t, [...tree], [complete('', [directory('a'), directory('z')])]);
    const { groups } = await judged(watched);
    assert.deepEqual(told(await commit(watched, groups)), [
      'deleted /incoming/d/e/g/i',
      'deleted /incoming/d/e/g',
      'deleted /incoming/d/e/h',
      'deleted /incoming/d/e',
      'deleted /incoming/d/f',
      'deleted /incoming/d',
    ]);
    for (const path of ['d', 'd/e', 'd/e/g']) {
      assert.equal(await watched.state.directory(watched.key, path), undefined);
    }
    assert.equal((await watched.record('')).reported, 2);
  });

  test('stay in the snapshot while anything below them does', async (t) => {
    const watched = await reassembling(t, [...tree], [complete('', [directory('a'), directory('z')])]);
    const { groups } = await judged(watched, { rejected: new Set(['d/e/h']) });
    assert.deepEqual(told(await commit(watched, groups)).toSorted(), [
      'deleted /incoming/d/e/g',
      'deleted /incoming/d/e/g/i',
      'deleted /incoming/d/f',
    ]);
    assert.deepEqual([(await watched.record('')).held, (await watched.record('d/e')).reported], [true, 1]);
  });

  // Each ties the parent of a directory that goes to others, which would come earlier without it.
  const moves: readonly (readonly [name: string, groups: number, after: readonly Listing[]])[] = [
    [
      'a move into the parent of one',
      4,
      [complete('', [directory('a'), directory('z'), file('moved', 77)]), complete('a', [])],
    ],
    [
      'moves out of several',
      3,
      [complete('', [directory('a'), directory('z'), file('moved', 1)]), complete('z', [file('h', 2)])],
    ],
    [
      'moves that tie all of them in a circle',
      1,
      [complete('', [directory('a'), directory('z'), file('moved', 3)]), complete('z', [file('h', 2)])],
    ],
  ];

  for (const [name, count, after] of moves) {
    test(`${name}: children still come before parents`, async (t) => {
      const watched = await reassembling(t, [...tree], after);
      const changes = await commit(watched, (await judged(watched)).groups);
      const deletedAt = new Map(
        changes.flatMap(({ type, path }, index) => (type === 'deleted' ? [[path, index]] : [])),
      );
      for (const [path, index] of deletedAt) {
        const parent = deletedAt.get(path.slice(0, path.lastIndexOf('/')));
        if (parent !== undefined) assert.ok(index < parent, `${path} is told after its directory`);
      }
      assert.ok(deletedAt.has('/incoming/d'));
    });

    test(`${name}: killed between any two commits, nothing is lost nor told twice`, async (t) => {
      const whole = await reassembling(t, [...tree], after);
      const { groups } = await judged(whole);
      const expected = told(await commit(whole, groups)).toSorted();
      assert.equal(groups.length, count);
      for (let done = 0; done < groups.length; done += 1) {
        const watched = await reassembling(t, [...tree], after);
        const first = await commit(watched, (await judged(watched)).groups.slice(0, done));
        await watched.claimReassembly();
        const rest = await commit(watched, (await judged(watched)).groups);
        assert.deepEqual(told([...first, ...rest]).toSorted(), expected);
        const paths: string[] = [];
        for await (const { path } of watched.state.directories(watched.key, '')) paths.push(path);
        assert.deepEqual(paths, ['', 'a', 'z']);
      }
    });
  }

  test('and that wait for one another are committed together', async (t) => {
    const circle = [
      complete('', [directory('p'), directory('q')]),
      complete('p', [directory('gone'), file('p1', 11)]),
      complete('p/gone', [file('one', 1)]),
      complete('q', [directory('gone'), file('q1', 12)]),
      complete('q/gone', [file('two', 2)]),
    ] as const;
    // A file of each gone directory is in the other's parent now.
    const after = [
      complete('p', [file('p1', 11), file('two', 2)]),
      complete('q', [file('q1', 12), file('one', 1)]),
    ] as const;
    const watched = await reassembling(t, [...circle], [...after]);
    const { groups } = await judged(watched);
    assert.deepEqual(pathsOf(groups), [['p', 'p/gone', 'q', 'q/gone']]);
    assert.deepEqual(told(await commit(watched, groups)).toSorted(), [
      'deleted /incoming/p/gone',
      'deleted /incoming/q/gone',
      'moved /incoming/p/gone/one /incoming/q/one',
      'moved /incoming/q/gone/two /incoming/p/two',
    ]);
  });
});

test('the log counts on in the second phase, above all that the scan told', async (t) => {
  const watched = await Watched.open(t);
  await watched.scan(complete('', [file('a'), file('b')]));
  await watched.begin();
  const scanned = await watched.take(complete('', [file('b', 99)]));
  await watched.beginReassembly();
  const [deleted] = await commit(watched, (await judged(watched)).groups);
  const [modified] = scanned?.changes ?? [];
  assert.deepEqual([modified?.type, deleted?.type], ['modified', 'deleted']);
  assert.ok((modified?.sequence ?? '') < (deleted?.sequence ?? ''));
});
