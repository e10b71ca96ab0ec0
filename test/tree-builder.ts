import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { joinPath } from '../shared/tree/entry.ts';
import { Random } from './random.ts';
import { writeSparse } from './sparse-file.ts';

export { hostileTree } from './hostile-tree.ts';
export { randomEdits } from './random-edits.ts';

export interface TreeShape {
  readonly files: number;
  /** Below the root, which is not counted. */
  readonly directories: number;
  readonly seed: number;
  /** What "the last years" end at; the same tree for all of one day (UTC). Default: today. */
  readonly now?: number;
}

export interface BuiltTree {
  /** Paths relative to the root. */
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

const dayMs = 86_400_000;

/**
 * Fills an existing directory: files of different sizes (all unique, without data on the disk), times between 30
 * days and four years ago, in whole seconds. The same seed gives the same tree.
 */
export function buildTree(root: string, shape: TreeShape): BuiltTree {
  const random = new Random(shape.seed);
  const today = Math.floor((shape.now ?? Date.now()) / dayMs) * dayMs;
  const past = () => (today - 30 * dayMs) / 1000 - random.below(4 * 365 * 86_400);

  const directories: string[] = [];
  const depths = new Map([['', 0]]);
  for (let index = 0; index < shape.directories; index += 1) {
    let parent = random.next() < 0.1 ? '' : (directories[random.below(directories.length)] ?? '');
    if ((depths.get(parent) ?? 0) >= 6) parent = '';
    const path = joinPath(parent, nameOf(random, 'd', index, ''));
    mkdirSync(join(root, path));
    directories.push(path);
    depths.set(path, (depths.get(path) ?? 0) + (depths.get(parent) ?? 0) + 1);
  }
  const files: string[] = [];
  for (let index = 0; index < shape.files; index += 1) {
    const parent = random.next() < 0.02 ? '' : (directories[random.below(directories.length)] ?? '');
    const path = joinPath(parent, nameOf(random, 'f', index, random.pick(['.csv', '.xml', '.pdf', ''])));
    writeSparse(join(root, path), 64 * index + random.below(64), past());
    files.push(path);
  }
  // Last, since every new entry touches its directory.
  for (const path of directories) {
    const seconds = past();
    utimesSync(join(root, path), seconds, seconds);
  }
  return { files, directories };
}

/** Mostly plain names; one in ten has blanks or letters beyond ASCII. */
function nameOf(random: Random, kind: string, index: number, extension: string): string {
  const odd = random.below(20);
  const word = odd === 0 ? 'mit Leer zeichen' : odd === 1 ? 'größe-漢' : kind;
  return `${word}${index}${extension}`;
}
