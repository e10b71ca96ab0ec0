import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isUnchanged, knownOf } from '../../functions/scanner/unchanged.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import type { Listing, Profile } from '../../shared/tree/listing.ts';
import { directory, file, link, someDay } from '../tree/looks.ts';
import { complete, everything, mlsd, partial, told, Watched } from './watched.ts';

const berlin = (offsetMinutes: number): Profile => ({
  command: 'list',
  zone: 'Europe/Berlin',
  offsetMinutes,
});

function invoices(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) =>
    file(`invoice-${String(index).padStart(5, '0')}.csv`, index),
  );
}

async function unchanged(watched: Watched, listing: Listing): Promise<boolean> {
  const record = await watched.record(listing.path);
  return isUnchanged(record, listing, watched.listed(listing), watched.scope, watched.now);
}

suite('nothing changed', () => {
  test('the digest says so, and if asked the comparison too', async (t) => {
    const watched = await Watched.open(t);
    const listing = complete('', [file('a'), directory('d'), link('l')]);
    const [first] = await watched.scan(listing);
    assert.deepEqual(told(first), []);
    assert.equal(await unchanged(watched, listing), true);
    await watched.begin();
    assert.equal(await watched.compare(listing), undefined);
    assert.equal(await unchanged(watched, complete('', [file('a', 11), directory('d')])), false);
    assert.equal(await unchanged(watched, partial('', listing.entries)), false);
  });

  test('another profile or scope is worth a look', async (t) => {
    const watched = await Watched.open(t);
    const listing = complete('', [file('a')]);
    await watched.scan(listing);
    assert.equal(await unchanged(watched, complete('', listing.entries, berlin(60))), false);
    watched.watch = {
      ...watched.watch,
      selection: { ...everything, exclude: [{ type: 'glob', pattern: 'x' }] },
    };
    assert.equal(await unchanged(watched, listing), false);
  });

  test('another profile that shows the same is stored without a word', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [file('a', 1, someDay)], berlin(60)));
    const shifted = complete('', [file('a', 1, someDay + 3_600_000)], berlin(120));
    const [commit] = await watched.scan(shifted);
    assert.deepEqual(told(commit), []);
    assert.equal(commit?.record?.profile, 'list Europe/Berlin +120');
    assert.equal(await unchanged(watched, shifted), true);
  });
});

suite('a directory of 5,000 files', () => {
  const before = invoices(5_000);

  test('rewrites only the chunks that are touched', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', before));
    const stored = await watched.chunks('');
    assert.ok(stored.length >= 5, `${stored.length} chunks`);
    const grown = before.with(1_234, file(before[1_234]?.name ?? '', 99_999));
    const [commit] = await watched.scan(complete('', grown));
    assert.deepEqual(told(commit), ['modified /incoming/invoice-01234.csv']);
    assert.equal(commit?.dropChunks.length, 1);
    assert.equal(commit?.putChunks.length, 1);
    assert.equal(commit?.record?.reported, 5_000);
    const after = await watched.chunks('');
    const kept = new Set(stored.map(({ chunk }) => chunk));
    assert.equal(after.filter(({ chunk }) => kept.has(chunk)).length, stored.length - 1);
    assert.equal(after.flatMap(({ entries }) => entries).length, 5_000);
    assert.equal(await unchanged(watched, complete('', grown)), true);
  });

  test('knows every file once after files came and went anywhere', async (t) => {
    const watched = await Watched.open(t, { deletes: { confirm: 2, maxPercent: 100, minCount: 50 } });
    await watched.scan(complete('', before));
    const listed = before
      .filter((_, index) => index % 400 !== 7)
      .concat(file('aaa'), file('invoice-02500-b.csv'), file('zzz'));
    const [commit] = await watched.scan(complete('', listed));
    assert.deepEqual(told(commit).toSorted(), [
      'created /incoming/aaa',
      'created /incoming/invoice-02500-b.csv',
      'created /incoming/zzz',
    ]);
    const entries = (await watched.chunks('')).flatMap((chunk) => chunk.entries);
    const names = new Set(entries.map(({ name }) => name));
    assert.deepEqual([entries.length, names.size], [5_003, 5_003]);
    assert.equal(entries.filter(({ seen }) => seen === null).length, 13);
    assert.equal(commit?.record?.reported, 5_003);
    const [back] = await watched.scan(complete('', before.concat(listed.slice(-3))));
    assert.deepEqual(told(back), []);
    assert.equal((await watched.record('')).held, false);
  });

  test('rewrites no entries while files are missing for long', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', before));
    const rest = complete('', before.slice(3_000));
    await watched.scan(rest);
    await watched.scan(rest);
    const [commit] = await watched.scan(rest);
    assert.deepEqual([commit?.dropChunks, commit?.putChunks], [[], []]);
    assert.equal(commit?.record?.provedBy, 4, 'but it is proved anew');
  });
});

suite('what is due', () => {
  test('missing entries and possible moves hold a directory, and are proved by the scan', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [file('a'), file('b')]));
    const [missing] = await watched.scan(complete('', [file('a')]));
    assert.deepEqual([missing?.record?.held, missing?.record?.provedBy, told(missing)], [true, 2, []]);
    assert.equal(await unchanged(watched, complete('', [file('a')])), false);

    const other = await Watched.open(t);
    await other.scan(complete('', []));
    other.heldBefore = someDay + 1;
    const [held] = await other.scan(complete('', [file('a'), file('fresh', 1, someDay + 1)]));
    assert.deepEqual([held?.record?.held, told(held)], [true, ['created /incoming/fresh']]);
    assert.equal(held?.putChunks[0]?.digest, null, 'to be read at the next look');
  });

  test('a settling file makes the directory due, and is reported though the digest is the same', async (t) => {
    const watched = await Watched.open(t, { settleMs: 90_000 });
    await watched.scan(complete('', [file('a', 1)]));
    const grown = complete('', [file('a', 2)]);
    const [first] = await watched.scan(grown);
    const seenAt = watched.now;
    assert.deepEqual([first?.record?.dueAt, first?.record?.held, told(first)], [seenAt + 90_000, false, []]);
    assert.equal(await unchanged(watched, grown), true, 'not due yet');
    watched.now = seenAt + 90_000;
    assert.equal(await unchanged(watched, grown), false);
    const [ready] = await watched.scan(grown);
    assert.deepEqual([told(ready), ready?.record?.dueAt], [['modified /incoming/a'], null]);
  });
});

suite('partial listings', () => {
  test('tell what they show, delete nothing, and leave no digest behind', async (t) => {
    const watched = await Watched.open(t);
    const before = invoices(2_000);
    await watched.scan(complete('', before));
    const [commit] = await watched.scan(partial('', [...before.slice(0, 900), file('new')]));
    assert.deepEqual(told(commit), ['created /incoming/new']);
    assert.deepEqual(
      [commit?.record?.digest, commit?.record?.held, commit?.record?.listed],
      [null, false, 2_000],
    );
    assert.deepEqual([...new Set(commit?.putChunks.map(({ digest }) => digest))], [null]);
    const entries = (await watched.chunks('')).flatMap((chunk) => chunk.entries);
    assert.equal(entries.length, 2_001);
    assert.deepEqual(
      [entries.filter(({ seen }) => seen === null).length, commit?.record?.reported],
      [0, 2_001],
    );
    const [whole] = await watched.scan(complete('', [...before, file('new')]));
    assert.deepEqual(told(whole), []);
    assert.equal(await unchanged(watched, complete('', [...before, file('new')])), true);
  });

  test('that show nothing new leave the digest as it was', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(complete('', [file('a'), file('b')]));
    const [commit] = await watched.scan(partial('', [file('a')]));
    assert.equal(commit, undefined);
    assert.equal(await unchanged(watched, complete('', [file('a'), file('b')])), true);
  });

  test('do not use up a stub: what the complete one finds is as silent, or as new', async (t) => {
    for (const initial of ['baseline', 'emit'] as const) {
      const watched = await Watched.open(t, { initial });
      const [cut] = await watched.scan(partial('', [file('a')]));
      const [whole] = await watched.scan(complete('', [file('a'), file('b')]));
      const expected = initial === 'emit' ? [['created /incoming/a'], ['created /incoming/b']] : [[], []];
      assert.deepEqual([told(cut), told(whole)], expected);
      assert.equal((await watched.record('')).stub, null);
    }
  });
});

suite('kinds and stubs', () => {
  test('new directories become stubs, and only those that may hold something', async (t) => {
    const selection = { ...everything, include: [{ type: 'glob', pattern: 'in/**' } as const] };
    const watched = await Watched.open(t, { selection });
    const [commit] = await watched.scan(complete('', [directory('in'), directory('out')]));
    assert.deepEqual(commit?.stubs, [{ path: 'in', stub: 'baseline' }]);
    const [inside] = await watched.scan(complete('in', [directory('new')]));
    assert.deepEqual(inside?.stubs, [{ path: 'in/new', stub: 'baseline' }]);
    const [later] = await watched.scan(complete('in', [directory('new'), directory('newer')]));
    assert.deepEqual(later?.stubs, [{ path: 'in/newer', stub: 'new' }]);
  });

  test('a file is deleted at once when a link or an untracked directory stands in its place', async (t) => {
    const selection = { ...everything, kinds: ['file'] as const, maxDepth: 1 };
    for (const successor of [link('x'), directory('x')]) {
      const watched = await Watched.open(t, { selection });
      await watched.scan(complete('', [file('x'), file('y')]));
      const [commit] = await watched.scan(partial('', [successor]));
      assert.deepEqual(told(commit), ['deleted /incoming/x']);
    }
  });
});

suite('another scope', () => {
  const csv = { ...everything, include: [{ type: 'glob', pattern: '**/*.csv' } as const] };
  const listing = complete('', [file('a.csv'), file('a.txt'), directory('d')]);

  test('narrower: what leaves is forgotten silently, subtrees too', async (t) => {
    const watched = await Watched.open(t);
    await watched.scan(listing, complete('d', [file('b.txt')]));
    watched.watch = {
      ...watched.watch,
      selection: { ...csv, include: [{ type: 'glob', pattern: '*.csv' }] },
    };
    const [commit] = await watched.scan(listing);
    assert.deepEqual(told(commit), []);
    assert.deepEqual(commit?.forget, ['d']);
    assert.deepEqual(
      (await watched.chunks('')).flatMap(({ entries }) => entries.map(({ name }) => name)),
      ['a.csv'],
    );
    assert.equal(await watched.state.directory(watched.key, 'd'), undefined);
    assert.equal(commit?.record?.reported, 1);
  });

  for (const initial of ['baseline', 'emit'] as const) {
    test(`wider, \`initial: ${initial}\``, async (t) => {
      const watched = await Watched.open(t, { initial: 'baseline', selection: csv });
      await watched.scan(listing);
      watched.watch = { ...watched.watch, selection: everything, initial };
      const [commit] = await watched.scan(listing);
      const emitted = ['created /incoming/a.txt', 'created /incoming/d'];
      assert.deepEqual(told(commit).toSorted(), initial === 'emit' ? emitted : []);
      assert.equal(commit?.record?.reported, 3);
      const [again] = await watched.scan(listing);
      assert.equal(again, undefined);
    });
  }

  test('wider, and met by a partial listing: what it admits is found in the next complete one', async (t) => {
    const top = { ...csv, include: [{ type: 'glob', pattern: '*.csv' } as const] };
    const watched = await Watched.open(t, { selection: top });
    const whole = { ...listing, probe: { digest: 'a'.repeat(24), since: null } };
    await watched.scan(whole);
    watched.watch = { ...watched.watch, selection: everything };
    await watched.scan(partial('', []));
    const record = await watched.record('');
    assert.equal(knownOf(record, watched.scope, watched.now)?.unchangedSuffices, false, 'a look will not do');
    assert.deepEqual(await watched.scan(partial('', [])), [undefined], 'nothing is written twice');
    const [commit] = await watched.scan(whole);
    assert.deepEqual(
      commit?.stubs.map(({ path }) => path),
      ['d'],
    );
    assert.equal(commit?.record?.reported, 3);
  });

  test('a wider limit of size is not forgotten over a partial listing', async (t) => {
    const watched = await Watched.open(t, { selection: { ...everything, maxFileSize: 100 } });
    const sizes = complete('', [file('small', 1), file('large', 1_000)]);
    await watched.scan(sizes);
    watched.watch = { ...watched.watch, selection: everything };
    await watched.scan(partial('', []));
    const [commit] = await watched.scan(sizes);
    assert.equal(commit?.record?.reported, 2);
  });

  test('a subtree entered for the first time has a stub that follows `initial`', async (t) => {
    const watched = await Watched.open(t, { selection: { ...everything, maxDepth: 1 } });
    await watched.scan(listing);
    watched.watch = { ...watched.watch, selection: everything };
    const [commit] = await watched.scan(listing);
    assert.deepEqual(commit?.stubs, [{ path: 'd', stub: 'baseline' }]);
  });

  test('a wider limit of size follows `initial` too', async (t) => {
    const watched = await Watched.open(t, { selection: { ...everything, maxFileSize: 100 } });
    const sizes = complete('', [file('small', 1), file('large', 1_000)]);
    await watched.scan(sizes);
    watched.watch = { ...watched.watch, selection: everything };
    const [commit] = await watched.scan(sizes);
    assert.deepEqual([told(commit), commit?.record?.reported], [[], 2]);
  });
});

test('the profile of a partial listing does not stand for the complete one', async (t) => {
  const watched = await Watched.open(t);
  await watched.scan(complete('', [file('a')], mlsd));
  const [commit] = await watched.scan({ ...partial('', [file('b')]), profile: berlin(60) });
  assert.equal(commit?.record?.profile, 'mlsd UTC +0');
});
