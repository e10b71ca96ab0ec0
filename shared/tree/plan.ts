import { parentPath } from './entry.ts';

/**
 * What a task scans: the subtrees, minus the `except` ones that other tasks own. A scope may own a subtree below one
 * of its excepts again: of all markers at or above a path the deepest one decides. Paths are relative to the root.
 */
export interface TaskScope {
  readonly subtrees: readonly string[];
  readonly except: readonly string[];
}

/** A directory with what listing it cost, in any unit, at least 0. */
export interface DirectoryCost {
  readonly path: string;
  readonly cost: number;
}

/**
 * What a directory takes one session at a common pace, and where it is slow: there far fewer directories make a task
 * that is worth its overhead.
 */
export const usualDirectoryMs = 1;
export const slowDirectoryMs = 20;

/** Subtrees and excepts of a planned scope at most: it travels in one row and one message. */
const markersPerScope = 200;
/** Excepts of one piece at most; the next where the scopes do not hold all the pieces. */
const exceptLimits = [190, 60, 15];
/** How far the heaviest task may be above the average before finer cuts are tried. */
const goodEnough = 1.1;

/**
 * Orders paths by segments: a parent before its children, and a subtree without a gap, since `/` sorts lowest.
 * Segments compare by UTF-16 code units.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return left === slash ? -1 : right === slash ? 1 : left - right;
  }
  return a.length - b.length;
}

const slash = 47;

/** Whether the path belongs to the scope. */
export function covers(scope: TaskScope, path: string): boolean {
  for (let at = path; ; at = parentPath(at)) {
    if (scope.subtrees.includes(at)) return true;
    if (at === '' || scope.except.includes(at)) return false;
  }
}

/**
 * Cuts the tree into at most `parts` scopes of about equal cost that together cover it, every path exactly once, also
 * paths that come to be later. The first scope owns the root. Only whole subtrees are cut off: the files of one
 * directory, and the bulk of very many small directories side by side, stay together. Directories may come in any
 * order; those that are missing above others cost nothing.
 */
export function planTasks(directories: Iterable<DirectoryCost>, parts: number): readonly TaskScope[] {
  const tree = readTree(directories);
  const total = tree.costs.reduce((sum, cost) => sum + cost, 0);
  const target = total / parts;
  let best: Plan = { scopes: [{ subtrees: [''], except: [] }], heaviest: total };
  // From pieces of an eighth of a task down to ones too small for a scope of so few markers to be filled with.
  for (let divisor = 8; divisor <= 256 && best.heaviest > target * goodEnough; divisor *= 2) {
    const plan = planPieces(cutPieces(tree, target / divisor), parts);
    if (plan && plan.heaviest < best.heaviest) best = plan;
  }
  return best.scopes;
}

/**
 * Hands on what is left of a task: each subtree of the frontier goes to one of at most `parts` scopes (siblings
 * in runs of equal length, for they tend to be alike and are cheap to read together), with the excepts that lie below it. What lies below another subtree
 * of the frontier, with no except between, is dropped: that one covers it.
 */
export function splitFrontier(
  frontier: readonly string[],
  except: readonly string[],
  parts: number,
): readonly TaskScope[] {
  const owners = new Map<string, number>();
  const owned = new Set(frontier);
  const excepted = new Set(except.filter((path) => !owned.has(path)));
  const subtrees = [...owned]
    .filter((path) => {
      const above = nearest(path, owned, excepted);
      return above === undefined || excepted.has(above);
    })
    .sort(comparePaths);
  const count = Math.min(subtrees.length, Math.max(1, parts), maxChildren);
  const scopes = Array.from({ length: count }, () => ({ subtrees: [] as string[], except: [] as string[] }));
  for (let from = 0, to = 0; from < subtrees.length; from = to) {
    const parent = parentPath(subtrees[from] ?? '');
    while (to < subtrees.length && parentPath(subtrees[to] ?? '') === parent) to += 1;
    const perScope = Math.max(1, (to - from) / count);
    for (const [i, path] of subtrees.slice(from, to).entries()) {
      const group = (from + Math.floor(i / perScope)) % count;
      owners.set(path, group);
      scopes[group]?.subtrees.push(path);
    }
  }
  for (const path of [...excepted].sort(comparePaths)) {
    const above = nearest(path, owners, excepted);
    const group = above === undefined ? undefined : owners.get(above);
    if (group !== undefined) scopes[group]?.except.push(path);
  }
  return scopes;
}

/** Children that one transaction can create (protocol rule 3). */
const maxChildren = 90;

interface PathSet {
  has(path: string): boolean;
}

/** The deepest marker strictly above the path. */
function nearest(path: string, subtrees: PathSet, excepts: PathSet): string | undefined {
  for (let at = path; at !== ''; ) {
    at = parentPath(at);
    if (subtrees.has(at) || excepts.has(at)) return at;
  }
  return undefined;
}

/** Columns by index; a parent's index is lower than its children's, the root's is 0. */
interface Tree {
  readonly paths: readonly string[];
  readonly parents: readonly number[];
  readonly costs: readonly number[];
}

function readTree(directories: Iterable<DirectoryCost>): Tree {
  const paths = [''];
  const parents = [0];
  const costs = [0];
  const indexes = new Map([['', 0]]);
  const indexOf = (path: string): number => {
    const known = indexes.get(path);
    if (known !== undefined) return known;
    const parent = indexOf(parentPath(path));
    const index = paths.push(path) - 1;
    parents.push(parent);
    costs.push(0);
    indexes.set(path, index);
    return index;
  };
  for (const { path, cost } of directories) {
    const index = indexOf(path);
    costs[index] = (costs[index] ?? 0) + cost;
  }
  return { paths, parents, costs };
}

/** A subtree without the pieces cut out of it. */
interface Piece {
  readonly path: string;
  weight: number;
  children: Piece[];
}

/** Total, so that the same tree has the same plan in whatever order it came. */
function heaviestFirst(a: Piece, b: Piece): number {
  return b.weight - a.weight || comparePaths(a.path, b.path);
}

/** Cuts off, from the leaves up, what has come to weigh `grain`. Returns the root's piece. */
function cutPieces(tree: Tree, grain: number): Piece {
  const weights = [...tree.costs];
  const cutOut: (Piece[] | undefined)[] = [];
  const add = (directory: number, pieces: Piece[]) => {
    const there = cutOut[directory];
    if (there === undefined) cutOut[directory] = pieces;
    else for (const piece of pieces) there.push(piece);
  };
  for (let i = tree.paths.length - 1; i > 0; i -= 1) {
    const weight = weights[i] ?? 0;
    const parent = tree.parents[i] ?? 0;
    const children = cutOut[i] ?? [];
    cutOut[i] = undefined;
    if (weight >= grain && weight > 0) {
      add(parent, [{ path: tree.paths[i] ?? '', weight, children }]);
    } else {
      weights[parent] = (weights[parent] ?? 0) + weight;
      add(parent, children);
    }
  }
  return { path: '', weight: weights[0] ?? 0, children: cutOut[0] ?? [] };
}

/** Gives pieces back to the one that they were cut out of, the lightest first, where it has lost too many. */
function limitExcepts(root: Piece, limit: number): void {
  const pending = [root];
  for (let piece = pending.pop(); piece; piece = pending.pop()) {
    while (piece.children.length > limit) {
      piece.children.sort(heaviestFirst);
      for (const child of piece.children.splice(limit)) {
        piece.weight += child.weight;
        for (const grandchild of child.children) piece.children.push(grandchild);
      }
    }
    for (const child of piece.children) pending.push(child);
  }
}

interface Plan {
  readonly scopes: readonly TaskScope[];
  readonly heaviest: number;
}

function planPieces(root: Piece, parts: number): Plan | undefined {
  for (const limit of exceptLimits) {
    limitExcepts(root, limit);
    const plan = distribute(root, parts);
    if (plan) return plan;
  }
  return undefined;
}

interface Bin {
  readonly pieces: Piece[];
  weight: number;
  markers: number;
}

/** The heaviest piece first, each to the lightest task with room. Undefined if one finds no room. */
function distribute(root: Piece, parts: number): Plan | undefined {
  const pieces = root.children.flatMap(withDescendants);
  if (pieces.length > markersPerScope * parts) return undefined;
  const bins: Bin[] = [{ pieces: [root], weight: root.weight, markers: 1 + root.children.length }];
  while (bins.length < parts) bins.push({ pieces: [], weight: 0, markers: 0 });
  for (const piece of pieces.sort(heaviestFirst)) {
    const markers = 1 + piece.children.length;
    let lightest: Bin | undefined;
    for (const bin of bins) {
      if (bin.markers + markers > markersPerScope) continue;
      if (lightest === undefined || bin.weight < lightest.weight) lightest = bin;
    }
    if (lightest === undefined) return undefined;
    lightest.pieces.push(piece);
    lightest.weight += piece.weight;
    lightest.markers += markers;
  }
  return {
    scopes: bins.filter((bin) => bin.pieces.length > 0).map((bin) => scopeOf(bin.pieces)),
    heaviest: Math.max(...bins.map((bin) => bin.weight)),
  };
}

function withDescendants(piece: Piece): readonly Piece[] {
  const all = [piece];
  for (const next of all) all.push(...next.children);
  return all;
}

/** A piece and another cut out of it, in one scope, are one subtree again. */
function scopeOf(pieces: readonly Piece[]): TaskScope {
  const subtrees = new Set(pieces.map((piece) => piece.path));
  const except = new Set<string>();
  for (const child of pieces.flatMap((piece) => piece.children)) {
    if (!subtrees.delete(child.path)) except.add(child.path);
  }
  return { subtrees: [...subtrees].sort(comparePaths), except: [...except].sort(comparePaths) };
}
