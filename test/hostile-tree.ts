import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import type { EntryKind } from '../shared/tree/entry.ts';
import { nameFromBytes } from '../shared/tree/name.ts';
import { writeSparse } from './sparse-file.ts';

export interface HostileEntry {
  /** Relative to the root, in the encoding of `shared/tree/name.ts`. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Of files. */
  readonly size?: number;
  readonly modifiedSeconds?: number;
}

export interface HostileTree {
  readonly entries: readonly HostileEntry[];
  /** The directory of mode 0; what is in it is not among the entries. */
  readonly locked: string;
  /** Makes it readable, so that anybody can remove the tree. */
  unlock(): void;
}

const ordinary = Date.UTC(2024, 4, 17, 11, 22, 33) / 1000;

const awkwardNames: readonly string[] = [
  'with space',
  ' leading',
  'trailing ',
  'two  spaces',
  'double"quote',
  "single'quote",
  'arrow -> target',
  'back\\slash',
  'tab\there',
  'semi;colon=1',
  'glob*star',
  'glob?mark',
  'brace{a,b}',
  '$HOME',
  '`id`',
  '%41',
  '~tilde',
  '#hash',
  '-dash',
  '.hidden',
  '..two-dots',
  'total 0',
  '-rw-r--r-- 1 a b 1 Jan 01 2020 fake',
  'type=file;size=1; fake',
  'größe',
  'e\u0301 decomposed',
  '漢字',
  '😀',
  'x'.repeat(255),
];

/** Names that the formats of FTP listings cannot carry. */
const brokenNames: readonly Buffer[] = [
  Buffer.from('new\nline'),
  Buffer.from('carriage\rreturn'),
  Buffer.from([0x72, 0x61, 0x77, 0xff, 0xfe]),
  Buffer.from('caf\u00e9', 'latin1'),
];

const times: Readonly<Record<string, number>> = {
  'before-1970': Date.UTC(1969, 11, 30, 23, 59, 58) / 1000,
  epoch: 0,
  'year-2040': Date.UTC(2040, 1, 29, 12, 34, 56) / 1000,
  'year-2100': Date.UTC(2100, 0, 1) / 1000,
};

/** Fills an existing directory with what breaks naive clients. */
export function hostileTree(root: string): HostileTree {
  const entries: HostileEntry[] = [];
  const onDisk = (path: Buffer) => Buffer.concat([Buffer.from(`${root}/`), path]);
  const file = (path: string | Buffer, size = 1, modifiedSeconds = ordinary) => {
    const bytes = Buffer.from(path);
    writeSparse(onDisk(bytes), size, modifiedSeconds);
    entries.push({ path: nameFromBytes(bytes), kind: 'file', size, modifiedSeconds });
  };
  const directory = (path: string) => {
    mkdirSync(`${root}/${path}`);
    entries.push({ path, kind: 'directory' });
  };
  const link = (target: string, path: string) => {
    symlinkSync(target, `${root}/${path}`);
    entries.push({ path, kind: 'link' });
  };
  const unlock = () => chmodSync(`${root}/locked`, 0o755);

  for (const name of awkwardNames) file(name, name.length);
  for (const name of brokenNames) file(name, name.length);
  for (const [name, seconds] of Object.entries(times)) file(name, 4, seconds);
  file('over-4-gib', 5 * 2 ** 30 + 7);

  // A server that takes a path for a pattern shows the one for the other.
  for (const name of ['glob1', 'glob[1]', 'dir with space', 'dir -> arrow', '-a', 'dir"quote', 'ordner-ü']) {
    directory(name);
    file(`${name}/inside ${name}`, 10);
  }
  directory('empty');
  link('glob1', 'link-to-directory');
  link('glob1/inside glob1', 'link-to-file');
  link('nowhere', 'link-to-nothing');
  link('.', 'link-loop');
  link('link-to-itself', 'link-to-itself');
  link('/etc', 'link-outside');

  directory('locked');
  writeSparse(`${root}/locked/secret`, 1, ordinary);
  chmodSync(`${root}/locked`, 0);
  return { entries, locked: 'locked', unlock };
}
