import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { blockEntries } from '../../shared/tree/columns.ts';
import { byNameThenKind, digestListing, sorted } from '../../shared/tree/digest.ts';
import {
  EntryCollector,
  type EntryList,
  NameCollector,
  ofKinds,
  PackedEntries,
  sameEntries,
  twinIn,
} from '../../shared/tree/entries.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { nameToBytes } from '../../shared/tree/name.ts';
import { file } from './looks.ts';
import { segments } from './paths.ts';

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  name: segments,
  kind: fc.constantFrom('file', 'directory', 'link', 'other'),
  size: fc.option(fc.maxSafeNat()),
  modifiedAt: fc.option(fc.maxSafeInteger()),
  precision: fc.constantFrom('millisecond', 'second', 'minute', 'day', 'none'),
});

/** Enough to be packed: as many as it takes of those given, with numbers that keep names apart or do not. */
const many = fc
  .record({
    some: fc.array(anyEntry, { minLength: 1, maxLength: 40 }),
    more: fc.integer({ min: 0, max: 50 }),
    prefix: fc.constantFrom('', 'document-', 'długi-', '\udcff'),
    apart: fc.boolean(),
  })
  .map(({ some, more, prefix, apart }): readonly Entry[] =>
    Array.from({ length: blockEntries + more }, (_, index) => {
      const entry = some[index % some.length] ?? file('none');
      const place = Math.imul(index, 0x9e3779b1) >>> 12;
      return { ...entry, name: `${prefix}${apart ? place : ''}${entry.name}` };
    }),
  );

function collected(entries: Iterable<Entry>): EntryList {
  const collector = new EntryCollector();
  for (const entry of entries) collector.add(entry);
  return collector.done();
}

/** As from a server: names are bytes in the middle of others. */
function collectedByNames(entries: readonly Entry[], expected: number): EntryList {
  const collector = new NameCollector();
  for (const { name, ...facts } of entries) {
    const bytes = nameToBytes(name);
    const packet = Buffer.concat([Buffer.from('ł/'), bytes, Buffer.from('\xff', 'latin1')]);
    collector.add(packet, { start: 3, end: 3 + bytes.length, ...facts }, expected);
  }
  assert.equal(collector.length, entries.length);
  return collector.done();
}

function packed(entries: Iterable<Entry>): PackedEntries {
  const list = collected(entries);
  assert.ok(list instanceof PackedEntries);
  return list;
}

/** Where a list is as an array has it, it fails as one too. */
function each(check: (entries: readonly Entry[]) => void): void {
  fc.assert(fc.property(many, check), { numRuns: 25 });
}

suite('many entries', () => {
  test('are what was added, one by one and altogether', () => {
    each((entries) => {
      const list = packed(entries);
      assert.equal(list.length, entries.length);
      assert.deepEqual([...list], entries);
      assert.deepEqual(list.at(0), entries[0]);
      assert.deepEqual(list.at(entries.length - 1), entries.at(-1));
      assert.equal(list.at(entries.length), undefined);
      assert.equal(list.at(-1), undefined);
    });
  });

  test('are sorted, filtered and cut as an array is', () => {
    each((entries) => {
      const list = packed(entries);
      const inOrder = entries.toSorted(byNameThenKind);
      const isLarge = ({ size }: Entry) => (size ?? 0) > 1_000;
      assert.deepEqual([...sorted(list)], [...inOrder]);
      assert.deepEqual([...list.filter(isLarge)], entries.filter(isLarge));
      assert.deepEqual([...sorted(list.filter(isLarge))], inOrder.filter(isLarge));
      assert.deepEqual([...list.slice(7, 99)], entries.slice(7, 99));
      assert.deepEqual([...sorted(list).slice(4_000)], inOrder.slice(4_000));
      assert.deepEqual(list.find(isLarge), entries.find(isLarge));
      assert.deepEqual([...ofKinds(list, 'file', 'link')], [...ofKinds(entries, 'file', 'link')]);
    });
  });

  test('have the digests that an array has, the whole and its chunks', () => {
    each((entries) => {
      const unique = [...new Map(entries.map((entry) => [`${entry.name}/${entry.kind}`, entry])).values()];
      const one = digestListing(collected(unique));
      const other = digestListing(unique);
      assert.equal(one.digest, other.digest);
      assert.deepEqual(
        one.chunks.map((chunk) => ({ ...chunk, entries: [...chunk.entries] })),
        other.chunks.map((chunk) => ({ ...chunk, entries: [...chunk.entries] })),
      );
    });
  });

  test('are the same as others when each entry is', () => {
    fc.assert(
      fc.property(many, fc.nat(), anyEntry, (entries, at, other) => {
        const index = at % entries.length;
        const changed = entries.with(index, { ...other, name: `${entries[index]?.name ?? ''}!` });
        for (const list of [entries, packed(entries)]) {
          assert.ok(sameEntries(list, packed(entries)));
          assert.ok(!sameEntries(list, packed(changed)));
          assert.ok(!sameEntries(packed(changed), list));
          assert.ok(!sameEntries(list, packed(entries).slice(1)));
        }
      }),
      { numRuns: 20 },
    );
  });

  test('know their twins', () => {
    each((entries) => {
      const inOrder = entries.toSorted(byNameThenKind);
      assert.deepEqual(twinIn(sorted(packed(entries))), twinIn(inOrder));
      const names = new Set(entries.map(({ name }) => name));
      assert.equal(twinIn(inOrder) === undefined, names.size === entries.length);
    });
  });

  test('may be added to after a look at them', () => {
    const collector = new EntryCollector();
    for (let index = 0; index < blockEntries + 1; index += 1) collector.add(file(`f${index}`));
    const list = collector.done();
    collector.add(file('late'));
    assert.equal([...list].length, blockEntries + 1);
    assert.equal(list.length, blockEntries + 1);
  });

  test('have names as long as a server likes', () => {
    const long = `ł${'x'.repeat(200_000)}`;
    const entries = Array.from({ length: blockEntries }, (_, index) =>
      file(index === 5 ? long : `f${index}`),
    );
    assert.equal(packed(entries).at(5)?.name, long);
  });
});

test('names that come as bytes make the same columns, few and many', () => {
  const few = fc.array(anyEntry, { maxLength: 70 }).map((all) => all.map((entry) => ({ ...entry })));
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: few }, many), fc.nat({ max: 200 }), (entries, expected) => {
      const list = collectedByNames(entries, expected);
      assert.equal(list.length, entries.length);
      assert.deepEqual([...list], entries);
      const inOrder = entries.toSorted(byNameThenKind);
      assert.deepEqual([...sorted(list)], inOrder);
      assert.deepEqual(twinIn(sorted(list)), twinIn(inOrder));
      assert.deepEqual([...ofKinds(sorted(list), 'directory')], [...ofKinds(inOrder, 'directory')]);
      const unique = [...new Map(entries.map((entry) => [`${entry.name}/${entry.kind}`, entry])).values()];
      const [one, other] = [digestListing(collectedByNames(unique, expected)), digestListing(unique)];
      assert.equal(one.digest, other.digest);
      assert.deepEqual(
        one.chunks.map(({ digest, entries: own }) => [digest, [...own]]),
        other.chunks.map(({ digest, entries: own }) => [digest, [...own]]),
      );
    }),
  );
});

test('few entries stay an array', () => {
  const entries = Array.from({ length: blockEntries - 1 }, (_, index) => file(`f${index}`));
  assert.deepEqual(collected(entries), entries);
});
