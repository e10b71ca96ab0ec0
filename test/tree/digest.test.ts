import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  byNameThenKind,
  cut,
  digestEntries,
  digestListing,
  digestText,
  rollUp,
} from '../../shared/tree/digest.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { directory, file, someDay } from './looks.ts';

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  name: fc.string({ minLength: 1, maxLength: 3, unit: 'binary' }).filter((name) => !/[/\0]/.test(name)),
  kind: fc.constantFrom('file', 'directory'),
  size: fc.option(fc.integer({ min: 0 })),
  modifiedAt: fc.option(fc.integer()),
  precision: fc.constantFrom('second', 'minute'),
});
const digestOf = (...entries: readonly Entry[]) => digestListing(entries).digest;

function numbered(count: number, prefix = 'invoice-'): Entry[] {
  return Array.from({ length: count }, (_, index) =>
    file(`${prefix}${String(index).padStart(6, '0')}.csv`, index),
  );
}

suite('the digest of a directory', () => {
  test('ignores order', () => {
    const listings = fc
      .uniqueArray(anyEntry, { selector: ({ name, kind }) => `${name}/${kind}` })
      .chain((entries) =>
        fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
      );
    fc.assert(fc.property(listings, ([one, other]) => digestOf(...one) === digestOf(...other)));
  });

  const look = file('a', 10, someDay);
  const others: readonly [string, Entry][] = [
    ['name', { ...look, name: 'b' }],
    ['kind', { ...look, kind: 'directory' }],
    ['size', { ...look, size: 11 }],
    ['an unknown size', { ...look, size: null }],
    ['time', { ...look, modifiedAt: someDay + 1 }],
    ['an unknown time', { ...look, modifiedAt: null }],
    ['precision', { ...look, precision: 'minute' }],
  ];
  for (const [field, other] of others) {
    test(`sees ${field}`, () => assert.notEqual(digestOf(look), digestOf(other)));
  }

  test('is what it ever was, or every stored one would be another', () => {
    const number = fc.oneof(
      fc.constantFrom(0, 9, 10, 99, 999_999_999_999_999, 1e15, Number.MAX_SAFE_INTEGER, 2 ** 60, -1, 1.5),
      fc.maxSafeNat(),
      fc.double({ noNaN: true }),
    );
    const entry = fc
      .tuple(anyEntry, fc.option(number), fc.option(number))
      .map(([any, size, modifiedAt]) => ({ ...any, size, modifiedAt }));
    const written = ({ name, kind, size, modifiedAt, precision }: Entry) =>
      kind === 'directory' ? `\n${name}/` : `\n${name}\0${kind}\0${size}\0${modifiedAt}\0${precision}`;
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        assert.equal(digestEntries(entries), digestText(`1${entries.map(written).join('')}`));
      }),
    );
    const long = numbered(20_000);
    assert.equal(digestEntries(long), digestText(`1${long.map(written).join('')}`));
  });

  test('does not see the time of a directory', () => {
    assert.equal(digestOf(directory('d', 1)), digestOf(directory('d', 2)));
  });

  test('tells names apart that are not UTF-8', () => {
    assert.notEqual(digestOf(file('caf\udce9')), digestOf(file('caf\udce8')));
    assert.notEqual(digestOf(file('caf\udce9')), digestOf(file('caf\ufffd')));
  });

  test('tells line ends in names from several names', () => {
    assert.notEqual(digestOf(directory('a\nb')), digestOf(directory('a'), directory('b')));
    assert.notEqual(digestOf(directory('a'), directory('b')), digestOf(directory('b')));
  });

  test('of nothing is that of no one-entry directory', () => {
    assert.deepEqual(digestListing([]).chunks, []);
    assert.notEqual(digestOf(), digestOf(file('a')));
  });
});

suite('chunks', () => {
  test('hold every entry once and in order', () => {
    for (const count of [0, 1, 1_024, 1_025, 20_000]) {
      const sorted = numbered(count).toSorted(byNameThenKind);
      assert.deepEqual(cut(sorted).flat(), sorted);
      assert.equal(cut(sorted).length > 1, count > 1_024);
    }
  });

  test('are of a useful size, whatever people call their files', () => {
    for (const prefix of ['invoice-', '', '2026-05-20T', 'IMG_']) {
      const sizes = cut(numbered(20_000, prefix)).map((chunk) => chunk.length);
      assert.ok(sizes.length > 10 && Math.max(...sizes) < 8_000, `${prefix}: ${sizes.join()}`);
    }
  });

  test('one more name among 20,000 changes at most three of them', () => {
    const before = numbered(20_000);
    const known = new Set(digestListing(before).chunks.map((chunk) => chunk.digest));
    const names = fc
      .integer({ min: 0, max: 19_999 })
      .map((n) => `invoice-${String(n).padStart(6, '0')}-b.csv`);
    fc.assert(
      fc.property(names, (name) => {
        const after = digestListing([...before, file(name)]).chunks;
        const changed = after.filter((chunk) => !known.has(chunk.digest)).length;
        assert.ok(changed >= 1 && changed <= 3, `${changed} changed`);
      }),
      { numRuns: 15 },
    );
  });

  test('the digest of the directory covers them all', () => {
    const entries = numbered(5_000);
    for (const index of [0, 2_500, 4_999]) {
      const touched = entries.with(index, file(entries[index]?.name ?? '', 999_999));
      assert.notEqual(digestOf(...touched), digestOf(...entries));
    }
  });
});

suite('the digest of a tree', () => {
  const rolled = (...directories: readonly [string, string | null][]) => {
    const tree = rollUp();
    for (const [path, digest] of directories) tree.add(path, digest);
    return tree.digest();
  };

  test('covers paths and digests, and tells the unproved apart', () => {
    const trees = [
      rolled(['', 'd1'], ['a', 'd2']),
      rolled(['', 'd1'], ['b', 'd2']),
      rolled(['', 'd1'], ['a', 'd3']),
      rolled(['', 'd1'], ['a', null]),
      rolled(['', 'd1']),
      rolled(['', 'd2'], ['a', 'd1']),
    ];
    assert.equal(new Set(trees).size, trees.length);
    assert.equal(rolled(['', 'd1'], ['a', 'd2']), trees[0]);
  });

  test('covers the last of very many directories', () => {
    const many = Array.from({ length: 5_000 }, (_, index): [string, string] => [`directory-${index}`, 'd']);
    assert.notEqual(rolled(...many), rolled(...many.with(4_999, ['directory-4999', 'e'])));
    assert.notEqual(rolled(...many), rolled(...many.with(0, ['directory-0', 'e'])));
  });
});
