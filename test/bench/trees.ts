import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSparse } from '../sparse-file.ts';

export interface TreeShape {
  readonly files: number;
  /** Below the root; 0: all files lie in the root. */
  readonly directories: number;
}

/** About 50 files a directory. */
export function usualShape(files: number): TreeShape {
  return { files, directories: Math.max(1, Math.round(files / 50)) };
}

/** Each directory has so many below it: four to six levels at 250,000 files. */
const fan = 6;
/** 2024-01-01; times are spread over the year before. */
const newestSeconds = 1_704_067_200;
const yearSeconds = 31_536_000;

/** Files without data on the disk, always the same for a shape, so that paths need not be remembered. */
export class BenchTree {
  readonly shape: TreeShape;
  readonly root: string;
  readonly #kept: boolean;

  /** Builds it in a folder of its own, or finds it in `keepIn`, where it stays. */
  constructor(shape: TreeShape, keepIn?: string) {
    this.shape = shape;
    this.#kept = keepIn !== undefined;
    const folder = keepIn ?? mkdtempSync(join(tmpdir(), 'farwatch-trees-'));
    mkdirSync(folder, { recursive: true });
    // The user that servers run as passes through it.
    chmodSync(folder, 0o755);
    this.root = join(folder, `${shape.files}-in-${shape.directories}`);
    const whole = `${this.root}.whole`;
    if (existsSync(whole)) {
      // A run that was killed may have left changes behind.
      this.restore();
      return;
    }
    rmSync(this.root, { recursive: true, force: true });
    this.#build();
    writeFileSync(whole, '');
  }

  /** Lines of a listing: the root is not among them. */
  get entries(): number {
    return this.shape.files + this.shape.directories;
  }

  #build(): void {
    mkdirSync(this.root);
    for (let index = 1; index <= this.shape.directories; index += 1) mkdirSync(this.#directory(index));
    for (let index = 0; index < this.shape.files; index += 1) {
      writeSparse(this.#file(index), sizeOf(index), modifiedSeconds(index));
    }
    // Last, since every new entry touches its directory.
    for (let index = 0; index <= this.shape.directories; index += 1) {
      utimesSync(this.#directory(index), modifiedSeconds(index), modifiedSeconds(index));
    }
  }

  /** 0 is the root. */
  #directory(index: number): string {
    if (index === 0) return this.root;
    return join(this.#directory(Math.floor((index - 1) / fan)), `folder-${index}`);
  }

  #file(index: number): string {
    return join(this.#directory(index % (this.shape.directories + 1)), `document-${index}.xml`);
  }

  /** One file in a hundred, all over the tree. */
  #changing(): readonly number[] {
    const all: number[] = [];
    for (let index = 0; index < this.shape.files; index += 1) {
      if (scattered(index) % 100 === 0) all.push(index);
    }
    return all;
  }

  /** Changes 1 % of the files now. Returns how many. */
  change(): number {
    const changing = this.#changing();
    for (const index of changing) truncateSync(this.#file(index), sizeOf(index) + 1);
    return changing.length;
  }

  /** Makes everything as it was before `change`. */
  restore(): void {
    for (const index of this.#changing()) {
      truncateSync(this.#file(index), sizeOf(index));
      utimesSync(this.#file(index), modifiedSeconds(index), modifiedSeconds(index));
    }
  }

  remove(): void {
    if (!this.#kept) rmSync(join(this.root, '..'), { recursive: true, force: true });
  }
}

function sizeOf(index: number): number {
  return 100 + (scattered(index) % 1_000_000);
}

function modifiedSeconds(index: number): number {
  return newestSeconds - (scattered(index + 7) % yearSeconds);
}

/** A number that looks random, and is the same every time. */
function scattered(index: number): number {
  return Math.imul(index + 1, 0x9e3779b1) >>> 8;
}
