import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { Batch } from '../../functions/scanner/batch.ts';
import { Fenced } from '../../shared/failure.ts';
import type { DirectoryCommit } from '../../shared/state/state.ts';
import { settled } from '../../shared/tree/snapshot.ts';
import { directory, file } from '../tree/looks.ts';
import { complete, Watched } from './watched.ts';

/** The commit of a root in which two directories and a file were found. */
async function rootCommit(watched: Watched): Promise<DirectoryCommit> {
  const commit = await watched.compare(complete('', [directory('d'), directory('e'), file('f')]));
  assert.ok(commit);
  return commit;
}

suite('a batch', () => {
  test('writes directories and their changes together', async (t) => {
    const watched = await Watched.open(t, { initial: 'emit' });
    await watched.begin();
    const batch = new Batch(watched.state, watched.fence, ['']);
    assert.deepEqual(await batch.flush(), { directories: 0, changes: 0, again: [] });
    batch.add(await rootCommit(watched), 0);
    assert.equal(batch.has(''), true);
    assert.equal((await watched.record('')).generation, 0, 'not yet');
    assert.deepEqual(await batch.flush(), { directories: 1, changes: 3, again: [] });
    assert.deepEqual([(await watched.record('')).generation, batch.has('')], [1, false]);
    assert.deepEqual(await batch.flush(), { directories: 0, changes: 0, again: [] });
  });

  test('knows directories whose stubs it has not written, and only those', async (t) => {
    const watched = await Watched.open(t);
    await watched.begin();
    const batch = new Batch(watched.state, watched.fence, ['']);
    batch.add(await rootCommit(watched), 0);
    const stub = await batch.record('d');
    assert.deepEqual([stub?.path, stub?.stub, stub?.generation, stub?.digest], ['d', 'baseline', 0, null]);
    assert.equal(await batch.record('x'), undefined);
    await batch.flush();
    assert.deepEqual(await batch.record('d'), stub, 'the state says the same of it');
  });

  test('knows stubs that are on their way into the state', async (t) => {
    const watched = await Watched.open(t);
    await watched.begin();
    const { state } = watched;
    const gate = Promise.withResolvers<void>();
    const batch = new Batch(
      {
        commitLimit: state.commitLimit,
        directory: (...question) => state.directory(...question),
        async commit(...commit) {
          await gate.promise;
          await state.commit(...commit);
        },
      },
      watched.fence,
      [''],
    );
    batch.add(await rootCommit(watched), 0);
    const flushed = batch.flush();
    assert.equal((await batch.record('d'))?.stub, 'baseline');
    gate.resolve();
    assert.equal((await flushed).directories, 1);
  });

  test('knows stubs that are written while the state is asked for them', async (t) => {
    const watched = await Watched.open(t);
    await watched.begin();
    const { state } = watched;
    const gate = Promise.withResolvers<void>();
    const batch = new Batch(
      {
        commitLimit: state.commitLimit,
        async directory(...question) {
          const record = await state.directory(...question);
          await gate.promise;
          return record;
        },
        commit: (...commit) => state.commit(...commit),
      },
      watched.fence,
      [''],
    );
    batch.add(await rootCommit(watched), 0);
    const asked = batch.record('d');
    assert.equal((await batch.flush()).directories, 1);
    gate.resolve();
    assert.equal((await asked)?.stub, 'baseline');
  });

  test('lets a stub and its first listing share a transaction', async (t) => {
    const watched = await Watched.open(t);
    await watched.begin();
    const batch = new Batch(watched.state, watched.fence, ['']);
    const parent = await rootCommit(watched);
    batch.add(parent, 0);
    const { record } = parent;
    assert.ok(record);
    batch.add({ ...parent, path: 'd', putChunks: [], stubs: [] }, 0);
    assert.equal((await batch.flush()).directories, 2);
    assert.equal((await watched.record('d')).generation, 1);
  });

  test('prefers the record that stands to a stub that is not needed', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [directory('d')]), complete('d', [file('f')]));
    await watched.begin();
    const batch = new Batch(watched.state, watched.fence, ['']);
    const { path: _path, generation, ...record } = await watched.record('');
    const stubs = [{ path: 'd', stub: 'new' as const }];
    const nothing = { dropChunks: [], putChunks: [], forget: [], changes: [] };
    batch.add({ path: '', expected: generation, record, stubs, ...nothing }, 0);
    assert.deepEqual(await batch.record('d'), await watched.record('d'));
  });

  test('that meets another commit writes nothing and names all its directories', async (t) => {
    const watched = await Watched.open(t, { initial: 'emit' });
    await watched.begin();
    await watched.take(complete('', [directory('d'), file('f')]));
    const batch = new Batch(watched.state, watched.fence, ['']);
    const root = await watched.compare(complete('', [directory('d'), file('f', 11), file('g')]));
    const below = await watched.compare(complete('d', [file('h')]));
    assert.ok(root && below);
    await watched.take(complete('', [directory('d'), file('f', 12)]));
    batch.add(root, 0);
    batch.add(below, 0);
    assert.deepEqual(await batch.flush(), { directories: 0, changes: 0, again: ['', 'd'] });
    assert.deepEqual([(await watched.record('d')).generation, batch.has('d')], [0, false]);
    assert.deepEqual(await batch.flush(), { directories: 0, changes: 0, again: [] });
  });

  test('of an attempt that is over is fenced off', async (t) => {
    const watched = await Watched.open(t);
    await watched.begin();
    const batch = new Batch(watched.state, { ...watched.fence, attempt: watched.fence.attempt - 1 }, ['']);
    batch.add(await rootCommit(watched), 0);
    await assert.rejects(batch.flush(), Fenced);
  });

  test('is full by directories, changes and stubs, bytes of entries or age', async (t) => {
    const watched = await Watched.open(t, { initial: 'emit' });
    await watched.begin();
    const commit = await rootCommit(watched);
    const batch = () => new Batch(watched.state, watched.fence, ['']);

    const aged = batch();
    assert.equal(aged.isFull(1_000_000), false, 'nothing ages in an empty one');
    aged.add(commit, 1_000);
    assert.deepEqual([aged.isFull(1_999), aged.isFull(2_000)], [false, true]);

    const small = { ...commit, putChunks: [], changes: [], stubs: [] };
    const many = batch();
    for (let index = 0; index < 499; index += 1) many.add({ ...small, path: `d${index}` }, 0);
    assert.equal(many.isFull(0), false);
    many.add({ ...small, path: 'last' }, 0);
    assert.equal(many.isFull(0), true);

    const changed = batch();
    const changes = Array.from({ length: 1_000 }, () => commit.changes).flat();
    changed.add({ ...small, changes: changes.slice(0, 1_997), stubs: commit.stubs }, 0);
    assert.equal(changed.isFull(0), false);
    changed.add({ ...small, path: 'd', changes: changes.slice(0, 1) }, 0);
    assert.equal(changed.isFull(0), true);

    const large = batch();
    // Names in which there is nothing to compress.
    const entries = Array.from({ length: 1_000 }, () =>
      settled(file(randomBytes(200).toString('latin1').replaceAll('\0', '0')), 'file'),
    );
    large.add({ ...small, putChunks: [{ digest: null, entries }] }, 0);
    assert.equal(large.isFull(0), false);
    large.add(
      {
        ...small,
        path: 'd',
        putChunks: [
          { digest: null, entries },
          { digest: null, entries },
        ],
      },
      0,
    );
    assert.equal(large.isFull(0), true);
  });
});
