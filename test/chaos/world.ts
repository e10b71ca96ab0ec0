import { baseName, isBelow, parentPath } from '../../shared/tree/entry.ts';

export interface Node {
  readonly kind: 'file' | 'directory' | 'link';
  readonly size: number;
  readonly modifiedAt: number;
}

/** What a hand does to the tree; `at` and `to` are indexes into `places`, or into what is there. */
export interface Edit {
  readonly type: (typeof editTypes)[number];
  readonly at: number;
  readonly to: number;
}

export const editTypes = [
  'write',
  'write-old',
  'modify',
  'touch',
  'restore',
  'copy',
  'rename',
  'remove',
  'mkdir',
  'turn',
  'wipe',
] as const;

const names = ['a', 'b', 'c'];
const deepNames = ['a', 'b'];

/** Few enough that edits meet: a path is at times a file, a directory, a link and nothing. */
export const places: readonly string[] = names.flatMap((top) => [
  top,
  ...names.flatMap((middle) => [`${top}/${middle}`, ...deepNames.map((deep) => `${top}/${middle}/${deep}`)]),
]);

/** How one path stood from one step to another: a file of this size, a directory, or nothing (null). */
interface Span {
  readonly state: string | null;
  readonly from: number;
  to: number;
}

const longAgo = Date.UTC(2026, 0, 1);

/** The tree on the server, with its whole past: a report is a phantom unless it was true at some moment. */
export class World {
  /** Moments: grows with every edit, and when a judge asks for a new one. */
  step = 0;
  clock: number;
  readonly #nodes = new Map<string, Node>();
  readonly #past = new Map<string, Span[]>();
  readonly #lastFiles = new Map<string, Node>();
  #sizes = 0;

  constructor(clock: number) {
    this.clock = clock;
  }

  get nodes(): ReadonlyMap<string, Node> {
    return this.#nodes;
  }

  children(directory: string): readonly (readonly [string, Node])[] {
    return [...this.#nodes].flatMap(([path, node]) =>
      parentPath(path) === directory ? [[baseName(path), node] as const] : [],
    );
  }

  isDirectory(path: string): boolean {
    return path === '' || this.#nodes.get(path)?.kind === 'directory';
  }

  /** Whether the path stood so at `since` or at any moment after it. `state` as `stateOf` says it. */
  wasEver(path: string, kind: 'file' | 'directory', state: string | null, since: number): boolean {
    const past = this.#past.get(keyOf(path, kind)) ?? [{ state: null, from: 0, to: Number.MAX_SAFE_INTEGER }];
    return past.some((span) => span.state === state && span.to >= since);
  }

  /** One file of this size, or with null a directory; the parents come with it. */
  put(path: string, size: number | null, modifiedAt = this.clock): void {
    this.step += 1;
    const kind = size === null ? 'directory' : 'file';
    this.#write(path, { kind, size: size ?? 0, modifiedAt: second(modifiedAt) });
  }

  remove(path: string): void {
    this.step += 1;
    this.#remove(path);
  }

  edit({ type, at, to }: Edit): void {
    this.step += 1;
    const path = (needsNode(type) ? this.#standing(type, at) : undefined) ?? placeAt(at);
    const target = placeAt(to);
    const node = this.#nodes.get(path);
    switch (type) {
      case 'write':
      case 'write-old':
        if (node?.kind !== 'directory')
          this.#write(path, this.#newFile(type === 'write' ? this.clock : longAgo + at * 1_000));
        break;
      case 'modify':
        if (node?.kind === 'file') this.#write(path, this.#newFile(this.clock));
        break;
      case 'touch':
        if (node?.kind === 'file') this.#write(path, { ...node, modifiedAt: second(this.clock) });
        break;
      case 'restore': {
        const last = this.#lastFiles.get(path);
        if (last !== undefined && node?.kind !== 'directory') this.#write(path, last);
        break;
      }
      case 'copy':
        if (node?.kind === 'file' && this.#nodes.get(target)?.kind !== 'directory') this.#write(target, node);
        break;
      case 'rename':
        this.#rename(path, target);
        break;
      case 'remove':
        this.#remove(path);
        break;
      case 'mkdir':
        if (node === undefined)
          this.#write(path, { kind: 'directory', size: 0, modifiedAt: second(this.clock) });
        break;
      case 'wipe':
        this.#remove(path.slice(0, 1));
        break;
      case 'turn':
        this.#turn(path, node, to);
        break;
    }
  }

  /** Something to do it to, if there is anything. */
  #standing(type: Edit['type'], index: number): string | undefined {
    const paths =
      type === 'restore'
        ? [...this.#lastFiles.keys()].filter((path) => !this.#nodes.has(path))
        : [...this.#nodes].flatMap(([path, { kind }]) => (!needsFile(type) || kind === 'file' ? [path] : []));
    return paths.sort()[index % Math.max(1, paths.length)];
  }

  #turn(path: string, node: Node | undefined, to: number): void {
    if (node === undefined) return;
    this.#remove(path);
    const kinds = (['file', 'directory', 'link'] as const).filter((kind) => kind !== node.kind);
    const kind = kinds[to % kinds.length] ?? 'file';
    this.#write(path, { ...this.#newFile(this.clock), kind });
  }

  #rename(from: string, to: string): void {
    if (!this.#nodes.has(from) || this.#nodes.has(to) || isBelow(to, from) || from === to) return;
    if (!this.#makeParents(to)) return;
    const moving = [...this.#nodes].filter(([path]) => path === from || isBelow(path, from));
    for (const [path] of moving) this.#set(path, undefined);
    for (const [path, node] of moving) this.#set(to + path.slice(from.length), node);
    // With the time that each had.
    for (const [path, node] of moving) this.#nodes.set(to + path.slice(from.length), node);
  }

  #remove(path: string): void {
    for (const below of [...this.#nodes.keys()]) {
      if (below === path || isBelow(below, path)) this.#set(below, undefined);
    }
  }

  #write(path: string, node: Node): void {
    if (this.#makeParents(path)) this.#set(path, node);
  }

  /** False where something else than a directory stands in the way. */
  #makeParents(path: string): boolean {
    const parent = parentPath(path);
    if (this.isDirectory(parent)) return true;
    if (this.#nodes.has(parent) || !this.#makeParents(parent)) return false;
    this.#set(parent, { kind: 'directory', size: 0, modifiedAt: second(this.clock) });
    return true;
  }

  #newFile(modifiedAt: number): Node {
    this.#sizes += 1;
    return { kind: 'file', size: this.#sizes, modifiedAt: second(modifiedAt) };
  }

  #set(path: string, node: Node | undefined): void {
    if (this.#nodes.get(path)?.kind !== node?.kind) this.#touch(parentPath(path));
    if (node === undefined) this.#nodes.delete(path);
    else this.#nodes.set(path, node);
    if (node?.kind === 'file') this.#lastFiles.set(path, node);
    this.#remember(path, 'file', node?.kind === 'file' ? stateOf(node.size) : null);
    this.#remember(path, 'directory', node?.kind === 'directory' ? stateOf(null) : null);
  }

  /** A name came or went in the directory. */
  #touch(path: string): void {
    const node = this.#nodes.get(path);
    if (node?.kind === 'directory') this.#nodes.set(path, { ...node, modifiedAt: second(this.clock) });
  }

  #remember(path: string, kind: 'file' | 'directory', state: string | null): void {
    const key = keyOf(path, kind);
    const past = this.#past.get(key) ?? [{ state: null, from: 0, to: Number.MAX_SAFE_INTEGER }];
    const last = past.at(-1);
    if (last !== undefined) last.to = this.step;
    past.push({ state, from: this.step, to: Number.MAX_SAFE_INTEGER });
    this.#past.set(key, past);
  }
}

/** Sizes are unique to each writing, so they say which one it was. */
export function stateOf(size: number | null): string {
  return size === null ? 'directory' : `file of ${size}`;
}

export function keyOf(path: string, kind: 'file' | 'directory'): string {
  return kind === 'directory' ? `${path}/` : path;
}

function needsNode(type: Edit['type']): boolean {
  return needsFile(type) || type === 'rename' || type === 'remove' || type === 'turn' || type === 'restore';
}

function needsFile(type: Edit['type']): boolean {
  return type === 'modify' || type === 'touch' || type === 'copy';
}

function placeAt(index: number): string {
  return places[index % places.length] ?? '';
}

function second(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}
