import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { directory, file } from '../tree/looks.ts';
import { complete, everything, partial, told, Watched } from './watched.ts';

const csv = { ...everything, include: [{ type: 'glob', pattern: '*.csv' } as const] };
const files = { ...everything, kinds: ['file'] as const };

suite('what a partial listing under new rules leaves in the snapshot', () => {
  const listing = complete('', [file('a.csv'), file('a.txt'), file('b.txt'), directory('d')]);

  async function names(watched: Watched): Promise<readonly string[]> {
    const chunks = await watched.chunks('');
    return chunks.flatMap(({ entries }) => entries.map(({ name }) => name)).toSorted();
  }

  test('nothing, if it shows nothing new: where the rules come back, nothing has changed', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(listing);
    const before = await watched.record('');
    watched.watch = { ...watched.watch, selection: csv };
    assert.deepEqual(await watched.scan(partial('', [file('a.csv'), file('b.txt')])), [undefined]);
    assert.deepEqual(await watched.record(''), before);
    watched.watch = { ...watched.watch, selection: everything };
    assert.deepEqual(await watched.scan(listing), [undefined]);
  });

  test('the former scope, and no digest where it rewrote anything', async (t) => {
    const watched = await Watched.open(t, { selection: csv });
    await watched.scan(listing);
    const { scope } = watched;
    watched.watch = { ...watched.watch, selection: everything };
    await watched.scan(partial('', [file('a.txt')]));
    const { digest, probe, scope: kept, reported } = await watched.record('');
    assert.deepEqual([digest, probe, kept, reported], [null, null, scope, 2]);
    assert.deepEqual(await names(watched), ['a.csv', 'a.txt']);
    const [commit] = await watched.scan(listing);
    assert.deepEqual([told(commit), commit?.record?.scope], [[], watched.scope]);
    assert.equal((await watched.record('')).reported, 4);
  });

  test('a count of known entries that is right again when the rules come back', async (t) => {
    const watched = await Watched.open(t, { selection: csv });
    await watched.scan(listing);
    watched.watch = { ...watched.watch, selection: everything };
    await watched.scan(partial('', [file('a.txt'), file('b.txt')]));
    watched.watch = { ...watched.watch, selection: csv };
    await watched.scan(listing);
    assert.equal((await watched.record('')).reported, 1);
    assert.deepEqual(await names(watched), ['a.csv']);
  });

  test('a directory at the name of a file, for a complete listing to tell of', async (t) => {
    const watched = await Watched.open(t, { selection: files });
    await watched.scan(complete('', [directory('x')]));
    await watched.scan(complete('', [file('x')])); // and nobody judged what was in the directory
    watched.watch = { ...watched.watch, selection: everything };
    const [cut] = await watched.scan(partial('', [directory('x')]));
    assert.deepEqual(told(cut), ['deleted /incoming/x']);
    assert.deepEqual(await watched.scan(partial('', [directory('x')])), [undefined]);
    const [whole] = await watched.scan(complete('', [directory('x')]));
    assert.deepEqual(told(whole), ['created /incoming/x']);
  });

  test('stubs of the subtrees that the new rules enter, written once', async (t) => {
    const watched = await Watched.open(t, { selection: { ...everything, maxDepth: 1 } });
    await watched.scan(listing);
    await watched.scan(partial('', [file('new')])); // no digest is left that could change
    watched.watch = { ...watched.watch, selection: everything };
    const [first, second] = await watched.scan(partial('', []), partial('', []));
    assert.deepEqual([first?.stubs, second], [[{ path: 'd', stub: 'baseline' }], undefined]);
    const [inside] = await watched.scan(complete('d', [file('f')]));
    assert.deepEqual(told(inside), []);
  });

  test('no subtree that nobody looks for when the rules come back', async (t) => {
    const watched = await Watched.open(t, { selection: { ...everything, maxDepth: 1 } });
    await watched.scan(listing);
    for (const size of [1, 2]) {
      watched.watch = { ...watched.watch, selection: everything };
      const [, inside] = await watched.scan(partial('', [directory('d')]), complete('d', [file('f', size)]));
      assert.deepEqual(told(inside), [], 'entered anew, it is silent anew');
      watched.watch = { ...watched.watch, selection: { ...everything, maxDepth: 1 } };
      const [back] = await watched.scan(listing);
      assert.deepEqual([back?.forget, told(back)], [['d'], []]);
      assert.equal(await watched.state.directory(watched.key, 'd'), undefined);
    }
  });

  test('subtrees that left the scope, until a complete listing', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(listing, complete('d', [file('f', 1)]));
    watched.watch = { ...watched.watch, selection: { ...everything, maxDepth: 1 } };
    await watched.scan(partial('', [directory('d'), file('new')]));
    watched.watch = { ...watched.watch, selection: everything };
    const [, inside] = await watched.scan(partial('', [directory('d')]), complete('d', [file('f', 2)]));
    assert.deepEqual(told(inside), ['modified /incoming/d/f']);
    watched.watch = { ...watched.watch, selection: { ...everything, maxDepth: 1 } };
    const [left] = await watched.scan(complete('', [...listing.entries, file('new')]));
    assert.deepEqual(left?.forget, ['d']);
  });
});
