import { lstatSync, readdirSync } from 'node:fs';
import type { Change } from '../../shared/changes/change.ts';
import { nameFromBytes } from '../../shared/tree/name.ts';
import type { SnapshotLine } from './home.ts';

/** Of files; directories have a slash at the end of their path and no size. */
export interface Mirrored {
  readonly size: number | undefined;
  readonly modifiedAt: string | undefined;
}

/** A tree by absolute path on the server, in the encoding of `shared/tree/name.ts`. */
export type Tree = ReadonlyMap<string, Mirrored>;

/** A consumer that keeps to protocol rule 17: drops repeated ids and what is not above the path's last sequence. */
export class Mirror {
  readonly tree = new Map<string, Mirrored>();
  readonly #ids = new Set<string>();
  readonly #last = new Map<string, string>();

  constructor(tree: Tree = new Map()) {
    for (const [path, mirrored] of tree) this.tree.set(path, mirrored);
  }

  apply(changes: readonly Change[]): this {
    for (const change of changes) {
      if (this.#ids.has(change.id)) continue;
      this.#ids.add(change.id);
      if (change.type === 'moved') this.#put(fromOf(change), change, null);
      this.#put(pathOf(change), change, change.new);
    }
    return this;
  }

  #put(path: string, { sequence, kind }: Change, facts: Change['new']): void {
    if ((this.#last.get(path) ?? '') >= sequence) return;
    this.#last.set(path, sequence);
    if (facts === null) this.tree.delete(keyOf(path, kind));
    else this.tree.set(keyOf(path, kind), { size: facts.size, modifiedAt: facts.modifiedAt });
  }
}

export function pathOf(change: Pick<Change, 'path'> & { readonly pathBytes?: string | undefined }): string {
  return change.pathBytes === undefined
    ? change.path
    : nameFromBytes(Buffer.from(change.pathBytes, 'base64'));
}

function fromOf(change: Change): string {
  return change.fromBytes === undefined
    ? (change.from ?? '')
    : nameFromBytes(Buffer.from(change.fromBytes, 'base64'));
}

function keyOf(path: string, kind: Change['kind']): string {
  return kind === 'directory' ? `${path}/` : path;
}

/** One line per change: `created file /a`, `moved file /a -> /b`. Sorted, for comparing. */
export function summary(changes: readonly Change[]): readonly string[] {
  return changes
    .map((change) => {
      const path = change.type === 'moved' ? `${fromOf(change)} -> ${pathOf(change)}` : pathOf(change);
      return `${change.type} ${change.kind} ${path}`;
    })
    .sort();
}

/** What lies on the disk below `localRoot`, as `root` on the server. Links are not followed and not listed. */
export function treeOnDisk(localRoot: string, root = localRoot): Tree {
  const tree = new Map<string, Mirrored>();
  walk(Buffer.from(localRoot), root === '/' ? '' : root, tree);
  return tree;
}

function walk(local: Buffer, path: string, tree: Map<string, Mirrored>): void {
  for (const name of readdirSync(local, { encoding: 'buffer' })) {
    const below = Buffer.concat([local, Buffer.from('/'), name]);
    const at = `${path}/${nameFromBytes(name)}`;
    const stats = lstatSync(below);
    if (stats.isDirectory()) {
      tree.set(`${at}/`, { size: undefined, modifiedAt: undefined });
      walk(below, at, tree);
    } else if (stats.isFile()) {
      tree.set(at, { size: stats.size, modifiedAt: new Date(stats.mtimeMs).toISOString() });
    }
  }
}

/** A snapshot as a tree. */
export function treeOfSnapshot(lines: Iterable<SnapshotLine>): Tree {
  return new Map(
    [...lines].map((line) => [
      keyOf(pathOf(line), line.kind),
      { size: line.size, modifiedAt: line.modifiedAt },
    ]),
  );
}

/** Paths and sizes, sorted: what all servers say exactly. */
export function sizes(tree: Tree): readonly string[] {
  return [...tree].map(([path, { size }]) => `${path} ${size ?? '-'}`).sort();
}
