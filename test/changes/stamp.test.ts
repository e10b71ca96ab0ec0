import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  absolutePath,
  type DraftChange,
  type StampContext,
  stampChanges,
} from '../../shared/changes/stamp.ts';

const context: StampContext = {
  tenant: 'acme',
  server: 'partner-a',
  watch: 'incoming',
  root: '/incoming',
  epoch: 1_795_000_000,
  scan: 42,
  phase: 1,
};
const modifiedAt = Date.parse('2026-11-21T01:20:00.500Z');
const now = Date.parse('2026-11-21T01:25:03.120Z');

function draft(path: string, more: Partial<DraftChange> = {}): DraftChange {
  const look = { size: 1_024, modifiedAt, precision: 'second' as const };
  return { type: 'created', kind: 'file', path, old: null, new: look, ...more };
}

function stamped(drafts: readonly DraftChange[], more: Partial<StampContext> = {}, generation = 1) {
  return stampChanges(drafts, { ...context, ...more }, generation, now);
}

const only = (one: DraftChange, more: Partial<StampContext> = {}, generation = 1) => {
  const [change] = stamped([one], more, generation);
  assert.ok(change);
  return change;
};

suite('the stamped change', () => {
  test('is the one of the contract', () => {
    const { id, sequence, ...rest } = only(draft('a.csv'));
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.match(sequence, /^[0-9-]+$/);
    assert.deepEqual(rest, {
      version: 1,
      type: 'created',
      kind: 'file',
      tenant: 'acme',
      server: 'partner-a',
      watch: 'incoming',
      path: '/incoming/a.csv',
      old: null,
      new: { size: 1_024, modifiedAt: '2026-11-21T01:20:00Z', precision: 'second' },
      scan: 42,
      detectedAt: '2026-11-21T01:25:03.120Z',
    });
  });

  test('of a directory has no size; of what has no time no time', () => {
    const directory = { type: 'deleted', kind: 'directory', new: null } as const;
    assert.deepEqual(
      only(draft('d', { ...directory, old: { size: 4_096, modifiedAt, precision: 'second' } })).old,
      {
        modifiedAt: '2026-11-21T01:20:00Z',
        precision: 'second',
      },
    );
    const timeless = { size: 7, modifiedAt: null, precision: 'none' } as const;
    assert.deepEqual(only(draft('f', { new: timeless })).new, { size: 7 });
  });

  test('of a move says from where and why', () => {
    const move = { from: 'old/caf\udce9', confidence: 'high', evidence: ['size', 'modifiedAt'] } as const;
    const change = only(draft('new/a', { type: 'moved', move }));
    assert.deepEqual(
      [change.from, change.fromBytes, change.confidence, change.evidence],
      [
        '/incoming/old/caf\ufffd',
        Buffer.from('/incoming/old/caf\xe9', 'latin1').toString('base64'),
        'high',
        ['size', 'modifiedAt'],
      ],
    );
  });

  test('keeps the bytes of a name that is not UTF-8, and only of such', () => {
    const change = only(draft('caf\udce9/☕'));
    assert.equal(change.path, '/incoming/caf\ufffd/☕');
    const bytes = Buffer.concat([Buffer.from('/incoming/caf\xe9', 'latin1'), Buffer.from('/☕')]);
    assert.equal(change.pathBytes, bytes.toString('base64'));
    assert.equal('pathBytes' in only(draft('café')), false);
    assert.ok(only(draft('a'), { root: '/caf\udce9' }).pathBytes, 'the root counts too');
  });

  test('joins paths to any root', () => {
    assert.equal(absolutePath('/', 'a/b'), '/a/b');
    assert.equal(absolutePath('/r', 'a/b'), '/r/a/b');
    assert.equal(absolutePath('/r', ''), '/r');
    assert.equal(absolutePath('/', ''), '/');
  });
});

suite('the sequence', () => {
  type Place = readonly [epoch: number, scan: number, phase: 1 | 2, generation: number, index: number];
  const anyPlace: fc.Arbitrary<Place> = fc.tuple(
    fc.integer({ min: 1, max: 4_000_000_000 }),
    fc.integer({ min: 1, max: 999_999_999 }),
    fc.constantFrom(1, 2),
    fc.integer({ min: 1, max: 999_999_999 }),
    fc.integer({ min: 0, max: 12 }),
  );
  const sequenceAt = ([epoch, scan, phase, generation, index]: Place) => {
    const drafts = Array.from({ length: index + 1 }, () => draft('a'));
    return stamped(drafts, { epoch, scan, phase }, generation).at(-1)?.sequence ?? '';
  };
  const compare = (a: Place, b: Place) => {
    for (const [index, value] of a.entries()) {
      const other = b[index] ?? 0;
      if (value !== other) return value < other ? -1 : 1;
    }
    return 0;
  };

  test('has a fixed width and the order of epoch, scan, phase, generation and index', () => {
    // Places that share their beginnings, so that every part comes to decide.
    const anyTwo = fc
      .tuple(anyPlace, anyPlace, fc.nat(5))
      .map(([a, b, shared]): [Place, Place] => [
        a,
        [
          shared > 0 ? a[0] : b[0],
          shared > 1 ? a[1] : b[1],
          shared > 2 ? a[2] : b[2],
          shared > 3 ? a[3] : b[3],
          shared > 4 ? a[4] : b[4],
        ],
      ]);
    fc.assert(
      fc.property(anyTwo, ([a, b]) => {
        const [one, other] = [sequenceAt(a), sequenceAt(b)];
        assert.equal(one.length, other.length);
        assert.equal(one < other ? -1 : one > other ? 1 : 0, compare(a, b));
      }),
    );
  });
});

suite('the id', () => {
  test('is the same for the same change, whenever it is stamped', () => {
    assert.equal(only(draft('a')).id, stampChanges([draft('a')], context, 1, now + 60_000)[0]?.id);
  });

  const others: readonly [string, string][] = [
    ['path', only(draft('b')).id],
    ['index', stamped([draft('a'), draft('a')])[1]?.id ?? ''],
    ['generation', only(draft('a'), {}, 2).id],
    ['phase', only(draft('a'), { phase: 2 }).id],
    ['scan', only(draft('a'), { scan: 43 }).id],
    ['epoch', only(draft('a'), { epoch: context.epoch + 1 }).id],
    ['watch', only(draft('a'), { watch: 'outgoing' }).id],
    ['tenant', only(draft('a'), { tenant: 'umbrella' }).id],
  ];
  for (const [part, id] of others) {
    test(`is another one for another ${part}`, () => assert.notEqual(id, only(draft('a')).id));
  }

  test('tells paths of one sequence apart that are not UTF-8', () => {
    const ids = ['caf\udce8/f', 'caf\udce9/f', 'caf\ufffd/f'].map((path) => only(draft(path)));
    assert.equal(new Set(ids.map(({ sequence }) => sequence)).size, 1);
    assert.equal(new Set(ids.map(({ id }) => id)).size, 3);
  });
});
