import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { isBelow } from '../../shared/tree/entry.ts';
import { type JudgeInput, judge, type MissingEntry, memberKey } from '../../shared/tree/judge.ts';
import { facts, someDay } from './looks.ts';

const lookOf = (size: number) => facts(size, someDay);

function missing(path: string, more: Partial<MissingEntry> = {}): MissingEntry {
  const directory = path.endsWith('/');
  return {
    path: directory ? path.slice(0, -1) : path,
    kind: directory ? 'directory' : 'file',
    reported: directory ? facts(null, someDay) : lookOf(10),
    shown: true,
    proved: true,
    confirmed: true,
    ...more,
  };
}

function files(count: number): MissingEntry[] {
  return Array.from({ length: count }, (_, index) => missing(`f${index}`));
}

function verdictOn(entries: readonly MissingEntry[], more: Partial<JudgeInput> = {}) {
  const verdict = judge({
    missing: entries,
    appeared: [],
    total: 1_000,
    moves: true,
    maxPercent: 20,
    minCount: 50,
    approved: new Set(),
    rejected: new Set(),
    ...more,
  });
  return { ...verdict, deletions: [...verdict.deletions].toSorted(), held: verdict.held.toSorted() };
}

suite('deletions', () => {
  test('go once they are proved and confirmed', () => {
    const entries = [
      missing('gone'),
      missing('unconfirmed', { confirmed: false }),
      missing('unproved', { proved: false }),
    ];
    assert.deepEqual(verdictOn(entries).deletions, ['gone']);
  });

  test('a file and a directory of one path are two', () => {
    assert.equal(memberKey(missing('x')), 'x');
    assert.equal(memberKey(missing('x/')), 'x/');
    assert.deepEqual(verdictOn([missing('x', { confirmed: false }), missing('x/')]).deletions, ['x/']);
  });

  test('what consumers do not know goes too, and counts for nothing', () => {
    const verdict = verdictOn([missing('x/', { reported: null }), missing('x/f', { reported: null })], {
      minCount: 1,
    });
    assert.deepEqual([verdict.deletions, verdict.percent], [['x/', 'x/f'], 0]);
  });
});

suite('mass deletions', () => {
  const limits: readonly [string, number, number, number, boolean][] = [
    ['49 of 100 are below minCount', 49, 100, 20, false],
    ['50 of 100', 50, 100, 20, true],
    ['50 of 250 are exactly 20 %', 50, 250, 20, false],
    ['50 of 249 are more', 50, 249, 20, true],
    ['70 of 1,000 are exactly 7 %', 70, 1_000, 7, false],
    ['71 of 1,000 are more', 71, 1_000, 7, true],
    ['all of them with 100 %', 100, 100, 100, false],
    ['any from minCount on with 0 %', 50, 1_000_000, 0, true],
  ];
  for (const [name, count, total, maxPercent, areHeld] of limits) {
    test(`${name}: ${areHeld ? 'held' : 'gone'}`, () => {
      const verdict = verdictOn(files(count), { total, maxPercent });
      assert.equal(verdict.held.length, areHeld ? count : 0);
      assert.equal(verdict.deletions.length, areHeld ? 0 : count);
    });
  }

  test('every whole percentage is exact', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 30 }), (percent, hundreds) => {
        const entries = files(percent * hundreds);
        const input = { total: hundreds * 100, maxPercent: percent, minCount: 1 };
        assert.deepEqual(verdictOn(entries, input).held, []);
        assert.equal(verdictOn([...entries, missing('more')], input).held.length, entries.length + 1);
      }),
      { numRuns: 40 },
    );
  });

  test('unproved ones count, and nothing of the set goes: part of it must not slip below the limit', () => {
    const entries = files(60).map((entry, index) => ({ ...entry, proved: index < 10 }));
    const verdict = verdictOn(entries, { total: 100 });
    assert.deepEqual([verdict.held.length, verdict.deletions, verdict.unproved.length], [60, [], 50]);
  });

  test('unconfirmed and moved ones do not count', () => {
    const entries = [
      ...files(49),
      missing('unconfirmed', { confirmed: false }),
      missing('moved', { reported: lookOf(11) }),
    ];
    const verdict = verdictOn(entries, { total: 51, appeared: [{ path: 'to', facts: lookOf(11) }] });
    assert.deepEqual([verdict.held, verdict.deletions.length, verdict.moves.length], [[], 49, 1]);
  });

  test('a tree whose consumers know nothing has nothing to hold', () => {
    assert.deepEqual(verdictOn([missing('x/', { reported: null })], { total: 0, minCount: 0 }).held, []);
  });
});

suite('approval and rejection', () => {
  const small = { minCount: 2, maxPercent: 0 };

  test('approved ones go, new ones are judged by themselves', () => {
    const approved = new Set(['f0', 'f1', 'f2']);
    const few = verdictOn(files(4), { ...small, approved });
    assert.deepEqual([few.deletions, few.held], [['f0', 'f1', 'f2', 'f3'], []]);
    const many = verdictOn(files(5), { ...small, approved });
    assert.deepEqual(
      [many.deletions, many.held],
      [
        ['f0', 'f1', 'f2'],
        ['f3', 'f4'],
      ],
    );
  });

  test('an approved one that is not proved absent now stays', () => {
    const entries = [missing('a', { proved: false }), missing('b')];
    assert.deepEqual(verdictOn(entries, { approved: new Set(['a', 'b']) }).deletions, ['b']);
  });

  test('rejected ones stay without a word, and are forgotten once they are back', () => {
    const verdict = verdictOn(files(3), { ...small, rejected: new Set(['f0', 'f1', 'back']) });
    assert.deepEqual([verdict.deletions, verdict.held, verdict.rejected], [['f2'], [], ['f0', 'f1']]);
  });

  test('a rejected one stays rejected while it cannot be proved absent', () => {
    const verdict = verdictOn([missing('a', { proved: false })], { rejected: new Set(['a']) });
    assert.deepEqual(verdict.rejected, ['a']);
  });

  test('a rejected one that was moved is explained', () => {
    const verdict = verdictOn([missing('a')], {
      rejected: new Set(['a']),
      appeared: [{ path: 'b', facts: lookOf(10) }],
    });
    assert.deepEqual([verdict.moves.length, verdict.rejected], [1, []]);
  });
});

suite('directories', () => {
  test('go with all that is below them', () => {
    const entries = [missing('d/'), missing('d/e/'), missing('d/e/f')];
    assert.deepEqual(verdictOn(entries).deletions, ['d/', 'd/e/', 'd/e/f']);
  });

  const obstacles: readonly [string, MissingEntry, Partial<JudgeInput>][] = [
    ['unconfirmed', missing('d/e/f', { confirmed: false }), {}],
    ['unproved', missing('d/e/f', { proved: false }), {}],
    ['rejected', missing('d/e/f'), { rejected: new Set(['d/e/f']) }],
    ['held', missing('d/e/f'), { minCount: 1, maxPercent: 0, approved: new Set(['d/', 'd/e/', 'other/']) }],
  ];
  for (const [why, inhabitant, more] of obstacles) {
    test(`stay with all above them while one below stays: ${why}`, () => {
      const entries = [missing('d/'), missing('d/e/'), inhabitant, missing('other/')];
      assert.deepEqual(verdictOn(entries, more).deletions, ['other/']);
    });
  }

  test('an unconfirmed one stays while its files move out at once', () => {
    const entries = [missing('d/', { confirmed: false }), missing('d/f', { confirmed: false })];
    const verdict = verdictOn(entries, { appeared: [{ path: 'new/f', facts: lookOf(10) }] });
    assert.deepEqual(
      verdict.moves.map(({ from, to }) => [from, to]),
      [['d/f', 'new/f']],
    );
    assert.deepEqual(verdict.deletions, []);
  });

  test('a file that was moved out does not keep its directory', () => {
    const verdict = verdictOn([missing('d/'), missing('d/f')], {
      appeared: [{ path: 'new/f', facts: lookOf(10) }],
    });
    assert.deepEqual(verdict.deletions, ['d/']);
  });

  test('never go before what is below them, whatever the rest', () => {
    const anyMissing = fc
      .array(fc.tuple(fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }), fc.nat(5)), {
        maxLength: 8,
      })
      .map((specs) => {
        const entries = new Map<string, MissingEntry>();
        for (const [segments, state] of specs) {
          const standing = { proved: state !== 0, confirmed: state !== 1 };
          segments.forEach((_, index) => {
            const path = segments.slice(0, index + 1).join('/');
            const last = index === segments.length - 1;
            if (!last) entries.set(`${path}/`, entries.get(`${path}/`) ?? missing(`${path}/`));
            else if (!entries.has(`${path}/`)) entries.set(path, missing(path, standing));
          });
        }
        return [...entries.values()];
      });
    fc.assert(
      fc.property(anyMissing, fc.integer({ min: 1, max: 5 }), (entries, minCount) => {
        const verdict = verdictOn(entries, { total: 10, minCount });
        const going = new Set(verdict.deletions);
        for (const entry of entries.filter((one) => one.kind === 'directory' && going.has(memberKey(one)))) {
          for (const below of entries.filter(({ path }) => isBelow(path, entry.path))) {
            assert.ok(going.has(memberKey(below)), `${entry.path}/ goes, ${below.path} stays`);
          }
        }
      }),
    );
  });
});

suite('moves', () => {
  const appeared = [{ path: 'to', facts: lookOf(10) }];

  test('confirm their deletion at once', () => {
    const verdict = verdictOn([missing('from', { confirmed: false })], { appeared });
    assert.deepEqual([verdict.moves.length, verdict.deletions], [1, []]);
  });

  test('need proof that the source is gone, and that consumers knew it', () => {
    assert.deepEqual(verdictOn([missing('from', { proved: false })], { appeared }).moves, []);
    assert.deepEqual(verdictOn([missing('from', { reported: null })], { appeared }).moves, []);
  });

  test('can be switched off', () => {
    const verdict = verdictOn([missing('from')], { appeared, moves: false });
    assert.deepEqual([verdict.moves, verdict.ambiguous, verdict.deletions], [[], [], ['from']]);
  });

  test('are not guessed: look-alikes are deleted, and named as ambiguous', () => {
    const verdict = verdictOn([missing('a'), missing('b')], { appeared });
    assert.deepEqual([verdict.moves, verdict.deletions], [[], ['a', 'b']]);
    assert.deepEqual(
      verdict.ambiguous.map((paths) => paths.toSorted()),
      [['a', 'b', 'to']],
    );
  });
});
