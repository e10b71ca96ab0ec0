import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, isHeld, isPending, type SnapshotEntry, settled } from '../../shared/tree/snapshot.ts';
import { facts, file, someDay } from './looks.ts';

const known = settled(file('a', 1), 'file');
const missing: SnapshotEntry = { ...known, seen: null, since: 1_000, misses: 1 };
const created: SnapshotEntry = { ...known, reported: null, since: 1_000 };
const modified: SnapshotEntry = { ...known, seen: facts(2, someDay), since: 1_000 };

test('a settled entry is known to consumers as it was seen, and carries nothing else', () => {
  assert.deepEqual(known, {
    name: 'a',
    kind: 'file',
    seen: facts(1, someDay),
    reported: facts(1, someDay),
    since: 0,
    misses: 0,
  });
  assert.deepEqual(factsOf(file('a', 1)), facts(1, someDay));
});

test('everything unresolved is pending; what waits for the end of the scan is held', () => {
  const states = [known, missing, created, modified].map((entry) => [isPending(entry), isHeld(entry)]);
  assert.deepEqual(states, [
    [false, false],
    [true, true],
    [true, true],
    [true, false],
  ]);
});
