import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { SelectionRules } from '../../shared/tree/selection.ts';
import { Bench, day, minute, sound } from '../chaos/bench.ts';
import { everything } from './watched.ts';

/**
 * Protocol rule 12 where the first listing under new rules is cut off: the directory's record stays under the former rules,
 * so that what only the new ones admit follows `initial` until a complete listing has shown all of it.
 */
const csv = including('*.csv');
const lists = including('*.csv', '*.txt');
const files = { ...everything, kinds: ['file'] as const };

function including(...patterns: readonly string[]): SelectionRules {
  return { ...everything, include: patterns.map((pattern) => ({ type: 'glob', pattern })) };
}

/** A tree in the listing of whose root some names are left out at will; names of files end in `.csv`, `.txt` or `.log`. */
class Tree {
  readonly bench: Bench;

  private constructor(bench: Bench) {
    this.bench = bench;
  }

  static async open(
    t: TestContext,
    selection: SelectionRules,
    watch: Partial<WatchConfig> = {},
  ): Promise<Tree> {
    const tree = new Tree(await Bench.open(t, { initial: 'baseline', selection, ...watch }));
    for (const name of ['a.csv', 'a.txt', 'b.txt']) tree.put(name, name.length);
    return tree;
  }

  put(path: string, size: number | null): void {
    this.bench.world.put(path, size);
  }

  remove(path: string): void {
    this.bench.world.remove(path);
  }

  rules(selection: SelectionRules): void {
    this.bench.watch = { ...this.bench.watch, selection };
  }

  async complete(): Promise<readonly string[]> {
    return (await this.bench.scan()).told;
  }

  async partial(...shown: readonly string[]): Promise<readonly string[]> {
    const names = this.bench.world.children('').map(([name]) => name);
    const keep = names.reduce((bits, name, place) => bits | (shown.includes(name) ? 1 << place : 0), 0);
    return (await this.bench.scan({ ...sound, flaw: 'truncated', keep })).told;
  }

  /** Everything ever told of the path. */
  async log(path: string): Promise<readonly string[]> {
    const log = await this.bench.log();
    return log.filter((change) => change.path === `/root/${path}`).map(({ type }) => type);
  }
}

suite('a partial listing under wider rules, `initial: baseline`', () => {
  test('makes no creation of what it did not show', async (t) => {
    const tree = await Tree.open(t, csv);
    await tree.complete();
    tree.rules(everything);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), []);
    assert.deepEqual(await tree.partial(), []);
    assert.deepEqual(await tree.complete(), []);
    tree.put('b.txt', 100);
    tree.put('c.txt', 1);
    assert.deepEqual(await tree.complete(), ['modified b.txt', 'created c.txt']);
  });

  test('takes in what it shows: from then on, its changes are told', async (t) => {
    const tree = await Tree.open(t, csv);
    await tree.complete();
    tree.rules(everything);
    await tree.partial('a.txt', 'b.txt');
    tree.put('a.txt', 100);
    assert.deepEqual(await tree.partial('a.txt'), ['modified a.txt']);
    tree.remove('b.txt');
    assert.deepEqual(await tree.partial('a.csv'), []);
    assert.deepEqual(await tree.complete(), ['deleted b.txt']);
  });

  test('leaves what both rules admit to be created, shown or not, once', async (t) => {
    const tree = await Tree.open(t, csv);
    await tree.complete();
    tree.rules(everything);
    tree.put('b.csv', 1);
    tree.put('c.csv', 2);
    assert.deepEqual(await tree.partial('b.csv', 'b.txt'), ['created b.csv']);
    assert.deepEqual(await tree.complete(), ['created c.csv']);
    assert.deepEqual(await tree.complete(), []);
  });

  test('files that wait to settle or to be moved are told once', async (t) => {
    const tree = await Tree.open(t, csv, { settleMs: 3 * minute });
    await tree.complete();
    tree.rules(everything);
    tree.put('b.csv', 1);
    assert.deepEqual(await tree.partial('b.csv', 'b.txt'), []);
    tree.put('b.txt', 100);
    tree.bench.world.clock += 3 * minute;
    assert.deepEqual(await tree.partial('b.csv', 'b.txt'), ['created b.csv']);
    tree.bench.world.clock += 3 * minute;
    assert.deepEqual(await tree.partial('a.csv', 'b.txt'), ['modified b.txt']);
    assert.deepEqual(await tree.complete(), []);
  });

  test('a wider limit of size is like any other rule', async (t) => {
    const tree = await Tree.open(t, { ...everything, maxFileSize: 10 });
    tree.put('large.csv', 1_000);
    await tree.complete();
    tree.rules(everything);
    await tree.partial('a.csv', 'a.txt');
    tree.put('small.csv', 2);
    assert.deepEqual(await tree.partial('a.csv', 'small.csv'), ['created small.csv']);
    assert.deepEqual(await tree.complete(), []);
    tree.put('large.csv', 1_001);
    assert.deepEqual(await tree.complete(), ['modified large.csv']);
  });

  test('a file that another kind has replaced is deleted, though the former rules did not admit it', async (t) => {
    const tree = await Tree.open(t, csv);
    await tree.complete();
    tree.rules(everything);
    await tree.partial('a.txt', 'b.txt');
    tree.remove('a.txt');
    tree.put('a.txt', null);
    assert.deepEqual(await tree.partial('a.txt'), ['deleted a.txt']);
    assert.deepEqual(await tree.complete(), []);
  });
});

for (const initial of ['baseline', 'emit'] as const) {
  test(`what a partial listing takes in is deleted with its directory, \`initial: ${initial}\``, async (t) => {
    const tree = await Tree.open(t, including('**/*.csv'), { initial });
    tree.put('d/a.csv', 1);
    tree.put('d/a.txt', 2);
    await tree.complete();
    tree.rules(files);
    const { told: created } = await tree.bench.scan(sound, { ...sound, flaw: 'truncated', keep: 255 });
    assert.equal(created.includes('created d/a.txt'), initial === 'emit');
    tree.remove('d');
    assert.deepEqual(await tree.complete(), ['deleted d/a.csv', 'deleted d/a.txt']);
  });
}

suite('rules that change again before a complete listing', () => {
  test('and back: nothing was forgotten, and nothing is told twice', async (t) => {
    const tree = await Tree.open(t, everything);
    await tree.complete();
    tree.rules(csv);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), []);
    tree.put('a.csv', 100);
    tree.put('a.txt', 101);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), ['modified a.csv']);
    tree.put('c.log', 1);
    tree.rules(everything);
    assert.deepEqual(await tree.complete(), ['modified a.txt', 'created c.log']);
  });

  test('and back: what only the rules in between admitted is forgotten, and silent when they return', async (t) => {
    const tree = await Tree.open(t, csv);
    await tree.complete();
    for (const between of ['complete', 'partial'] as const) {
      tree.rules(everything);
      assert.deepEqual(await tree.partial('a.txt'), []);
      tree.rules(csv);
      tree.put('a.txt', between.length);
      assert.deepEqual(await tree[between](), []);
    }
    assert.deepEqual(await tree.complete(), []);
    tree.rules(everything);
    assert.deepEqual(await tree.complete(), []);
  });

  test('to a third set: what was shown is known, the rest follows `initial`', async (t) => {
    const tree = await Tree.open(t, csv);
    tree.put('a.log', 5);
    await tree.complete();
    tree.rules(lists);
    await tree.partial('a.txt', 'a.log');
    tree.put('a.txt', 100);
    tree.put('b.csv', 1);
    tree.rules(everything);
    assert.deepEqual(await tree.complete(), ['modified a.txt', 'created b.csv']);
    assert.deepEqual(await tree.complete(), []);
  });

  test('what left the scope under a partial listing is gone with the next complete one', async (t) => {
    const tree = await Tree.open(t, everything);
    await tree.complete();
    tree.rules(csv);
    await tree.partial('a.csv');
    assert.deepEqual(await tree.complete(), []);
    tree.remove('b.txt');
    tree.rules(everything);
    assert.deepEqual(await tree.complete(), [], 'forgotten');
  });

  test('a missing file is judged by complete listings under rules that admit it', async (t) => {
    const deletes = { confirm: 2, maxPercent: 100, minCount: 50 };
    const tree = await Tree.open(t, everything, { deletes });
    await tree.complete();
    tree.remove('b.txt');
    assert.deepEqual(await tree.complete(), []);
    tree.rules(csv);
    assert.deepEqual(await tree.partial('a.csv'), []);
    tree.rules(lists);
    assert.deepEqual(await tree.partial('a.csv'), []);
    assert.deepEqual(await tree.complete(), ['deleted b.txt']);
  });
});

suite('a partial listing under wider rules, `initial: emit`', () => {
  const emit = { initial: 'emit' } as const;

  test('each file is created once, shown or not', async (t) => {
    const tree = await Tree.open(t, csv, emit);
    assert.deepEqual(await tree.complete(), ['created a.csv']);
    tree.rules(everything);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), ['created a.txt']);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), []);
    assert.deepEqual(await tree.complete(), ['created b.txt']);
    assert.deepEqual(await tree.complete(), []);
  });

  test('one that waits to settle is created once, and a partial listing does not make it wait anew', async (t) => {
    const tree = await Tree.open(t, csv, { ...emit, settleMs: 3 * minute });
    await tree.complete();
    tree.rules(everything);
    for (let scan = 0; scan < 3; scan += 1) await tree.partial('a.txt');
    assert.deepEqual(await tree.log('a.txt'), []);
    await tree.partial('a.txt');
    assert.deepEqual(await tree.log('a.txt'), ['created']);
    tree.bench.world.clock += 3 * minute;
    await tree.complete();
    tree.bench.world.clock += 3 * minute;
    await tree.complete();
    assert.deepEqual(await tree.log('a.txt'), ['created']);
    assert.deepEqual(await tree.log('b.txt'), ['created']);
  });

  test('one that may have been moved here is created at the end of the partial scan', async (t) => {
    const tree = await Tree.open(t, csv, emit);
    await tree.complete();
    tree.rules(everything);
    tree.bench.world.put('old.txt', 5, tree.bench.world.clock - 40 * day);
    assert.deepEqual(await tree.partial('old.txt'), ['created old.txt']);
    assert.deepEqual(await tree.complete(), ['created a.txt', 'created b.txt']);
  });

  test('a wider limit of size is like any other rule', async (t) => {
    const tree = await Tree.open(t, { ...everything, maxFileSize: 10 }, emit);
    tree.put('large.csv', 1_000);
    await tree.complete();
    tree.rules(everything);
    assert.deepEqual(await tree.partial('a.csv'), []);
    assert.deepEqual(await tree.complete(), ['created large.csv']);
  });

  test('rules that come back find what they knew', async (t) => {
    const tree = await Tree.open(t, everything, emit);
    await tree.complete();
    tree.rules(csv);
    assert.deepEqual(await tree.partial('a.csv', 'a.txt'), []);
    tree.put('a.txt', 100);
    tree.rules(everything);
    assert.deepEqual(await tree.complete(), ['modified a.txt']);
  });

  test('a directory is created once, at the end of the scan if its listing did not show it', async (t) => {
    const tree = await Tree.open(t, files, emit);
    for (const path of ['d/f', 'e/f']) tree.put(path, 1);
    await tree.complete();
    tree.rules(everything);
    tree.put('n/f', 1);
    const created = ['created d', 'created n', 'created n/f', 'created e'];
    assert.deepEqual(await tree.partial('a.csv', 'd', 'n'), created);
    assert.deepEqual(await tree.partial('d', 'n'), []);
    assert.deepEqual(await tree.complete(), []);
    tree.remove('d');
    assert.deepEqual(await tree.complete(), ['deleted d/f', 'deleted d']);
  });
});

for (const initial of ['baseline', 'emit'] as const) {
  suite(`a directory that a partial listing finds under rules of files alone, \`initial: ${initial}\``, () => {
    async function found(t: TestContext): Promise<Tree> {
      const tree = await Tree.open(t, everything, { initial });
      await tree.complete();
      tree.rules(files);
      tree.put('n/f', 1);
      assert.deepEqual(await tree.partial('n'), ['created n/f']);
      assert.deepEqual(await tree.partial('n'), []);
      return tree;
    }

    test('is created when the former rules return', async (t) => {
      const tree = await found(t);
      tree.rules(everything);
      assert.deepEqual(await tree.partial('n'), ['created n']);
      assert.deepEqual(await tree.complete(), []);
    });

    test('is never, if they do not', async (t) => {
      const tree = await found(t);
      assert.deepEqual(await tree.complete(), []);
      tree.remove('n');
      assert.deepEqual(await tree.complete(), ['deleted n/f']);
    });

    test('is no way in where the rules in between closed it, and one when they are gone', async (t) => {
      const tree = await Tree.open(t, everything, { initial });
      await tree.complete();
      tree.rules({ ...everything, exclude: [{ type: 'glob', pattern: 'n/**' }] });
      tree.put('n/f', 1);
      assert.deepEqual(await tree.partial('n'), ['created n']);
      tree.rules(everything);
      assert.deepEqual(await tree.complete(), ['created n/f']);
    });
  });
}
