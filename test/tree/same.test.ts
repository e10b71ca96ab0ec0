import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Facts, Precision } from '../../shared/tree/entry.ts';
import type { Profile } from '../../shared/tree/listing.ts';
import { comparison } from '../../shared/tree/same.ts';
import { baseline, facts, file, look, sftp, told } from './looks.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const profile = (command: Profile['command'], zone = 'UTC', offsetMinutes = 0): Profile => ({
  command,
  zone,
  offsetMinutes,
});
const mlsd = profile('mlsd');
const list = profile('list');

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  size: fc.option(fc.integer({ min: 0, max: 3 })),
  modifiedAt: fc.integer({ min: 0, max: 2_000_000_000_000 }),
  precision: fc.constantFrom<Precision>('millisecond', 'second', 'minute', 'day'),
});

suite('one profile', () => {
  const reconcile = comparison(sftp, sftp);

  test('a look agrees with itself and adds nothing', () => {
    fc.assert(fc.property(anyFacts, (look) => reconcile(look, { ...look }) === look));
  });

  const minute = at('2026-05-20T10:00:00');
  const day = at('2026-05-20T00:00:00');
  const cases: readonly [string, Facts, Facts, boolean][] = [
    ['same precision, a second later', facts(1, minute), facts(1, minute + 1_000), false],
    ['first second of the minute', facts(1, minute), facts(1, minute, 'minute'), true],
    ['last second of the minute', facts(1, minute + 59_000), facts(1, minute, 'minute'), true],
    ['first second after the minute', facts(1, minute + 60_000), facts(1, minute, 'minute'), false],
    ['last second before the minute', facts(1, minute - 1_000), facts(1, minute, 'minute'), false],
    ['last minute of the day', facts(1, day + 86_340_000, 'minute'), facts(1, day, 'day'), true],
    ['first minute of the next day', facts(1, day + 86_400_000, 'minute'), facts(1, day, 'day'), false],
    ['another size', facts(1, minute), facts(2, minute), false],
    ['no size on one side', facts(1, minute), facts(null, minute), true],
    ['no time on one side', facts(1, minute), facts(1, null, 'none'), true],
    ['no time, another size', facts(1, minute), facts(2, null, 'none'), false],
  ];
  for (const [name, before, after, agree] of cases) {
    test(`${name}: ${agree ? 'the same' : 'modified'}, both ways`, () => {
      assert.equal(reconcile(before, after) !== null, agree);
      assert.equal(reconcile(after, before) !== null, agree);
    });
  }

  test('the finer time and the known size are kept', () => {
    const fine = facts(1, minute + 5_000);
    assert.equal(reconcile(fine, facts(1, minute, 'minute')), fine);
    assert.equal(reconcile(fine, facts(null, null, 'none')), fine);
    assert.deepEqual(reconcile(facts(1, minute, 'minute'), fine), fine);
    assert.deepEqual(reconcile(facts(1, null, 'none'), facts(null, minute)), facts(1, minute));
    assert.deepEqual(reconcile(facts(null, minute, 'minute'), facts(7, minute, 'minute')), {
      ...facts(7, minute, 'minute'),
    });
  });

  test('a shift by an hour is a modification', () => {
    const berlin = profile('list', 'Europe/Berlin', 60);
    assert.equal(comparison(berlin, berlin)(facts(1, minute), facts(1, minute + 3_600_000)), null);
  });
});

suite('MLSD against LIST', () => {
  const exact = facts(1, at('2026-05-20T10:34:56'));

  test('the minute of the second agrees, another minute does not', () => {
    const reconcile = comparison(mlsd, list);
    assert.equal(reconcile(exact, facts(1, at('2026-05-20T10:34:00'), 'minute')), exact);
    assert.equal(reconcile(exact, facts(1, at('2026-05-20T10:35:00'), 'minute')), null);
  });

  test('a zone read wrongly shifts by quarter hours, and the finer time moves along', () => {
    const shown = facts(1, at('2026-05-20T16:19:00'), 'minute'); // Asia/Kathmandu, +5:45
    const kept = comparison(mlsd, list)(exact, shown);
    assert.deepEqual(kept, facts(1, at('2026-05-20T16:19:56')));
    assert.notEqual(comparison(list, list)(kept ?? exact, shown), null, 'the next listing agrees as well');
  });

  test('no zone is more than 14 hours off', () => {
    assert.notEqual(comparison(mlsd, list)(exact, facts(1, at('2026-05-21T00:34:00'), 'minute')), null);
    assert.equal(comparison(mlsd, list)(exact, facts(1, at('2026-05-21T00:49:00'), 'minute')), null);
  });

  test('a day agrees as it is or not at all', () => {
    assert.equal(comparison(mlsd, list)(exact, facts(1, at('2026-05-20T00:00:00'), 'day')), exact);
    assert.equal(comparison(mlsd, list)(exact, facts(1, at('2026-05-21T00:00:00'), 'day')), null);
  });
});

suite('a corrected zone', () => {
  const berlin = profile('list', 'Europe/Berlin', 60);
  const cases: readonly [string, string, string][] = [
    ['winter', '2026-01-15T12:00:00', '2026-01-15T11:00:00'],
    ['summer', '2026-07-15T12:00:00', '2026-07-15T10:00:00'],
    ['an hour before clocks go forward', '2026-03-29T01:30:00', '2026-03-29T00:30:00'],
    ['just after clocks went forward', '2026-03-29T03:30:00', '2026-03-29T01:30:00'],
    ['just after clocks went back', '2026-10-25T03:30:00', '2026-10-25T02:30:00'],
  ];
  for (const [season, asUtc, asBerlin] of cases) {
    test(`${season}: the same wall-clock time is no change, in either direction`, () => {
      const [before, after] = [facts(1, at(asUtc), 'minute'), facts(1, at(asBerlin), 'minute')];
      assert.deepEqual(comparison(list, berlin)(before, after), after);
      assert.deepEqual(comparison(berlin, list)(after, before), before);
      assert.equal(comparison(list, berlin)(before, facts(1, at(asBerlin) + 60_000, 'minute')), null);
    });
  }

  test('a finer time is read in the new zone too, so that the next listing agrees', () => {
    const day = facts(1, at('2025-01-09T23:00:00'), 'day'); // 10 January in Berlin
    const kept = comparison(list, berlin)(facts(1, at('2025-01-10T23:30:00'), 'minute'), day);
    assert.deepEqual(kept, facts(1, at('2025-01-10T22:30:00'), 'minute'));
    assert.equal(comparison(berlin, berlin)(kept ?? day, day), kept);
  });
});

suite('a DST switch', () => {
  const winter = profile('list', 'Europe/Berlin', 60);
  const summer = profile('list', 'Europe/Berlin', 120);
  const before = facts(1, at('2026-02-01T10:00:00'), 'minute');

  test('a shift by exactly the change of the offset is no change', () => {
    const shifted = facts(1, at('2026-02-01T11:00:00'), 'minute');
    assert.deepEqual(comparison(winter, summer)(before, shifted), shifted);
    assert.deepEqual(comparison(summer, winter)(shifted, before), before);
  });

  test('any other shift is one, and so is that one when the offset has not changed', () => {
    assert.equal(comparison(winter, summer)(before, facts(1, at('2026-02-01T11:01:00'), 'minute')), null);
    assert.equal(comparison(winter, summer)(before, facts(1, at('2026-02-01T12:00:00'), 'minute')), null);
    assert.equal(comparison(winter, winter)(before, facts(1, at('2026-02-01T11:00:00'), 'minute')), null);
    assert.equal(comparison(winter, summer)(before, facts(2, at('2026-02-01T11:00:00'), 'minute')), null);
  });

  test('not every switch is one of an hour', () => {
    const [standard, daylight] = [630, 660].map((offset) => profile('list', 'Australia/Lord_Howe', offset));
    assert.ok(standard && daylight);
    const reconcile = comparison(standard, daylight);
    assert.notEqual(reconcile(before, facts(1, at('2026-02-01T10:30:00'), 'minute')), null);
    assert.equal(reconcile(before, facts(1, at('2026-02-01T11:00:00'), 'minute')), null);
  });

  test('the snapshot takes the new time silently', () => {
    const [hour, noon] = [3_600_000, at('2026-02-01T12:00:00')];
    const reconcile = comparison(winter, summer);
    const outcome = look(baseline(file('a', 1, noon)), [file('a', 1, noon + hour)], { reconcile });
    assert.deepEqual([told(outcome), outcome.rewritten], [[], true]);
    assert.equal(outcome.entries[0]?.reported?.modifiedAt, noon + hour);
  });
});
