import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { nameFromBytes } from '../shared/tree/name.ts';
import { buildTree, hostileTree, randomEdits } from './tree-builder.ts';

const now = Date.UTC(2026, 5, 1);
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'farwatch-tree-'));
  folders.push(path);
  return path;
}

interface Seen {
  readonly kind: 'file' | 'directory' | 'link';
  readonly inode: number;
  readonly size: number;
  readonly modifiedMs: number;
}

function walk(root: string, directory = Buffer.alloc(0), seen = new Map<string, Seen>()): Map<string, Seen> {
  const at = (path: Buffer) => Buffer.concat([Buffer.from(`${root}/`), path]);
  for (const name of readdirSync(at(directory), { encoding: 'buffer' })) {
    const path = directory.length === 0 ? name : Buffer.concat([directory, Buffer.from('/'), name]);
    const stats = lstatSync(at(path));
    const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
    seen.set(nameFromBytes(path), { kind, inode: stats.ino, size: stats.size, modifiedMs: stats.mtimeMs });
    if (kind === 'directory') walk(root, path, seen);
  }
  return seen;
}

function facts(seen: ReadonlyMap<string, Seen>): readonly string[] {
  return [...seen]
    .map(
      ([path, { kind, size, modifiedMs }]) => `${path} ${kind} ${kind === 'file' ? size : 0} ${modifiedMs}`,
    )
    .toSorted((a, b) => (a < b ? -1 : 1));
}

/** What changed between two walks, told by the inodes: independent of how the edits were made. */
function observed(before: ReadonlyMap<string, Seen>, now: ReadonlyMap<string, Seen>): readonly string[] {
  const gone = new Map(
    [...before].filter(([path]) => !now.has(path)).map(([path, seen]) => [seen.inode, path]),
  );
  const lines: string[] = [];
  const movedFrom = new Set<string>();
  for (const [path, seen] of now) {
    const old = before.get(path);
    if (old === undefined) {
      const from = seen.kind === 'file' ? gone.get(seen.inode) : undefined;
      const moved = from !== undefined && before.get(from)?.modifiedMs === seen.modifiedMs;
      if (moved) movedFrom.add(from);
      lines.push(moved ? `moved file ${from} ${path}` : `created ${seen.kind} ${path}`);
    } else if (seen.kind === 'file' && (old.size !== seen.size || old.modifiedMs !== seen.modifiedMs)) {
      assert.notEqual(old.size, seen.size, path);
      assert.ok(Math.abs(old.modifiedMs - seen.modifiedMs) >= 86_400_000, path);
      lines.push(`modified file ${path}`);
    }
  }
  for (const [path, { kind }] of before) {
    if (!now.has(path) && !movedFrom.has(path)) lines.push(`deleted ${kind} ${path}`);
  }
  return lines.sort();
}

describe('buildTree', () => {
  it('builds the same tree from the same seed, and another from another', () => {
    const [one, two, other] = [folder(), folder(), folder()];
    buildTree(one, { files: 500, directories: 40, seed: 1, now });
    buildTree(two, { files: 500, directories: 40, seed: 1, now });
    buildTree(other, { files: 500, directories: 40, seed: 2, now });
    assert.deepEqual(facts(walk(one)), facts(walk(two)));
    assert.notDeepEqual(facts(walk(one)), facts(walk(other)));
  });

  it('builds as many as asked, with unique sizes and old times in whole seconds', () => {
    const root = folder();
    const built = buildTree(root, { files: 1_000, directories: 60, seed: 3, now });
    const seen = walk(root);
    const files = [...seen.values()].filter(({ kind }) => kind === 'file');
    assert.equal(files.length, 1_000);
    assert.equal(seen.size, 1_060);
    assert.deepEqual([...built.files, ...built.directories].sort(), [...seen.keys()].sort());
    assert.equal(new Set(files.map(({ size }) => size)).size, 1_000);
    for (const { modifiedMs } of seen.values()) {
      assert.equal(modifiedMs % 1_000, 0);
      assert.ok(modifiedMs <= now - 30 * 86_400_000);
    }
  });
});

describe('randomEdits', () => {
  it('returns exactly what it did, call after call', () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const root = folder();
      buildTree(root, { files: 400, directories: 50, seed, now });
      for (const round of [seed, seed + 1_000]) {
        const before = walk(root);
        const edits = randomEdits(root, { seed: round, count: 40, now });
        const said = edits.map((edit) =>
          [edit.type, edit.kind, ...('from' in edit ? [edit.from] : []), edit.path].join(' '),
        );
        assert.deepEqual([...said].sort(), observed(before, walk(root)), `seed ${round}`);
      }
    }
  });

  it('shows every kind of edit from seven operations on', () => {
    const root = folder();
    buildTree(root, { files: 400, directories: 50, seed: 9, now });
    const kinds = new Set(
      randomEdits(root, { seed: 9, count: 7, now }).map(({ type, kind }) => `${type} ${kind}`),
    );
    const all = [
      'created directory',
      'created file',
      'deleted directory',
      'deleted file',
      'modified file',
      'moved file',
    ];
    assert.deepEqual([...kinds].sort(), all);
  });

  it('never leaves two files of one size, so that every move is unique', () => {
    const root = folder();
    buildTree(root, { files: 300, directories: 20, seed: 5, now });
    randomEdits(root, { seed: 6, count: 100, now });
    const sizes = [...walk(root).values()].flatMap(({ kind, size }) => (kind === 'file' ? [size] : []));
    assert.equal(new Set(sizes).size, sizes.length);
  });

  it('repeats itself', () => {
    const [one, two] = [folder(), folder()];
    for (const root of [one, two]) buildTree(root, { files: 200, directories: 20, seed: 1, now });
    assert.deepEqual(
      randomEdits(one, { seed: 2, count: 30, now }),
      randomEdits(two, { seed: 2, count: 30, now }),
    );
  });
});

describe('hostileTree', () => {
  it('says exactly what is on the disk', () => {
    const root = folder();
    const tree = hostileTree(root);
    tree.unlock();
    const seen = walk(root);
    assert.deepEqual(
      [...tree.entries.map(({ path }) => path), 'locked/secret'].sort(),
      [...seen.keys()].sort(),
    );
    for (const { path, kind, size, modifiedSeconds } of tree.entries) {
      const there = seen.get(path);
      assert.equal(there?.kind, kind, path);
      if (kind === 'file')
        assert.deepEqual([there?.size, there?.modifiedMs], [size, (modifiedSeconds ?? 0) * 1_000], path);
    }
  });
});
