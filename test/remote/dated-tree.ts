import {
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';

/** Few, so that the same ones are met again and again. */
const directories = ['', 'a'] as const;
const names = ['x', 'a'] as const;

/** What somebody does to a tree, at a moment that the test says. */
export type Step =
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'border'; readonly seconds: number }
  | { readonly do: 'look' }
  | { readonly do: 'make' | 'remove'; readonly directory: string }
  | {
      readonly do: 'write' | 'replace' | 'unlink' | 'swap';
      readonly directory: string;
      readonly name: string;
      readonly size: number;
    }
  | { readonly do: 'rename'; readonly directory: string; readonly name: string; readonly to: string };

const directory = fc.constantFrom(...directories);
const name = fc.constantFrom(...names);
const size = fc.constantFrom(3, 3, 3, 4);

const wait = (seconds: fc.Arbitrary<number>) => fc.record({ do: fc.constant('wait' as const), seconds });

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: wait(fc.integer({ min: 1, max: 25 })) },
  { weight: 2, arbitrary: wait(fc.integer({ min: 60, max: 70 })) },
  { weight: 2, arbitrary: wait(fc.integer({ min: 3_580, max: 3_800 })) },
  // To the border of a minute, and a second or two to either side.
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('border' as const), seconds: fc.integer({ min: -2, max: 2 }) }),
  },
  { weight: 8, arbitrary: fc.constant({ do: 'look' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('make' as const, 'remove' as const), directory }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('write' as const, 'replace' as const),
      directory,
      name,
      size,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('unlink' as const, 'swap' as const), directory, name, size }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), directory, name, to: name }) },
);

/** A tree in which everything is dated by a clock of its own, as a file system would date it. */
export class DatedTree {
  readonly #root: string;
  #now: number;

  constructor(root: string, now: number) {
    this.#root = root;
    this.#now = now;
    for (const path of directories) mkdirSync(join(root, path), { recursive: true, mode: 0o755 });
    for (const path of directories.toReversed()) {
      this.#write(join(path, 'x'), 3);
      this.#dateDirectory(path);
    }
  }

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  take(step: Step): void {
    if (step.do === 'wait') this.#now += step.seconds * 1_000;
    else if (step.do === 'border') {
      const border = Math.ceil(this.#now / 60_000) * 60_000 + step.seconds * 1_000;
      if (border > this.#now) this.#now = border;
    } else if (step.do === 'make') {
      if (this.#kind(step.directory) === undefined && this.#kind(dirname(step.directory)) === 'directory')
        this.#make(step.directory);
    } else if (step.do === 'remove') {
      if (step.directory !== '' && this.#kind(step.directory) === 'directory') this.#remove(step.directory);
    } else if ('name' in step && this.#kind(step.directory) === 'directory') this.#edit(step);
  }

  #edit(step: Extract<Step, { readonly name: string }>): void {
    const path = join(step.directory, step.name);
    const kind = this.#kind(path);
    if (step.do === 'rename') {
      const to = join(step.directory, step.to);
      if (kind !== 'file' || this.#kind(to) === 'directory' || to === path) return;
      renameSync(join(this.#root, path), join(this.#root, to));
      this.#dateDirectory(step.directory);
    } else if (step.do === 'write') {
      if (kind === 'directory') return;
      this.#write(path, step.size);
      if (kind === undefined) this.#dateDirectory(step.directory);
    } else if (step.do === 'replace') {
      if (kind === 'file') this.#replace(path, step.size);
    } else if (step.do === 'unlink') {
      if (kind !== 'file') return;
      unlinkSync(join(this.#root, path));
      this.#dateDirectory(step.directory);
    } else if (kind !== undefined) {
      this.#remove(path);
      if (kind === 'file') this.#make(path);
      else this.#write(path, step.size);
      this.#dateDirectory(step.directory);
    }
  }

  /** Another file takes the place, with a time of the same minute: what a copy that keeps times brings. */
  #replace(path: string, bytes: number): void {
    const at = join(this.#root, path);
    const before = lstatSync(at).mtimeMs;
    writeFileSync(`${at}.new`, 'n'.repeat(bytes), { mode: 0o644 });
    const minute = Math.floor(before / 60_000) * 60_000;
    const kept = minute + ((before - minute + 17_000) % 60_000);
    const dated = Math.min(kept, this.#now) / 1_000;
    utimesSync(`${at}.new`, dated, dated);
    renameSync(`${at}.new`, at);
    this.#dateDirectory(dirname(path));
  }

  #write(path: string, bytes: number): void {
    const at = join(this.#root, path);
    writeFileSync(at, 'w'.repeat(bytes), { mode: 0o644 });
    utimesSync(at, this.#now / 1_000, this.#now / 1_000);
  }

  #make(path: string): void {
    mkdirSync(join(this.#root, path), { mode: 0o755 });
    this.#dateDirectory(path);
    this.#dateDirectory(dirname(path));
  }

  #remove(path: string): void {
    rmSync(join(this.#root, path), { recursive: true });
    this.#dateDirectory(dirname(path));
  }

  #dateDirectory(path: string): void {
    utimesSync(join(this.#root, path), this.#now / 1_000, this.#now / 1_000);
  }

  #kind(path: string): 'file' | 'directory' | undefined {
    const at = join(this.#root, path);
    if (!existsSync(at)) return undefined;
    return lstatSync(at).isDirectory() ? 'directory' : 'file';
  }
}
