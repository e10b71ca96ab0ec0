import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { BenchTree } from './trees.ts';

const shape = { files: 2_000, directories: 40 };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'farwatch-trees-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** By path: size and time of every entry. */
function look(root: string): ReadonlyMap<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return new Map(
    names.map((name) => {
      const { size, mtimeMs } = statSync(join(root, name));
      return [name, `${size} ${mtimeMs}`];
    }),
  );
}

it('a tree has the shape that was asked for, and is the same every time', (t) => {
  const first = new BenchTree(shape, folder(t));
  const seen = look(first.root);
  assert.equal(seen.size, first.entries);
  assert.equal([...seen.keys()].filter((name) => name.endsWith('.xml')).length, shape.files);
  assert.deepEqual(look(new BenchTree(shape, folder(t)).root), seen);
});

it('some files change, all over the tree, and a later run finds it as it was', (t) => {
  const keepIn = folder(t);
  const tree = new BenchTree(shape, keepIn);
  const before = look(tree.root);
  const changed = tree.change();
  const after = look(tree.root);
  const different = [...before].filter(([name, seen]) => after.get(name) !== seen);
  assert.equal(different.length, changed);
  assert.ok(changed > 5 && changed < 60, `${changed} of 2,000`);
  const touched = new Set(different.map(([name]) => name.replace(/\/?[^/]*$/, '')));
  assert.ok(touched.size > 4, `in ${touched.size} directories`);
  assert.deepEqual(look(new BenchTree(shape, keepIn).root), before);
});

it('a tree that is not kept is removed', () => {
  const tree = new BenchTree({ files: 3, directories: 0 });
  assert.equal(readdirSync(tree.root).length, 3);
  tree.remove();
  assert.throws(() => readdirSync(join(tree.root, '..')), { code: 'ENOENT' });
});
