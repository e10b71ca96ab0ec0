import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { EntryChange } from '../../shared/tree/diff.ts';
import type { Entry, Facts } from '../../shared/tree/entry.ts';
import { isHeld, isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';
import { baseline, directory, file, link, look, someDay, told } from './looks.ts';

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e', '\udc80', '\udc81'),
  kind: fc.constantFrom('file', 'file', 'directory', 'link', 'other'),
  size: fc.integer({ min: 0, max: 2 }),
  modifiedAt: fc.integer({ min: 0, max: 2 }).map((seconds) => someDay + seconds * 1_000),
  precision: fc.constant('second'),
});
const anyListing = fc.uniqueArray(anyEntry, { selector: (entry) => entry.name });
const anyScans = fc.array(fc.record({ listed: anyListing, complete: fc.boolean() }), { maxLength: 12 });

interface Mirrored {
  readonly kind: string;
  readonly facts: Facts | null;
}

/** What a consumer holds that applies every change. */
function apply(mirror: Map<string, Mirrored>, changes: readonly EntryChange[]): void {
  for (const change of changes) {
    const held = mirror.get(change.name);
    if (change.type === 'deleted') {
      assert.equal(held?.kind, change.kind, `deleted, but the consumer holds ${held?.kind}`);
      mirror.delete(change.name);
    } else {
      assert.equal(held?.kind, change.type === 'created' ? undefined : 'file');
      mirror.set(change.name, { kind: change.kind, facts: change.kind === 'file' ? change.new : null });
    }
  }
}

/** The end of a scan as `deletes: { confirm: 1 }` has it: who is missing goes, who waits is created. */
function endScan(entries: readonly SnapshotEntry[], proved: boolean) {
  const changes: EntryChange[] = [];
  const kept = entries.flatMap((entry): SnapshotEntry[] => {
    const { name, kind, seen, reported } = entry;
    if (seen === null && (proved || reported === null)) {
      if (reported !== null) changes.push({ type: 'deleted', kind, name, old: reported, new: null });
      return [];
    }
    if (seen !== null && reported === null) {
      changes.push({ type: 'created', kind, name, old: null, new: seen });
      return [{ ...entry, reported: seen, since: 0 }];
    }
    return [entry];
  });
  return { kept, changes };
}

function tracked(listed: readonly Entry[]): Map<string, Mirrored> {
  return new Map(
    listed.flatMap(({ name, kind, size, modifiedAt, precision }): [string, Mirrored][] =>
      kind === 'file' || kind === 'directory'
        ? [[name, { kind, facts: kind === 'file' ? { size, modifiedAt, precision } : null }]]
        : [],
    ),
  );
}

suite('properties', () => {
  test('what has not changed says nothing and is not rewritten', () => {
    fc.assert(
      fc.property(anyListing, anyListing, fc.boolean(), (listed, shuffled, complete) => {
        const known = look([], listed).entries;
        const order = new Map(shuffled.map((entry, index) => [entry.name, index]));
        const again = listed.toSorted((a, b) => (order.get(a.name) ?? -1) - (order.get(b.name) ?? -1));
        const outcome = look(known, again, { complete, now: 2_000 });
        assert.deepEqual(outcome.changes, []);
        assert.deepEqual(outcome.stubs, []);
        assert.equal(outcome.rewritten, false);
      }),
    );
  });

  test('a consumer that applies every change holds exactly what complete listings show', () => {
    fc.assert(
      fc.property(anyScans, fc.integer({ min: 0, max: 3 }), (scans, heldSeconds) => {
        const mirror = new Map<string, Mirrored>();
        let known: readonly SnapshotEntry[] = [];
        let now = 1_000;
        for (const { listed, complete } of [...scans, { listed: [file('z')], complete: true }]) {
          now += 1_000;
          const heldBefore = someDay + heldSeconds * 1_000;
          const outcome = look(known, listed, { complete, now, policy: { heldBefore } });
          apply(mirror, outcome.changes);
          const end = endScan(outcome.entries, complete);
          apply(mirror, end.changes);
          known = end.kept;
          if (complete) assert.deepEqual(mirror, tracked(listed));
          else for (const [name, shown] of tracked(listed)) assert.deepEqual(mirror.get(name), shown);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a partial listing deletes and forgets nothing, except where another kind stands at the name', () => {
    fc.assert(
      fc.property(anyListing, anyListing, (before, listed) => {
        const known = baseline(...before);
        const kinds = new Map(listed.map((entry) => [entry.name, entry.kind]));
        const outcome = look(known, listed, { complete: false });
        for (const change of outcome.changes.filter(({ type }) => type === 'deleted')) {
          assert.notEqual(kinds.get(change.name) ?? change.kind, change.kind);
        }
        for (const entry of known.filter(({ name, kind }) => (kinds.get(name) ?? kind) === kind)) {
          const after = outcome.entries.find(({ name, kind }) => name === entry.name && kind === entry.kind);
          assert.notEqual(after?.seen ?? null, null);
          assert.equal(after?.misses, 0);
        }
      }),
    );
  });

  test('`rewritten` says exactly whether the entries differ', () => {
    fc.assert(
      fc.property(anyListing, anyListing, fc.boolean(), (before, listed, complete) => {
        const known = baseline(...before);
        const outcome = look(known, listed, { complete, policy: { settleMs: 5_000 } });
        const byKey = (a: SnapshotEntry, b: SnapshotEntry) =>
          `${a.name}/${a.kind}` < `${b.name}/${b.kind}` ? -1 : 1;
        const same =
          JSON.stringify(known.toSorted(byKey)) === JSON.stringify(outcome.entries.toSorted(byKey));
        assert.equal(outcome.rewritten, !same);
      }),
    );
  });
});

suite('stubs', () => {
  test('what a baseline finds is silent and known; its directories are baselines too', () => {
    const outcome = look([], [file('a'), directory('d'), link('l')], { policy: { stub: 'baseline' } });
    assert.deepEqual(outcome.changes, []);
    assert.deepEqual(outcome.stubs, [{ name: 'd', stub: 'baseline' }]);
    assert.deepEqual(told(look(outcome.entries, [file('a', 11), directory('d')])), ['modified file a']);
  });

  test('what a new directory holds is created, down the tree', () => {
    const outcome = look([], [file('a'), directory('d')], { policy: { stub: 'new' } });
    assert.deepEqual(told(outcome), ['created file a', 'created directory d']);
    assert.deepEqual(outcome.stubs, [{ name: 'd', stub: 'new' }]);
  });

  test('a directory that appears later is new', () => {
    assert.deepEqual(look(baseline(file('a')), [file('a'), directory('d')]).stubs, [
      { name: 'd', stub: 'new' },
    ]);
  });
});

suite('kinds', () => {
  for (const complete of [true, false]) {
    test(`another kind at the name: deleted, then created (complete: ${complete})`, () => {
      const toDirectory = look(baseline(file('x')), [directory('x')], { complete });
      assert.deepEqual(told(toDirectory), ['deleted file x', 'created directory x']);
      const toFile = look(baseline(directory('x')), [file('x')], { complete });
      assert.deepEqual(told(toFile), ['deleted directory x', 'created file x']);
      assert.deepEqual(told(look(baseline(file('x')), [link('x')], { complete })), ['deleted file x']);
    });
  }

  test('a replaced directory leaves a mark until what is below it is judged, and says nothing more', () => {
    const { entries } = look(baseline(directory('x')), [file('x')]);
    const mark = entries.find((entry) => entry.kind === 'directory');
    assert.deepEqual([mark?.seen, mark?.reported, mark?.misses], [null, null, 2]);
    const next = look(entries, [file('x')], { now: 2_000 });
    assert.deepEqual([next.changes, next.rewritten], [[], false]);
  });

  test('a replaced directory that is back is created again', () => {
    const { entries } = look(baseline(directory('x')), [file('x')]);
    const back = look(entries, [directory('x')], { now: 2_000 });
    assert.deepEqual(told(back), ['deleted file x', 'created directory x']);
    assert.deepEqual(
      back.entries.map(({ kind, since }) => [kind, since]),
      [['directory', 0]],
    );
  });

  test('directories are never modified', () => {
    const outcome = look(baseline(directory('d', someDay)), [directory('d', someDay + 60_000)]);
    assert.deepEqual([outcome.changes, outcome.rewritten], [[], false]);
  });
});

suite('settling', () => {
  const policy = { settleMs: 60_000 };

  test('a new file is reported once it has looked the same for so long', () => {
    const first = look([], [file('a')], { now: 1_000, policy });
    assert.deepEqual(told(first), []);
    const early = look(first.entries, [file('a')], { now: 60_999, policy });
    assert.deepEqual([early.changes, early.rewritten], [[], false]);
    const ready = look(early.entries, [file('a')], { now: 61_000, policy });
    assert.deepEqual(told(ready), ['created file a']);
    assert.equal(ready.entries.some(isPending), false);
  });

  test('a growing file says nothing until it stops', () => {
    let known: readonly SnapshotEntry[] = [];
    for (let minute = 1; minute <= 5; minute += 1) {
      const outcome = look(known, [file('a', minute)], { now: minute * 60_000, policy });
      assert.deepEqual(told(outcome), []);
      known = outcome.entries;
    }
    const done = look(known, [file('a', 5)], { now: 360_000, policy });
    assert.deepEqual(told(done), ['created file a']);
    assert.equal(done.changes[0]?.new?.size, 5);
  });

  test('there and back in between says nothing, even if files need not settle any more', () => {
    for (const settleMs of [60_000, 0]) {
      const away = look(baseline(file('a', 1)), [file('a', 2)], { policy });
      assert.deepEqual(told(away), []);
      const back = look(away.entries, [file('a', 1)], { now: 2_000, policy: { settleMs } });
      assert.deepEqual(told(back), []);
      assert.equal(back.entries.some(isPending), false);
    }
  });

  test('a modification carries what consumers knew, not what was seen in between', () => {
    const one = look(baseline(file('a', 1)), [file('a', 2)], { policy });
    const two = look(one.entries, [file('a', 3)], { now: 2_000, policy });
    const done = look(two.entries, [file('a', 3)], { now: 62_000, policy });
    assert.deepEqual(
      done.changes.map((change) => [change.type, change.old?.size, change.new?.size]),
      [['modified', 1, 3]],
    );
  });

  test('directories need not settle', () => {
    assert.deepEqual(told(look([], [directory('d')], { policy })), ['created directory d']);
  });
});

suite('held creations', () => {
  const policy = { heldBefore: someDay };

  test('a file that may have been moved here waits, a fresh one does not', () => {
    const outcome = look([], [file('old', 1, someDay - 1), file('fresh', 1, someDay)], { policy });
    assert.deepEqual(told(outcome), ['created file fresh']);
    assert.deepEqual(
      outcome.entries.filter(isHeld).map(({ name }) => name),
      ['old'],
    );
  });

  test('a file without a time and a directory do not wait', () => {
    const outcome = look([], [file('timeless', 1, null), directory('d', someDay - 1)], { policy });
    assert.deepEqual(told(outcome), ['created file timeless', 'created directory d']);
  });

  test('a file that was never reported and vanishes says nothing', () => {
    const { entries } = look([], [file('old', 1, someDay - 1)], { policy });
    const gone = look(entries, [], { policy, now: 2_000 });
    assert.deepEqual([gone.entries, gone.changes, gone.rewritten], [[], [], true]);
  });
});

suite('missing entries', () => {
  test('misses count up to the limit, and then nothing is rewritten', () => {
    let known = baseline(file('a', 1), directory('d'));
    const misses: (number | undefined)[] = [];
    const rewritten: boolean[] = [];
    for (let scan = 1; scan <= 4; scan += 1) {
      const outcome = look(known, [], { now: scan * 1_000, policy: { missesUpTo: 3 } });
      assert.deepEqual(outcome.changes, []);
      known = outcome.entries;
      misses.push(known[0]?.misses);
      rewritten.push(outcome.rewritten);
      assert.deepEqual(
        known.map(({ since }) => since),
        [1_000, 1_000],
      );
    }
    assert.deepEqual(misses, [1, 2, 3, 3]);
    assert.deepEqual(rewritten, [true, true, true, false]);
  });

  test('one that is back as it was says nothing, one that is back otherwise is modified', () => {
    const gone = look(baseline(file('a', 1), file('b', 1), directory('d')), []);
    const back = look(gone.entries, [file('a', 1), file('b', 2), directory('d')], { now: 2_000 });
    assert.deepEqual(told(back), ['modified file b']);
    assert.deepEqual(back.stubs, []);
    assert.equal(back.entries.some(isPending), false);
  });

  test('a partial listing in between counts as nothing', () => {
    const gone = look(baseline(file('a')), []);
    const partial = look(gone.entries, [], { complete: false, now: 2_000 });
    assert.deepEqual([partial.entries, partial.rewritten], [gone.entries, false]);
  });
});

suite('scope', () => {
  const rescoped = {
    admitted: (name: string) => name !== 'fresh',
    admittedSize: (size: number | null) => (size ?? 0) <= 100,
    descended: (name: string) => name !== 'fresh',
    stay: false,
  };
  const fromBaseline = { ...rescoped, initial: 'baseline' as const };
  const fromEmit = { ...rescoped, initial: 'emit' as const };

  test('what leaves the scope goes silently, listed or missing', () => {
    const policy = { tracks: (name: string) => name === 'stays', rescoped: fromBaseline };
    const outcome = look(
      baseline(file('leaves'), file('missing'), file('stays')),
      [file('leaves'), file('stays')],
      {
        policy,
      },
    );
    assert.deepEqual(outcome.changes, []);
    assert.deepEqual(
      outcome.entries.map(({ name }) => name),
      ['stays'],
    );
    assert.equal(outcome.rewritten, true);
  });

  test('what only the new rules admit follows `initial`; what both admit is created', () => {
    const listed = [file('fresh'), file('both')];
    assert.deepEqual(told(look([], listed, { policy: { rescoped: fromBaseline } })), ['created file both']);
    assert.deepEqual(told(look([], listed, { policy: { rescoped: fromEmit } })), [
      'created file fresh',
      'created file both',
    ]);
  });

  test('so does what only the new limits of size admit', () => {
    const listed = [file('large', 1_000), file('small', 1)];
    assert.deepEqual(told(look([], listed, { policy: { rescoped: fromBaseline } })), ['created file small']);
    assert.deepEqual(told(look([], listed, { policy: { rescoped: fromEmit } })), [
      'created file large',
      'created file small',
    ]);
  });

  test('a directory known only as the way to others is created when the rules come to admit it', () => {
    const known = baseline(directory('fresh'));
    assert.deepEqual(told(look(known, [directory('fresh')], { policy: { rescoped: fromEmit } })), [
      'created directory fresh',
    ]);
    const silent = look(known, [directory('fresh')], { policy: { rescoped: fromBaseline } });
    assert.deepEqual([silent.changes, silent.rewritten], [[], false]);
  });

  test('a new directory below which the old rules did not look follows `initial`', () => {
    const stubOf = (name: string, initial: 'baseline' | 'emit') =>
      look([], [directory(name)], { policy: { rescoped: { ...rescoped, initial } } }).stubs[0]?.stub;
    assert.equal(stubOf('fresh', 'baseline'), 'baseline');
    assert.equal(stubOf('fresh', 'emit'), 'new');
    assert.equal(stubOf('both', 'baseline'), 'new');
  });

  test('what is tracked but not admitted is never spoken of', () => {
    const policy = { admits: () => false };
    const found = look([], [directory('d')], { policy });
    assert.deepEqual(told(found), []);
    assert.deepEqual(told(look(found.entries, [file('d')], { policy })), []);
  });

  test('limits of size decide over unknown files only', () => {
    const policy = { admitsSize: (size: number | null) => (size ?? 0) <= 100 };
    const outcome = look(baseline(file('known', 1)), [file('known', 1_000), file('unknown', 1_000)], {
      policy,
    });
    assert.deepEqual(told(outcome), ['modified file known']);
    assert.deepEqual(told(look(outcome.entries, [file('known', 1_000), file('unknown', 99)], { policy })), [
      'created file unknown',
    ]);
  });

  test('a known file leaves when new limits exclude a size that the old ones took', () => {
    const policy = { admitsSize: (size: number | null) => (size ?? 0) <= 50, rescoped: fromBaseline };
    const outcome = look(
      baseline(file('leaves', 80), file('outgrew', 500)),
      [file('leaves', 80), file('outgrew', 500)],
      {
        policy,
      },
    );
    assert.deepEqual(outcome.changes, []);
    assert.deepEqual(
      outcome.entries.map(({ name }) => name),
      ['outgrew'],
    );
  });
});
