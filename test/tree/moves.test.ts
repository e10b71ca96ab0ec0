import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Facts, Precision } from '../../shared/tree/entry.ts';
import { type MoveCandidate, matchMoves } from '../../shared/tree/moves.ts';
import { facts, someDay } from './looks.ts';

const at = (path: string, look: Facts): MoveCandidate => ({ path, facts: look });
const pairs = (sources: readonly MoveCandidate[], targets: readonly MoveCandidate[]) =>
  matchMoves(sources, targets).moves.map(({ from, to }) => `${from} -> ${to}`);

const look = facts(10, someDay);

suite('what is a move', () => {
  test('the same size and time, once on each side', () => {
    assert.deepEqual(matchMoves([at('a/x', look)], [at('b/x', look)]), {
      moves: [{ from: 'a/x', to: 'b/x', confidence: 'high', evidence: ['size', 'modifiedAt', 'name'] }],
      ambiguous: [],
    });
  });

  test('another name is less evidence', () => {
    assert.deepEqual(matchMoves([at('a/x', look)], [at('a/y', look)]).moves[0]?.evidence, [
      'size',
      'modifiedAt',
    ]);
  });

  test('a minute that fits is medium confidence', () => {
    const minute = facts(10, someDay, 'minute');
    assert.equal(matchMoves([at('a', minute)], [at('b', minute)]).moves[0]?.confidence, 'medium');
    assert.equal(
      matchMoves([at('a', facts(10, someDay + 5_000))], [at('b', minute)]).moves[0]?.confidence,
      'medium',
    );
  });
});

suite('what is none', () => {
  const others: readonly [string, Facts][] = [
    ['another size', facts(11, someDay)],
    ['another second', facts(10, someDay + 1_000)],
    ['a minute that does not hold the second', facts(10, someDay + 60_000, 'minute')],
    ['no size', facts(null, someDay)],
    ['no time', facts(10, null, 'none')],
  ];
  for (const [name, other] of others) {
    test(name, () =>
      assert.deepEqual(matchMoves([at('a', look)], [at('b', other)]), { moves: [], ambiguous: [] }),
    );
  }

  test('no size or no time on both sides', () => {
    for (const vague of [facts(null, someDay), facts(10, null, 'none'), facts(null, null, 'none')]) {
      assert.deepEqual(matchMoves([at('a', vague)], [at('b', vague)]), { moves: [], ambiguous: [] });
    }
  });

  const crowds: readonly [string, readonly string[], readonly string[]][] = [
    ['two sources', ['a1', 'a2'], ['b']],
    ['two targets', ['a'], ['b1', 'b2']],
    ['two of each', ['a1', 'a2'], ['b1', 'b2']],
  ];
  for (const [name, sources, targets] of crowds) {
    test(`${name}: ambiguous, all of them`, () => {
      const matched = matchMoves(
        sources.map((path) => at(path, look)),
        targets.map((path) => at(path, look)),
      );
      assert.deepEqual(matched.moves, []);
      assert.deepEqual(
        matched.ambiguous.map((paths) => paths.toSorted()),
        [[...sources, ...targets]],
      );
    });
  }

  test('look-alikes on one side only are not ambiguous', () => {
    assert.deepEqual(matchMoves([at('a1', look), at('a2', look)], []), { moves: [], ambiguous: [] });
  });
});

suite('mixed precision', () => {
  test('a coarse time that fits several finer ones is ambiguous', () => {
    const minute = facts(10, someDay, 'minute');
    assert.deepEqual(pairs([at('a1', look), at('a2', facts(10, someDay + 30_000))], [at('b', minute)]), []);
    assert.deepEqual(pairs([at('a1', look), at('a2', minute)], [at('b', look)]), []);
  });

  test('a coarse time elsewhere does not hinder', () => {
    const sources = [at('a1', look), at('a2', facts(10, someDay + 600_000, 'minute'))];
    assert.deepEqual(pairs(sources, [at('b', look)]), ['a1 -> b']);
  });

  test('days begin where the server is, not in Greenwich', () => {
    const day = facts(10, Date.parse('2025-01-09T23:00:00Z'), 'day'); // 10 January in Berlin
    const tenth = facts(10, Date.parse('2025-01-10T10:00:00Z'), 'minute');
    const ninth = facts(10, Date.parse('2025-01-09T10:00:00Z'), 'minute');
    assert.deepEqual(pairs([at('a', tenth)], [at('b', day)]), ['a -> b']);
    assert.deepEqual(pairs([at('a', ninth)], [at('b', day)]), []);
  });

  test('times before 1970 are times too', () => {
    assert.deepEqual(pairs([at('a', facts(10, -5_000))], [at('b', facts(10, -5_000))]), ['a -> b']);
  });
});

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  size: fc.option(fc.integer({ min: 0, max: 3 })),
  modifiedAt: fc.option(fc.integer({ min: 0, max: 200 }).map((step) => someDay + step * 1_000)),
  precision: fc.constantFrom<Precision>('second', 'second', 'minute'),
});
const anyCandidates = fc.uniqueArray(
  fc.record({ path: fc.integer({ min: 0, max: 50 }).map(String), facts: anyFacts }),
  { selector: ({ path }) => path },
);
const anySides = fc.tuple(anyCandidates, anyCandidates).map(([sources, targets]) => ({
  sources: sources.map(({ path, facts: shown }) => at(`from/${path}`, shown)),
  targets: targets.map(({ path, facts: shown }) => at(`to/${path}`, shown)),
}));

suite('properties', () => {
  test('the order of the candidates decides nothing', () => {
    fc.assert(
      fc.property(anySides, ({ sources, targets }) => {
        const reversed = matchMoves(sources.toReversed(), targets.toReversed());
        assert.deepEqual(reversed, matchMoves(sources, targets));
      }),
    );
  });

  test('each path is used at most once, and every move has exactly one candidate on each side', () => {
    const fits = (a: Facts, b: Facts) => {
      if (a.size === null || a.size !== b.size || a.modifiedAt === null || b.modifiedAt === null)
        return false;
      const [aEnd, bEnd] = [a, b].map(({ precision }) => (precision === 'minute' ? 60_000 : 1_000));
      return a.modifiedAt < b.modifiedAt + (bEnd ?? 0) && b.modifiedAt < a.modifiedAt + (aEnd ?? 0);
    };
    fc.assert(
      fc.property(anySides, ({ sources, targets }) => {
        const { moves, ambiguous } = matchMoves(sources, targets);
        const used = [...moves.flatMap(({ from, to }) => [from, to]), ...ambiguous.flat()];
        assert.equal(new Set(used).size, used.length);
        for (const { from, to } of moves) {
          const source = sources.find(({ path }) => path === from)?.facts ?? facts(null, null);
          const target = targets.find(({ path }) => path === to)?.facts ?? facts(null, null);
          assert.ok(fits(source, target));
          assert.deepEqual(
            sources.filter((other) => fits(other.facts, target)).map(({ path }) => path),
            [from],
          );
          assert.deepEqual(
            targets.filter((other) => fits(source, other.facts)).map(({ path }) => path),
            [to],
          );
        }
      }),
    );
  });
});
