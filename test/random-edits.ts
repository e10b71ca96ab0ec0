import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { joinPath } from '../shared/tree/entry.ts';
import { Random } from './random.ts';
import { writeSparse } from './sparse-file.ts';

/** What must be reported, each file and directory once. Paths are relative to the root. */
export type Edit =
  | { readonly type: 'created'; readonly kind: 'file' | 'directory'; readonly path: string }
  | { readonly type: 'modified'; readonly kind: 'file'; readonly path: string }
  | { readonly type: 'deleted'; readonly kind: 'file' | 'directory'; readonly path: string }
  | { readonly type: 'moved'; readonly kind: 'file'; readonly from: string; readonly path: string };

export interface EditOptions {
  readonly seed: number;
  /** Operations; one on a directory is several edits. */
  readonly count: number;
  readonly now?: number;
}

interface Node {
  readonly kind: 'file' | 'directory';
  readonly size: number;
  readonly modifiedSeconds: number;
}

/**
 * Edits a tree of plain files and directories, and returns exactly what a watch must report: a renamed directory is
 * deleted and created and its files are moved. No path is edited twice, no deleted name comes back in the same call,
 * and no two files come to have the same size, so that every move is unique. New times lie in the last 20 days, at
 * least a day from the old ones.
 */
export function randomEdits(root: string, options: EditOptions): readonly Edit[] {
  const editor = new Editor(root, options);
  const operations = [
    ...repeat(6, () => editor.createFile()),
    ...repeat(6, () => editor.modifyFile()),
    ...repeat(4, () => editor.deleteFile()),
    ...repeat(4, () => editor.renameFile()),
    () => editor.createDirectory(),
    () => editor.deleteDirectory(),
    () => editor.renameDirectory(),
  ];
  // The first ones once each, so that a small count already shows every kind.
  const order = [0, 6, 12, 16, 20, 22, 21].map((index) => operations[index]);
  for (let done = 0; done < options.count; done += 1) {
    (order[done] ?? editor.random.pick(operations))();
  }
  return editor.edits;
}

function repeat<T>(times: number, item: T): readonly T[] {
  return Array.from({ length: times }, () => item);
}

class Editor {
  readonly edits: Edit[] = [];
  readonly random: Random;
  readonly #root: string;
  readonly #name: string;
  readonly #todaySeconds: number;
  readonly #nodes = new Map<string, Node>();
  readonly #sizes = new Set<number>();
  /** Edited, or holding something edited: not to be edited again. */
  readonly #touched = new Set<string>();
  #names = 0;

  constructor(root: string, options: EditOptions) {
    this.random = new Random(options.seed);
    this.#root = root;
    this.#name = `edit-${options.seed}-`;
    this.#todaySeconds = Math.floor((options.now ?? Date.now()) / 86_400_000) * 86_400;
    this.#walk('');
  }

  createFile(directory = this.#anyDirectory()): void {
    const path = this.#newPath(directory, '.new');
    this.#write(path, undefined);
    this.edits.push({ type: 'created', kind: 'file', path });
  }

  modifyFile(): void {
    const path = this.#anyFile();
    if (path === undefined) return;
    this.#write(path, this.#nodes.get(path));
    this.edits.push({ type: 'modified', kind: 'file', path });
  }

  deleteFile(): void {
    const path = this.#anyFile();
    if (path === undefined) return;
    unlinkSync(join(this.#root, path));
    this.#nodes.delete(path);
    this.#touch(path);
    this.edits.push({ type: 'deleted', kind: 'file', path });
  }

  renameFile(): void {
    const from = this.#anyFile();
    if (from === undefined) return;
    // Not in the same directory alone: a move may cross any of them.
    const path = this.#newPath(this.#anyDirectory(), '.moved');
    renameSync(join(this.#root, from), join(this.#root, path));
    this.#replant(from, path);
    this.edits.push({ type: 'moved', kind: 'file', from, path });
  }

  createDirectory(): void {
    const path = this.#newPath(this.#anyDirectory(), '');
    mkdirSync(join(this.#root, path));
    this.#nodes.set(path, { kind: 'directory', size: 0, modifiedSeconds: 0 });
    this.#touch(path);
    this.edits.push({ type: 'created', kind: 'directory', path });
    this.createFile(path);
    this.createFile(path);
  }

  deleteDirectory(): void {
    const directory = this.#anyWholeDirectory();
    if (directory === undefined) return;
    rmSync(join(this.#root, directory), { recursive: true });
    for (const path of this.#subtree(directory)) {
      const kind = this.#nodes.get(path)?.kind ?? 'file';
      this.#nodes.delete(path);
      this.#touch(path);
      this.edits.push({ type: 'deleted', kind, path });
    }
  }

  renameDirectory(): void {
    const from = this.#anyWholeDirectory();
    if (from === undefined) return;
    const parents = this.#directories().filter((path) => path !== from && !path.startsWith(`${from}/`));
    const to = this.#newPath(this.random.pick(parents), '');
    renameSync(join(this.#root, from), join(this.#root, to));
    for (const old of this.#subtree(from)) {
      const path = to + old.slice(from.length);
      const kind = this.#nodes.get(old)?.kind;
      this.#replant(old, path);
      if (kind === 'file') this.edits.push({ type: 'moved', kind, from: old, path });
      else {
        this.edits.push({ type: 'deleted', kind: 'directory', path: old });
        this.edits.push({ type: 'created', kind: 'directory', path });
      }
    }
  }

  #walk(directory: string): void {
    for (const entry of readdirSync(join(this.#root, directory), { withFileTypes: true })) {
      const path = joinPath(directory, entry.name);
      const stats = lstatSync(join(this.#root, path));
      const kind = stats.isDirectory() ? 'directory' : 'file';
      this.#nodes.set(path, { kind, size: stats.size, modifiedSeconds: Math.floor(stats.mtimeMs / 1000) });
      if (kind === 'file') this.#sizes.add(stats.size);
      else this.#walk(path);
    }
  }

  /** Writes a new size and time; `old` is what stood there before. */
  #write(path: string, old: Node | undefined): void {
    let size = this.random.below(1_000_000);
    while (this.#sizes.has(size)) size += 1;
    this.#sizes.add(size);
    let modifiedSeconds = this.#todaySeconds - 3_600 - this.random.below(20 * 86_400);
    const apart =
      old === undefined ? Number.POSITIVE_INFINITY : Math.abs(old.modifiedSeconds - modifiedSeconds);
    if (apart < 86_400) modifiedSeconds -= 2 * 86_400;
    writeSparse(join(this.#root, path), size, modifiedSeconds);
    this.#nodes.set(path, { kind: 'file', size, modifiedSeconds });
    this.#touch(path);
  }

  #replant(from: string, to: string): void {
    const node = this.#nodes.get(from);
    if (node !== undefined) this.#nodes.set(to, node);
    this.#nodes.delete(from);
    this.#touch(from);
    this.#touch(to);
  }

  #touch(path: string): void {
    for (let at = path.length; at !== -1; at = path.lastIndexOf('/', at - 1)) {
      this.#touched.add(path.slice(0, at));
    }
  }

  #newPath(directory: string, extension: string): string {
    for (;;) {
      this.#names += 1;
      const path = joinPath(directory, `${this.#name}${this.#names}${extension}`);
      if (!this.#nodes.has(path)) return path;
    }
  }

  #anyFile(): string | undefined {
    const files = [...this.#nodes].flatMap(([path, node]) =>
      node.kind === 'file' && !this.#touched.has(path) ? [path] : [],
    );
    return files.length === 0 ? undefined : this.random.pick(files);
  }

  /** The root, or any directory that stands now. */
  #anyDirectory(): string {
    return this.random.pick(this.#directories());
  }

  #directories(): readonly string[] {
    return ['', ...[...this.#nodes].flatMap(([path, node]) => (node.kind === 'directory' ? [path] : []))];
  }

  /** A directory in which nothing was edited, small enough to be no mass deletion; it may have directories below. */
  #anyWholeDirectory(): string | undefined {
    const whole = this.#directories().filter((path) => path !== '' && !this.#touched.has(path));
    const limit = Math.max(3, this.#nodes.size / 50);
    for (let tried = 0; whole.length > 0 && tried < 20; tried += 1) {
      const path = this.random.pick(whole);
      if (this.#subtree(path).length <= limit) return path;
    }
    return undefined;
  }

  /** The directory itself and all below it, parents first. */
  #subtree(directory: string): readonly string[] {
    const inside = [...this.#nodes.keys()].filter(
      (path) => path === directory || path.startsWith(`${directory}/`),
    );
    return inside.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
}
