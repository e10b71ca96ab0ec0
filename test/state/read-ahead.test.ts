import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { pathKey } from '../../shared/state/path-key.ts';
import { ReadAhead } from '../../shared/state/read-ahead.ts';
import type { DirectoryRecord } from '../../shared/state/state.ts';
import { comparePaths } from '../../shared/tree/plan.ts';
import { listed } from './samples.ts';

/** Directories in memory, in the order of their keys, with what was read of them. */
class Store {
  readonly generations: Map<string, number>;
  readonly pages: number[] = [];
  singles = 0;

  constructor(paths: readonly string[]) {
    this.generations = new Map(paths.toSorted(comparePaths).map((path) => [path, 1]));
  }

  get records(): number {
    return this.pages.reduce((sum, read) => sum + read, this.singles);
  }

  reader(subtrees: readonly string[]): ReadAhead {
    const endOf = (path: string) =>
      path === '' ? Buffer.of(0xff) : Buffer.concat([pathKey(path), Buffer.of(1)]);
    return new ReadAhead(
      {
        keyOf: pathKey,
        endOf,
        page: async (from, to, limit) => {
          const within = [...this.generations.keys()].filter(
            (path) => Buffer.compare(from, pathKey(path)) <= 0 && Buffer.compare(pathKey(path), to) <= 0,
          );
          const read = within.slice(0, limit);
          this.pages.push(read.length);
          const last = read.length < limit ? undefined : read.at(-1);
          return {
            records: read.flatMap((path) => this.#record(path) ?? []),
            last: last === undefined ? undefined : pathKey(last),
          };
        },
        one: async (path) => {
          this.singles += 1;
          return this.#record(path);
        },
        smallestPage: 4,
        largestPage: 32,
        mostAhead: 1_000,
      },
      { subtrees },
    );
  }

  #record(path: string): DirectoryRecord | undefined {
    const generation = this.generations.get(path);
    const { record } = listed(path, 0);
    return generation === undefined || record === null ? undefined : { path, generation, ...record };
  }
}

const wide = Array.from({ length: 300 }, (_, index) => `d${String(index).padStart(3, '0')}`);
const deep = ['a', 'b', 'c', 'd'].flatMap((top) => [
  top,
  ...Array.from({ length: 100 }, (_, index) => `${top}/${index}`),
]);

async function readAll(reader: ReadAhead, paths: readonly string[]): Promise<void> {
  for (const path of paths) assert.equal((await reader.record(path))?.path, path);
}

describe('reading ahead', () => {
  it('gives every record as it was since the first question, and asked again as it is, in any order', async () => {
    const names = fc.constantFrom('', 'a', 'a/b', 'a/b/c', 'a/d', 'b', 'b/a', 'c', 'c/a', 'c/b', 'gone');
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(names), fc.array(names), fc.array(names), async (there, own, asked) => {
        const store = new Store(there);
        const reader = store.reader(own);
        const seen = new Set<string>();
        for (const path of asked) {
          const generation = (await reader.record(path))?.generation;
          const now = store.generations.get(path);
          if (seen.has(path)) assert.equal(generation, now);
          else assert.ok(generation === now || generation === 1);
          seen.add(path);
          if (now !== undefined) store.generations.set(path, now + 1);
        }
      }),
    );
  });

  it('reads each record about once, in ever larger pages', async () => {
    const store = new Store(['', ...wide]);
    await readAll(store.reader(['']), ['', ...wide]);
    assert.equal(store.records, 301);
    assert.deepEqual(store.pages.slice(0, 5), [4, 8, 16, 32, 32]);
  });

  it('reads on across many small subtrees', async () => {
    const store = new Store(wide);
    const own = wide.slice(100, 200);
    await readAll(store.reader(own), own);
    assert.ok(store.pages.length < 10, `${store.pages.length} pages`);
    assert.ok(store.records <= own.length + 32, `${store.records} records`);
  });

  it('keeps to large subtrees, and leaves those of others between them alone', async () => {
    const store = new Store(deep);
    const own = ['a', 'c'];
    await readAll(
      store.reader(own),
      [...store.generations.keys()].filter((path) => /^[ac]/.test(path)),
    );
    assert.equal(store.records, 202);
  });

  it('keeps to the smallest pages where most of what lies between is of others', async () => {
    const store = new Store(wide);
    const own = wide.filter((_, index) => index % 3 === 0);
    await readAll(store.reader(own), own);
    assert.ok(
      store.pages.slice(5).every((records) => records <= 4),
      String(store.pages),
    );
    assert.ok(store.pages.length < own.length, `${store.pages.length} pages for ${own.length}`);
  });
});
