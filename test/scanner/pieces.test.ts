import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { diff } from '../../shared/tree/diff.ts';
import { byNameThenKind, digestListing } from '../../shared/tree/digest.ts';
import { EntryCollector, type EntryList } from '../../shared/tree/entries.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { comparison } from '../../shared/tree/same.ts';
import type { SnapshotEntry } from '../../shared/tree/snapshot.ts';
import { directory, file, link, plainPolicy } from '../tree/looks.ts';
import { complete, mlsd, partial, Watched } from './watched.ts';

const count = 5_000;
const nameOf = (index: number) => `document-${String(index).padStart(4, '0')}`;

/** What one look shows: the tree as it was, but for a run of names, and single ones all over. */
interface Look {
  readonly whole: boolean;
  readonly packed: boolean;
  /** Names from the first to the second are gone. */
  readonly gap: readonly [number, number];
  readonly edits: readonly (readonly [number, 'gone' | 'back' | 'larger' | 'directory' | 'link' | 'file'])[];
}

const look: fc.Arbitrary<Look> = fc.record({
  whole: fc.boolean(),
  packed: fc.boolean(),
  gap: fc.oneof(
    { weight: 3, arbitrary: fc.constant([0, 0] as const) },
    { weight: 1, arbitrary: fc.constant([0, count] as const) },
    { weight: 2, arbitrary: fc.tuple(fc.nat(count), fc.nat(count)) },
  ),
  edits: fc.array(
    fc.tuple(
      // Now and then the very names at which chunks begin.
      fc.oneof(fc.nat(count - 1), fc.constantFrom(...borders())),
      fc.constantFrom('gone', 'back', 'larger', 'directory', 'link', 'file'),
    ),
    { maxLength: 60 },
  ),
});

function everyFile(): Entry[] {
  return Array.from({ length: count }, (_, index) => file(nameOf(index), index));
}

function borders(): readonly number[] {
  return digestListing(everyFile()).chunks.map(({ entries }) => entries.at(0)?.size ?? 0);
}

function edited(before: Entry | undefined, index: number, edit: Look['edits'][number][1]): Entry | undefined {
  const name = nameOf(index);
  if (edit === 'gone') return undefined;
  if (edit === 'back') return before ?? file(name, index);
  if (edit === 'larger') return file(name, (before?.size ?? 0) + 1);
  return { directory, link, file }[edit](name);
}

function listed(entries: readonly Entry[], packed: boolean): EntryList {
  if (!packed) return entries;
  const collector = new EntryCollector();
  for (const entry of entries) collector.add(entry);
  return collector.done();
}

/** What happens at one name stays in its order. */
const byPath = ([a = '']: readonly string[], [b = '']: readonly string[]) => (a < b ? -1 : a > b ? 1 : 0);
const byName = (entries: readonly SnapshotEntry[]) => entries.toSorted(byNameThenKind);

suite('a large directory compared in pieces', () => {
  test('comes to what a comparison of the whole comes to', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(look, { minLength: 1, maxLength: 6 }), async (looks) => {
        const watched = await Watched.open(t);
        await watched.scan(complete('', everyFile()));
        let known: readonly SnapshotEntry[] = (await watched.chunks('')).flatMap(({ entries }) => entries);
        const tree = new Map(everyFile().map((entry, index) => [index, entry]));
        for (const { whole, packed, gap, edits } of looks) {
          for (const [index, edit] of edits) {
            const entry = edited(tree.get(index), index, edit);
            if (entry === undefined) tree.delete(index);
            else tree.set(index, entry);
          }
          const shown = [...tree].flatMap(([index, entry]) =>
            index >= gap[0] && index < gap[1] ? [] : [entry],
          );
          const listing = (whole ? complete : partial)('', listed(shown, packed));
          await watched.begin();
          const commit = await watched.take(listing);
          const expected = diff({
            known,
            listed: shown,
            complete: whole,
            now: watched.now,
            reconcile: comparison(mlsd, mlsd),
            policy: plainPolicy,
          });
          known = byName(expected.entries);
          const stored = (await watched.chunks('')).flatMap(({ entries }) => entries);
          assert.deepEqual(byName(stored), known);
          assert.deepEqual(
            (commit?.changes ?? []).map(({ type, kind, path }) => [path, kind, type]).toSorted(byPath),
            expected.changes
              .map(({ type, kind, name }) => [`/incoming/${name}`, kind, type])
              .toSorted(byPath),
          );
          const record = await watched.record('');
          assert.equal(record.reported, known.filter(({ reported }) => reported !== null).length);
          assert.equal(
            record.held,
            known.some(({ seen }) => seen === null),
          );
          await watched.beginReassembly();
          await watched.close();
          // The next look at the same finds nothing to do, however the chunks lie.
          if (whole) {
            await watched.begin();
            const again = await watched.compare(listing);
            const misses = known.some((entry) => entry.seen === null && entry.misses < 2);
            if (!misses) assert.deepEqual(again?.putChunks ?? [], []);
            await watched.beginReassembly();
            await watched.close();
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
