import assert from 'node:assert/strict';
import { StaleSnapshot } from '../../shared/failure.ts';
import type { DirectoryCommit, Fence, State } from '../../shared/state/state.ts';
import type { SnapshotEntry } from '../../shared/tree/snapshot.ts';
import {
  beginAndClaim,
  change,
  chunk,
  enrolment,
  failsWith,
  file,
  incoming,
  listed,
  paths,
  type StateCheck,
  stubs,
  t0,
} from './samples.ts';

const digestA = 'a'.repeat(32);
const digestB = 'b'.repeat(32);

async function enrolled(state: State): Promise<Fence> {
  await state.enroll(enrolment(), t0);
  return beginAndClaim(state);
}

/** The commit is refused as stale, naming exactly these directories. */
async function assertStale(
  state: State,
  fence: Fence,
  commits: readonly DirectoryCommit[],
  ...directories: readonly string[]
): Promise<void> {
  await assert.rejects(state.commit(fence, commits), (error) => {
    assert.ok(error instanceof StaleSnapshot, String(error));
    assert.deepEqual(error.directories.toSorted(), directories.toSorted());
    return true;
  });
}

export function snapshotCases(check: StateCheck): void {
  records(check);
  generations(check);
  chunks(check);
  stubCases(check);
}

function records(check: StateCheck): void {
  check('a commit is read back as it was written, by another handle too', async ({ state, reopen }) => {
    const fence = await enrolled(state);
    const record = {
      digest: digestA,
      scope: 'scope-1',
      profile: 'mlsd/second "x"',
      stub: null,
      dueAt: t0 + 5,
      held: true,
      provedBy: 7,
      changedBy: 6,
      leaf: true,
      reported: 12,
      listed: 13,
      probe: { digest: '0123456789abcdef01234567', since: 1_795_000_000 },
    };
    await state.commit(fence, [listed('', 0, { record })]);
    const again = await reopen();
    assert.deepEqual(await again.directory(incoming, ''), { path: '', generation: 1, ...record });
    assert.deepEqual(await Array.fromAsync(again.directories(incoming, '')), [
      { path: '', generation: 1, ...record },
    ]);
    assert.equal(await again.directory(incoming, 'nowhere'), undefined);
  });

  check('a probe is kept until a commit says otherwise', async ({ state }) => {
    const fence = await enrolled(state);
    const digest = 'fedcba9876543210fedcba98';
    const probes = [{ digest, since: 1 }, { digest, since: null }, null, { digest, since: 4_000_000_000 }];
    for (const [generation, probe] of probes.entries()) {
      await state.commit(fence, [listed('', generation, { record: { probe } })]);
      assert.deepEqual((await state.directory(incoming, ''))?.probe, probe);
    }
  });

  check('rule 9: dueAt and held are kept, and gone when a commit says so', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { record: { dueAt: 0 }, stubs: stubs('b', 'a/x', 'a', 'c') }),
      listed('b', 0, { record: { held: true } }),
      listed('a/x', 0, { record: { held: true, dueAt: t0 } }),
      listed('a', 0, { record: { held: true, digest: null } }),
    ]);
    assert.equal((await state.directory(incoming, ''))?.dueAt, 0);
    assert.equal((await state.directory(incoming, 'a/x'))?.dueAt, t0);
    assert.deepEqual(await paths(state.heldDirectories(incoming)), ['a', 'a/x', 'b']);
    await state.commit(fence, [listed('a', 1), listed('a/x', 1, { record: { held: true } })]);
    assert.equal((await state.directory(incoming, 'a/x'))?.dueAt, null);
    assert.deepEqual(await paths(state.heldDirectories(incoming)), ['a/x', 'b']);
  });

  check('a null record forgets the directory and its entries', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: stubs('a') }),
      listed('a', 0, { putChunks: [chunk(digestA, file('f'))] }),
    ]);
    await state.commit(fence, [listed('a', 1, { record: null, changes: [change('gone')] })]);
    assert.equal(await state.directory(incoming, 'a'), undefined);
    assert.deepEqual(await state.chunkHeads(incoming, 'a'), []);
    await state.commit(fence, [listed('', 1, { stubs: stubs('a') })]);
    assert.deepEqual(await state.chunkHeads(incoming, 'a'), []);
  });

  check('forgotten subtrees go with all below them, in the same commit', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: stubs('a', 'a/b', 'a/b/c', 'ab', 'z') }),
      listed('a/b', 0, { putChunks: [chunk(digestA, file('f'))] }),
    ]);
    await state.commit(fence, [listed('', 1, { forget: ['a', 'z'], stubs: stubs('new') })]);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', 'ab', 'new']);
    assert.deepEqual(await state.chunkHeads(incoming, 'a/b'), []);
  });
}

function generations(check: StateCheck): void {
  check('rule 2: every commit makes a new generation', async ({ state }) => {
    const fence = await enrolled(state);
    for (const generation of [0, 1, 2]) await state.commit(fence, [listed('', generation)]);
    assert.equal((await state.directory(incoming, ''))?.generation, 3);
  });

  check('rule 2: a conflict names every stale directory and writes nothing', async ({ state }) => {
    await state.registerOutputs(['spy']);
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: stubs('a', 'b', 'c') }),
      listed('a', 0, { putChunks: [chunk(digestA, file('f'))] }),
    ]);
    const [head] = await state.chunkHeads(incoming, 'a');
    const before = await Array.fromAsync(state.directories(incoming, ''));
    const commits = [
      listed('', 1, { stubs: stubs('d'), forget: ['c'], changes: [change('1')] }),
      listed('a', 0, { changes: [change('2')], putChunks: [chunk(digestB, file('g'))] }),
      listed('b', 1),
      listed('never', 0),
    ];
    await assertStale(state, fence, commits, 'a', 'b', 'never');
    assert.deepEqual(await Array.fromAsync(state.directories(incoming, '')), before);
    assert.deepEqual(await state.chunkHeads(incoming, 'a'), [head]);
    assert.equal((await state.unpublished('spy', { limit: 10 })).waiting, 0);
    await state.commit(fence, [listed('', 1), listed('a', 1), listed('b', 0)]);
  });

  check('rule 2: of two duplicate listings the second is stale', async ({ state, reopen }) => {
    const fence = await enrolled(state);
    const other = await reopen();
    const [first, second] = await Promise.allSettled([
      state.commit(fence, [listed('', 0, { record: { digest: digestA } })]),
      other.commit(fence, [listed('', 0, { record: { digest: digestB } })]),
    ]);
    assert.deepEqual([first.status, second.status].toSorted(), ['fulfilled', 'rejected']);
    const record = await state.directory(incoming, '');
    assert.equal(record?.generation, 1);
    assert.equal(record.digest, first.status === 'fulfilled' ? digestA : digestB);
  });
}

function chunks(check: StateCheck): void {
  const settledEntries = [file('a.csv'), file('b\udcff\n".csv', 2 ** 40)];
  const pending: readonly SnapshotEntry[] = [
    { ...file('unreported'), reported: null, since: t0 },
    { ...file('missing'), seen: null, since: t0 + 1, misses: 2 },
    { ...file('growing', 5), reported: { size: 4, modifiedAt: null, precision: 'none' }, since: t0 + 2 },
    { name: 'sub', kind: 'directory', seen: null, reported: null, since: t0 + 3, misses: 1 },
  ];

  check('rule 7: pending entries survive a reopen', async ({ state, reopen }) => {
    const fence = await enrolled(state);
    const putChunks = [chunk(digestA, ...settledEntries), chunk(null, ...pending)];
    await state.commit(fence, [listed('', 0, { putChunks })]);
    const again = await reopen();
    const heads = await again.chunkHeads(incoming, '');
    assert.deepEqual(
      heads.map(({ digest }) => digest),
      [digestA, null],
    );
    const read = await again.chunks(
      incoming,
      '',
      heads.map((head) => head.chunk),
    );
    assert.deepEqual(
      read.map(({ digest, entries }) => ({ digest, entries })),
      putChunks,
    );
  });

  check('rule 10: only the chunks that a commit names are dropped and put', async ({ state }) => {
    const fence = await enrolled(state);
    const [one, two, three, four] = ['1', '2', '3', '4'].map((name) => chunk(name.repeat(32), file(name)));
    assert.ok(one && two && three && four);
    await state.commit(fence, [listed('', 0, { putChunks: [one, two, three] })]);
    const before = await state.chunkHeads(incoming, '');
    const dropped = before.find(({ digest }) => digest === two.digest);
    assert.ok(dropped);
    await state.commit(fence, [listed('', 1, { dropChunks: [dropped.chunk], putChunks: [four] })]);
    const after = await state.chunkHeads(incoming, '');
    const kept = before.filter((head) => head !== dropped);
    assert.deepEqual(after.slice(0, 2), kept);
    assert.equal(after[2]?.digest, four.digest);
    assert.ok(
      !before.some((head) => head.chunk === after[2]?.chunk),
      'the name of a chunk is never used again',
    );
    const names = after.map((head) => head.chunk).toReversed();
    const read = await state.chunks(incoming, '', names);
    assert.deepEqual(
      read.map(({ entries }) => entries[0]?.name),
      ['4', '3', '1'],
    );
  });

  check(
    'rule 10: a chunk that is gone is stale to read and to drop, and nothing is written',
    async ({ state }) => {
      const fence = await enrolled(state);
      await state.commit(fence, [listed('', 0, { putChunks: [chunk(digestA, file('f'))] })]);
      const [old] = await state.chunkHeads(incoming, '');
      assert.ok(old);
      const replace = listed('', 1, { dropChunks: [old.chunk], putChunks: [chunk(digestB, file('g'))] });
      await state.commit(fence, [replace]);
      const heads = await state.chunkHeads(incoming, '');
      const wanted = [...heads.map((head) => head.chunk), old.chunk];
      await assert.rejects(state.chunks(incoming, '', wanted), failsWith('StaleSnapshot'));
      await assertStale(state, fence, [{ ...replace, expected: 2 }], '');
      assert.deepEqual(await state.chunkHeads(incoming, ''), heads);
      assert.equal((await state.directory(incoming, ''))?.generation, 2);
    },
  );

  check('a chunk belongs to one directory', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: stubs('a'), putChunks: [chunk(digestA, file('f'))] }),
      listed('a', 0),
    ]);
    const [head] = await state.chunkHeads(incoming, '');
    assert.ok(head);
    await assert.rejects(state.chunks(incoming, 'a', [head.chunk]), failsWith('StaleSnapshot'));
    await assertStale(state, fence, [listed('a', 1, { dropChunks: [head.chunk] })], 'a');
    assert.deepEqual(await state.chunkHeads(incoming, ''), [head]);
  });

  check('rule 10: a flat directory of 20,000 entries', async ({ state }) => {
    const fence = await enrolled(state);
    const putChunks = Array.from({ length: 40 }, (_, c) => ({
      digest: digestA,
      entries: Array.from({ length: 500 }, (_, e) => file(`${c}-${e}.csv`, e)),
    }));
    await state.commit(fence, [listed('', 0, { putChunks })]);
    const heads = await state.chunkHeads(incoming, '');
    const read = await state.chunks(
      incoming,
      '',
      heads.map((head) => head.chunk),
    );
    assert.deepEqual(
      read.flatMap(({ entries }) => entries),
      putChunks.flatMap(({ entries }) => entries),
    );
  });
}

function stubCases(check: StateCheck): void {
  check(
    'rule 8: a stub is there with the commit that found it, and survives a reopen',
    async ({ state, reopen }) => {
      const fence = await enrolled(state);
      const found = [
        { path: 'a', stub: 'new' },
        { path: 'b', stub: 'baseline' },
      ] as const;
      await state.commit(fence, [listed('', 0, { stubs: found })]);
      const again = await reopen();
      for (const { path, stub } of found) {
        const record = await again.directory(incoming, path);
        assert.equal(record?.stub, stub);
        assert.equal(record.generation, 0);
        assert.equal(record.digest, null);
        assert.equal(record.held, false);
        assert.equal(record.dueAt, null);
      }
    },
  );

  check('rule 8: a directory that has a record keeps it when it is found again', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: [...stubs('a'), { path: 'b', stub: 'baseline' }] }),
      listed('a', 0, { record: { reported: 9 }, putChunks: [chunk(digestA, file('f'))] }),
    ]);
    const before = await state.directory(incoming, 'a');
    await state.commit(fence, [listed('', 1, { stubs: stubs('a', 'b') })]);
    assert.deepEqual(await state.directory(incoming, 'a'), before);
    assert.equal((await state.chunkHeads(incoming, 'a')).length, 1);
    assert.equal((await state.directory(incoming, 'b'))?.stub, 'baseline');
  });

  check('rule 8: a stub of a refused commit is not there', async ({ state }) => {
    const fence = await enrolled(state);
    await assertStale(state, fence, [listed('', 3, { stubs: stubs('a') }), listed('', 0)], '');
    assert.deepEqual(await paths(state.directories(incoming, '')), ['']);
  });

  check('a stub and the first listing of its directory may share a commit', async ({ state }) => {
    const fence = await enrolled(state);
    await state.commit(fence, [
      listed('', 0, { stubs: stubs('a') }),
      listed('a', 0, { stubs: stubs('a/b') }),
    ]);
    assert.equal((await state.directory(incoming, 'a'))?.stub, null);
    assert.equal((await state.directory(incoming, 'a'))?.generation, 1);
    assert.equal((await state.directory(incoming, 'a/b'))?.stub, 'new');
  });
}
