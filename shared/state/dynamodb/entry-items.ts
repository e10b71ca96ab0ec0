import { StaleSnapshot } from '../../failure.ts';
import { storedChunk, storedEntries } from '../entry-codec.ts';
import type { Chunk, DirectoryCommit } from '../state.ts';
import { binary, bytesAt, damaged, type Item } from './attributes.ts';
import { type Bulk, idBytes, newBulk, newId, readBulks } from './bulk.ts';
import { pathAttributes } from './directory-keys.ts';
import type { Table } from './table.ts';

/**
 * The item that names the chunks of a directory, in order, and holds them while they are small: an ordinary
 * directory is one such item. `k`: 27 bytes a chunk; `i`: entries of chunks without a partition of their own.
 */
export interface StoredChunk {
  readonly id: string;
  /** Of its bulk; 0: the entries are in the item. */
  readonly parts: number;
  readonly digest: string | null;
  readonly inline: Uint8Array | undefined;
}

const headBytes = idBytes + 2 + 16;
/** Up to here a chunk stays in the item, and the item's chunks altogether. */
const inlineBytes = { chunk: 6_000, item: 12_000 };

export function storedChunks(item: Item | undefined): readonly StoredChunk[] {
  if (item === undefined) return [];
  const heads = Buffer.from(bytesAt(item, 'k'));
  const chunks: StoredChunk[] = [];
  for (let at = 0; at < heads.length; at += headBytes) {
    const id = heads.toString('base64url', at, at + idBytes);
    const digest =
      heads[at + idBytes + 1] === 1 ? heads.toString('hex', at + idBytes + 2, at + headBytes) : null;
    const inline = item['i']?.M?.[id]?.B;
    chunks.push({ id, parts: heads[at + idBytes] ?? 0, digest, inline });
  }
  return chunks;
}

export function entriesItem(path: string, chunks: readonly StoredChunk[]): Item {
  const heads = chunks.map(({ id, parts, digest }) =>
    Buffer.concat([
      Buffer.from(id, 'base64url'),
      Uint8Array.of(parts, digest === null ? 0 : 1),
      digest === null ? Buffer.alloc(16) : Buffer.from(digest, 'hex'),
    ]),
  );
  const inline = chunks.flatMap((chunk) => (chunk.inline ? [[chunk.id, binary(chunk.inline)] as const] : []));
  return {
    ...pathAttributes(path),
    k: binary(Buffer.concat(heads)),
    ...(inline.length === 0 ? {} : { i: { M: Object.fromEntries(inline) } }),
  };
}

export interface NewChunks {
  readonly chunks: readonly StoredChunk[];
  /** Entries that need a partition of their own. */
  readonly bulks: readonly { readonly bulk: Bulk; readonly bytes: Uint8Array }[];
}

export function newChunks(puts: DirectoryCommit['putChunks']): NewChunks {
  let room = inlineBytes.item;
  const bulks: { bulk: Bulk; bytes: Uint8Array }[] = [];
  const chunks = puts.map(({ digest, entries }): StoredChunk => {
    const bytes = storedEntries(entries);
    if (bytes.length <= Math.min(room, inlineBytes.chunk)) {
      room -= bytes.length;
      return { id: newId(), parts: 0, digest, inline: bytes };
    }
    const bulk = newBulk(bytes);
    bulks.push({ bulk, bytes });
    return { ...bulk, digest, inline: undefined };
  });
  return { chunks, bulks };
}

export async function readChunks(
  table: Table,
  path: string,
  stored: readonly StoredChunk[],
  wanted: readonly string[],
): Promise<readonly Chunk[]> {
  const byId = new Map(stored.map((chunk) => [chunk.id, chunk]));
  const chunks = wanted.map((id) => {
    const chunk = byId.get(id);
    if (chunk === undefined) throw new StaleSnapshot([path]);
    return chunk;
  });
  const apart = chunks.filter((chunk) => chunk.parts > 0);
  const bytes = new Map(
    (await readBulks(table, apart)).map((data, index) => [apart[index]?.id, data] as const),
  );
  return chunks.map(({ id, digest, parts, inline }) => {
    const data = parts > 0 ? bytes.get(id) : inline;
    // Dropped between the two reads, by the commit that replaced it.
    if (data === undefined && parts > 0) throw new StaleSnapshot([path]);
    if (data === undefined) throw damaged(`chunk ${id}`);
    return storedChunk({ chunk: id, digest }, data);
  });
}
