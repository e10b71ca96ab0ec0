import { type Dirent, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Random } from '../random.ts';
import { writeSparse } from '../sparse-file.ts';

const actions = [
  'create',
  'create',
  'create',
  'modify',
  'modify',
  'delete',
  'delete',
  'rename',
  'rename',
  'rename',
  'create directory',
  'file to directory',
  'directory to file',
  'delete directory',
  'rename directory',
] as const;

/** Somebody who edits a tree on the disk without a pause: all sizes differ, so that every version is told apart. */
export class Hand {
  readonly #root: string;
  readonly #random: Random;
  #names = 0;

  constructor(root: string, seed: number) {
    this.#root = root;
    this.#random = new Random(seed);
  }

  edit(times: number): void {
    for (let done = 0; done < times; done += 1) this.#editOnce();
  }

  #editOnce(): void {
    const paths = readdirSync(this.#root, { recursive: true, withFileTypes: true });
    const pick = (isWanted: (entry: Dirent) => boolean) => {
      const wanted = paths.filter(isWanted);
      if (wanted.length === 0) return undefined;
      const entry = this.#random.pick(wanted);
      return relative(this.#root, join(entry.parentPath, entry.name));
    };
    const directory = pick((entry) => entry.isDirectory());
    const into = join(this.#random.below(10) === 0 ? '' : (directory ?? ''), this.#newName());
    const act = this.#random.pick(actions);
    this.#act(act, pick((entry) => entry.isFile()) ?? into, directory, into);
  }

  #act(act: (typeof actions)[number], file: string, directory: string | undefined, into: string): void {
    switch (act) {
      case 'create':
        this.#write(into);
        break;
      case 'modify':
        this.#write(file);
        break;
      case 'delete':
        rmSync(this.#at(file), { force: true });
        break;
      case 'rename':
        if (file !== into) renameSync(this.#at(file), this.#at(into));
        break;
      case 'create directory':
        this.#populate(into);
        break;
      case 'file to directory':
        rmSync(this.#at(file), { force: true });
        this.#populate(file);
        break;
      case 'directory to file':
      case 'delete directory':
        if (directory === undefined || this.#sizeOf(directory) > 40) break;
        rmSync(this.#at(directory), { recursive: true });
        if (act === 'directory to file') this.#write(directory);
        break;
      case 'rename directory':
        this.#renameDirectory(directory, join(dirname(file), this.#newName()));
        break;
    }
  }

  #renameDirectory(from: string | undefined, to: string): void {
    if (from === undefined || to.startsWith(`${from}/`)) return;
    renameSync(this.#at(from), this.#at(to));
  }

  #populate(directory: string): void {
    mkdirSync(this.#at(directory));
    for (let count = this.#random.below(6); count > 0; count -= 1) {
      this.#write(join(directory, this.#newName()));
    }
  }

  #write(path: string): void {
    this.#names += 1;
    // Now and then a time of long ago, as uploads that keep it have.
    const now = Date.now() / 1_000;
    const modified = this.#random.below(4) === 0 ? now - 86_400 * (1 + this.#random.below(300)) : now;
    writeSparse(this.#at(path), 1_000_000 + this.#names, modified);
  }

  #newName(): string {
    this.#names += 1;
    return `n${this.#names}`;
  }

  #sizeOf(directory: string): number {
    return readdirSync(this.#at(directory), { recursive: true }).length;
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}
