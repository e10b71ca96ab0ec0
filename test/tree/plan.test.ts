import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isBelow, joinPath, parentPath } from '../../shared/tree/entry.ts';
import {
  comparePaths,
  covers,
  type DirectoryCost,
  planTasks,
  splitFrontier,
  type TaskScope,
} from '../../shared/tree/plan.ts';
import { paths } from './paths.ts';

/** A tree by the parent of each directory: small numbers make it deep, large ones wide. */
const trees: fc.Arbitrary<readonly DirectoryCost[]> = fc
  .array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 150 })
  .map((nodes) => {
    const tree: DirectoryCost[] = [{ path: '', cost: 1 }];
    for (const [back, cost] of nodes) {
      const parent = tree[Math.max(0, tree.length - 1 - back)];
      tree.push({ path: joinPath(parent?.path ?? '', `d${tree.length}`), cost });
    }
    return tree;
  });
const partCounts = fc.integer({ min: 1, max: 12 });

function ownersOf(scopes: readonly TaskScope[], path: string): number {
  return scopes.filter((scope) => covers(scope, path)).length;
}

function loadsOf(scopes: readonly TaskScope[], tree: readonly DirectoryCost[]): readonly number[] {
  return scopes.map((scope) =>
    tree.reduce((sum, { path, cost }) => (covers(scope, path) ? sum + cost : sum), 0),
  );
}

/** What a scanner does: goes down from the subtrees, and turns back at the excepts. */
function walk(scope: TaskScope, tree: readonly DirectoryCost[]): readonly string[] {
  const children = Map.groupBy(
    tree.filter(({ path }) => path !== ''),
    ({ path }) => parentPath(path),
  );
  const visited = [...scope.subtrees];
  for (const directory of visited) {
    for (const { path } of children.get(directory) ?? [])
      if (!scope.except.includes(path)) visited.push(path);
  }
  return visited;
}

/** On each level, as many directories in every directory of the level above. */
function evenTree(widths: readonly number[]): readonly DirectoryCost[] {
  const tree: DirectoryCost[] = [{ path: '', cost: 1 }];
  let level = [''];
  for (const width of widths) {
    level = level.flatMap((parent) => Array.from({ length: width }, (_, n) => joinPath(parent, `d${n}`)));
    for (const path of level) tree.push({ path, cost: 1 });
  }
  return tree;
}

function growing(tree: readonly DirectoryCost[]): readonly DirectoryCost[] {
  return tree.map(({ path }, i) => ({ path, cost: 1 + i / 100 }));
}

describe('comparePaths', () => {
  it('orders like lists of segments', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [a.split('/'), b.split('/')];
        const at = left.findIndex((segment, i) => segment !== right[i]);
        const [l, r] = [left[at], right[at]];
        const expected = at === -1 ? left.length - right.length : r === undefined || (l ?? '') > r ? 1 : -1;
        assert.equal(Math.sign(comparePaths(a, b)), Math.sign(expected));
      }),
    );
  });

  it('keeps a subtree together, its top first', () => {
    const sorted = ['a', 'a/b', 'a/b/c', 'a!', 'a-b', 'a.d', 'a0', 'b'];
    assert.deepEqual(sorted.toReversed().sort(comparePaths), sorted);
    fc.assert(
      fc.property(fc.uniqueArray(paths, { maxLength: 30 }), paths, (some, top) => {
        const inside = [...some, top].sort(comparePaths).map((path) => path === top || isBelow(path, top));
        assert.deepEqual(
          inside.slice(inside.indexOf(true), inside.lastIndexOf(true) + 1).includes(false),
          false,
        );
      }),
    );
  });
});

describe('covers', () => {
  it('lets the deepest marker decide', () => {
    const scope: TaskScope = { subtrees: ['', 'a/b/c'], except: ['a/b'] };
    const covered = ['', 'a', 'a/bc', 'a/b', 'a/b/x', 'a/b/c', 'a/b/c/d'].filter((path) =>
      covers(scope, path),
    );
    assert.deepEqual(covered, ['', 'a', 'a/bc', 'a/b/c', 'a/b/c/d']);
    assert.equal(covers({ subtrees: ['a'], except: [] }, ''), false);
    assert.equal(covers({ subtrees: ['a'], except: [] }, 'ab'), false);
  });
});

describe('a plan', () => {
  it('covers every path exactly once, those of no known directory too', () => {
    fc.assert(
      fc.property(trees, partCounts, paths, (tree, parts, name) => {
        const scopes = planTasks(tree, parts);
        for (const { path } of tree) {
          assert.equal(ownersOf(scopes, path), 1);
          assert.equal(ownersOf(scopes, joinPath(path, name)), 1);
        }
      }),
    );
  });

  it('is walked as it says: each task visits what it covers, once', () => {
    fc.assert(
      fc.property(trees, partCounts, (tree, parts) => {
        for (const scope of planTasks(tree, parts)) {
          const covered = tree.filter(({ path }) => covers(scope, path)).map(({ path }) => path);
          assert.deepEqual(walk(scope, tree).toSorted(), covered.toSorted());
        }
      }),
    );
  });

  it('has no more tasks than asked for, none of them empty, the root in the first', () => {
    fc.assert(
      fc.property(trees, partCounts, (tree, parts) => {
        const scopes = planTasks(tree, parts);
        assert.ok(scopes.length >= 1 && scopes.length <= parts);
        assert.ok(scopes[0]?.subtrees.includes(''));
        assert.ok(loadsOf(scopes, tree).every((load) => load > 0));
      }),
    );
  });

  it('is balanced', () => {
    fc.assert(
      fc.property(trees, partCounts, (tree, parts) => {
        const loads = loadsOf(planTasks(tree, parts), tree);
        const total = tree.reduce((sum, { cost }) => sum + cost, 0);
        // Directories are never cut, so one of cost 9 may be too much at the end.
        assert.ok(Math.max(...loads) <= (total / parts) * 1.1 + 9, `${loads.join()} of ${total}`);
      }),
    );
  });

  const shapes: readonly (readonly [
    what: string,
    tree: readonly DirectoryCost[],
    parts: number,
    factor: number,
  ])[] = [
    ['70 x 70 directories', evenTree([70, 70]), 4, 1.1],
    ['70 x 70 directories among 16', evenTree([70, 70]), 16, 1.15],
    ['9 levels of 2', evenTree(Array<number>(9).fill(2)), 8, 1.15],
    [
      'a chain',
      Array.from({ length: 300 }, (_, i) => ({ path: 'd/'.repeat(i).slice(0, -1), cost: 1 })),
      6,
      1.15,
    ],
    ['150 side by side', evenTree([150]), 4, 1.15],
    ['3 x 150 directories, too many to cut one by one', evenTree([3, 150]), 2, 1.1],
    ['300 x 3 directories of growing cost as far as 200 markers go', growing(evenTree([300, 3])), 8, 2],
    ['one deep below the rest', [...evenTree([3, 3, 3]), { path: 'd0/d0/x/y/z', cost: 40 }], 2, 1.15],
  ];
  for (const [what, tree, parts, factor] of shapes) {
    it(`balances ${what}`, () => {
      const scopes = planTasks(tree, parts);
      const loads = loadsOf(scopes, tree);
      const total = tree.reduce((sum, { cost }) => sum + cost, 0);
      for (const { path } of tree) assert.equal(ownersOf(scopes, path), 1, path);
      for (const { subtrees, except } of scopes) assert.ok(subtrees.length + except.length <= 200);
      assert.equal(loads.length, parts);
      assert.ok(Math.max(...loads) <= (total / parts) * factor, loads.join());
    });
  }

  it('is the same whatever the order of the directories, and covers those that nobody named', () => {
    fc.assert(
      fc.property(trees, partCounts, (tree, parts) => {
        assert.deepEqual(planTasks(tree.toReversed(), parts), planTasks(tree, parts));
        const leaves = tree.filter(({ path }) => !tree.some((other) => isBelow(other.path, path)));
        const scopes = planTasks(leaves, parts);
        for (const { path } of tree) assert.equal(ownersOf(scopes, path), 1);
      }),
    );
  });

  it('keeps its lists short for 100,000 directories side by side, which stay together', () => {
    const flat = evenTree([100_000]);
    assert.deepEqual(planTasks(flat, 8), [{ subtrees: [''], except: [] }]);
    const uneven = flat.map(({ path }, i) => ({ path, cost: i % 500 === 0 ? 5_000 : 1 }));
    for (const tree of [uneven, evenTree([300, 300])]) {
      const scopes = planTasks(tree, 8);
      assert.equal(scopes.length, 8);
      for (const { subtrees, except } of scopes) assert.ok(subtrees.length + except.length <= 200);
    }
  });

  it('is the whole tree where there is nothing to divide', () => {
    const whole = [{ subtrees: [''], except: [] }];
    assert.deepEqual(planTasks([], 8), whole);
    assert.deepEqual(planTasks([{ path: '', cost: 1_000 }], 8), whole);
    assert.deepEqual(planTasks(evenTree([5, 5]), 1), whole);
    assert.deepEqual(
      planTasks(
        evenTree([5, 5]).map(({ path }) => ({ path, cost: 0 })),
        4,
      ),
      whole,
    );
  });
});

describe('a split frontier', () => {
  const subsets = fc.infiniteStream(fc.nat(9));

  /** What is left of a task in mid-walk: some of what it has met, each standing for all below. */
  function frontierOf(
    scope: TaskScope,
    tree: readonly DirectoryCost[],
    chosen: Iterator<number>,
  ): readonly string[] {
    const left: string[] = [];
    const pending = [...scope.subtrees];
    for (const path of pending) {
      if (chosen.next().value < 3) left.push(path);
      else {
        const next = tree.filter((other) => other.path !== '' && parentPath(other.path) === path);
        pending.push(...next.map((other) => other.path).filter((child) => !scope.except.includes(child)));
      }
    }
    return left;
  }

  it('loses nothing and duplicates nothing', () => {
    fc.assert(
      fc.property(trees, partCounts, partCounts, paths, subsets, (tree, planned, parts, name, chosen) => {
        for (const scope of planTasks(tree, planned)) {
          const frontier = frontierOf(scope, tree, chosen[Symbol.iterator]());
          const scopes = splitFrontier(frontier, scope.except, parts);
          assert.equal(scopes.length, Math.min(parts, frontier.length));
          for (const { path } of tree) {
            const left = covers({ subtrees: frontier, except: scope.except }, path);
            assert.equal(ownersOf(scopes, path), left ? 1 : 0, path);
            assert.equal(ownersOf(scopes, joinPath(path, name)), left ? 1 : 0);
          }
        }
      }),
    );
  });

  it('gives every part its share, and an except to the part that needs it', () => {
    assert.deepEqual(splitFrontier(['c', 'a', 'b', 'd/e'], ['a/x', 'a/x/y', 'd/e/f', 'elsewhere'], 2), [
      { subtrees: ['a', 'b'], except: ['a/x'] },
      { subtrees: ['c', 'd/e'], except: ['d/e/f'] },
    ]);
  });

  it('drops what the frontier says twice', () => {
    assert.deepEqual(splitFrontier(['a', 'a', 'a/b', 'a/b/c'], [], 3), [{ subtrees: ['a'], except: [] }]);
    assert.deepEqual(splitFrontier(['a', 'a/b/c'], ['a/b'], 1), [
      { subtrees: ['a', 'a/b/c'], except: ['a/b'] },
    ]);
  });

  it('makes at most as many tasks as one transaction can create', () => {
    const frontier = Array.from({ length: 500 }, (_, i) => `d${i}`);
    const scopes = splitFrontier(frontier, [], 1_000);
    assert.equal(scopes.length, 90);
    assert.deepEqual(scopes.flatMap(({ subtrees }) => subtrees).toSorted(), frontier.toSorted());
    assert.deepEqual(splitFrontier([], [], 4), []);
  });
});
