import { hash } from 'node:crypto';
import type { Entry } from './entry.ts';

/** A change of what digests are made of changes this, and with it every stored digest. */
const version = '1';

/** Up to here a directory is one chunk; beyond, chunks hold about `meanChunk` entries. */
const wholeUpTo = 1_024;
const meanChunk = 512;

/** A run of entries with neighbouring names. `digest` is 32 hex digits. */
export interface ListedChunk {
  readonly digest: string;
  readonly entries: readonly Entry[];
}

export interface ListedDirectory {
  /** Of all entries, whatever order they came in. */
  readonly digest: string;
  readonly chunks: readonly ListedChunk[];
}

/**
 * Fingerprints the tracked entries of one listing. Sees name, kind, and of files size, time and precision; not the
 * times of directories, which change with every entry inside. Chunk borders depend on names alone, so one new
 * name in a directory of 100,000 changes one chunk.
 */
export function digestListing(entries: readonly Entry[]): ListedDirectory {
  const sorted = entries.toSorted(byNameThenKind);
  const chunks = cut(sorted).map((chunk) => ({
    digest: digestEntries(chunk),
    entries: chunk,
  }));
  const [only] = chunks;
  const digest =
    chunks.length === 1 && only ? only.digest : digestText(chunks.map((chunk) => chunk.digest).join());
  return { digest, chunks };
}

/** Cuts sorted entries where their names say so. Empty in, empty out. */
export function cut<T extends { readonly name: string }>(sorted: readonly T[]): readonly (readonly T[])[] {
  if (sorted.length === 0) return [];
  if (sorted.length <= wholeUpTo) return [sorted];
  const chunks: T[][] = [];
  let chunk: T[] = [];
  for (const entry of sorted) {
    if (chunk.length > 0 && startsChunk(entry.name)) {
      chunks.push(chunk);
      chunk = [];
    }
    chunk.push(entry);
  }
  chunks.push(chunk);
  return chunks;
}

export function byNameThenKind<T extends { readonly name: string; readonly kind: string }>(
  a: T,
  b: T,
): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0;
}

export function digestEntries(
  sorted: readonly Pick<Entry, 'name' | 'kind' | 'size' | 'modifiedAt' | 'precision'>[],
): string {
  let text = version;
  for (const entry of sorted) {
    text +=
      entry.kind === 'directory'
        ? `\n${entry.name}/`
        : `\n${entry.name}\0${entry.kind}\0${entry.size}\0${entry.modifiedAt}\0${entry.precision}`;
  }
  return digestText(text);
}

/** UTF-16, because UTF-8 would make one character of all the lone surrogates that stand for bytes. */
export function digestText(text: string): string {
  return hash('sha256', Buffer.from(text, 'utf16le'), 'hex').slice(0, 32);
}

/** FNV-1a of the name; a 512th of all names starts a chunk. */
function startsChunk(name: string): boolean {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return (h ^ (h >>> 15)) % meanChunk === 0;
}

/**
 * Rolls digests up: the digest of a tree covers each directory's path and own digest, in the given order (parents
 * first). A directory never proved (`digest` null) counts with its path.
 */
export function rollUp(): {
  add(path: string, digest: string | null): void;
  digest(): string;
} {
  let rolled = digestText(version);
  let pending = '';
  const fold = () => {
    rolled = digestText(rolled + pending);
    pending = '';
  };
  return {
    add(path, digest) {
      pending += `\n${path}\0${digest ?? ''}`;
      if (pending.length > 65_536) fold();
    },
    digest() {
      fold();
      return rolled;
    },
  };
}
