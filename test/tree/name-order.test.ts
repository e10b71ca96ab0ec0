import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Names, sortByName } from '../../shared/tree/name-order.ts';

/** Few letters, so that many names begin alike or are the same; some longer than all keys together. */
const letters = fc.constantFrom('a', 'b', '\0', 'ÿ', 'ł', 'x'.repeat(6), 'same beginning '.repeat(5));
const name = fc.array(letters, { maxLength: 6 }).map((parts) => parts.join(''));

function namesOf(list: readonly string[]): Names {
  const isNarrow = list.every((each) => !/[^\0-\xff]/.test(each));
  const unitBits = isNarrow ? 8 : 16;
  return {
    unitBits,
    keyAt(place, skipped, count) {
      let key = 0;
      for (let unit = skipped; unit < skipped + count; unit += 1) {
        key =
          key * 2 ** unitBits +
          (unit < (list[place] ?? '').length ? (list[place] ?? '').charCodeAt(unit) : 0);
      }
      return key;
    },
    compare(a, b) {
      const [one = '', other = ''] = [list[a], list[b]];
      return one === other ? 0 : one < other ? -1 : 1;
    },
  };
}

function sortedNames(list: readonly string[]): {
  readonly places: readonly number[];
  readonly distinct: boolean;
} {
  const places = Uint32Array.from(list.keys());
  const distinct = sortByName(places, namesOf(list), 0);
  return { places: [...places], distinct };
}

test('names are sorted as comparing them would sort them, equal ones in the order they had', () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 300 }), (list) => {
      const expected = [...list.keys()].sort((a, b) => namesOf(list).compare(a, b) || a - b);
      const { places, distinct } = sortedNames(list);
      assert.deepEqual(places, expected);
      if (distinct) assert.equal(new Set(list).size, list.length);
    }),
    { numRuns: 300 },
  );
});

test('many names that differ at their ends alone, and many that do not differ', () => {
  const list = Array.from({ length: 9_000 }, (_, index) => `${'deep '.repeat(20)}${(index * 7919) % 9_000}`);
  const { places } = sortedNames([...list, ...list]);
  const names = places.map((place) => [...list, ...list][place]);
  assert.deepEqual(names, [...list, ...list].sort());
});
