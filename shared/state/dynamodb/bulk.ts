import { randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import {
  binary,
  bytesAt,
  damaged,
  type Item,
  type Key,
  key,
  keyItem,
  keyText,
  number,
  parsed,
} from './attributes.ts';
import { forEachOf, type Table } from './table.ts';
import { expiryAttribute } from './table-definition.ts';

/**
 * Bytes of any length in partitions of their own, cut below the 400 KB of an item. Written under a name that nobody
 * knows yet, never changed, and forgotten once nothing points there.
 */
export const storedBulk = z.object({ id: z.string(), parts: z.number() });
export type Bulk = Readonly<z.infer<typeof storedBulk>>;

const partBytes = 380_000;
export const idBytes = 9;

export function newId(): string {
  return randomBytes(idBytes).toString('base64url');
}

export function newBulk(bytes: Uint8Array): Bulk {
  return { id: newId(), parts: Math.max(1, Math.ceil(bytes.length / partBytes)) };
}

export async function writeBulk(
  table: Table,
  bulk: Bulk,
  bytes: Uint8Array,
  expiresAt?: number,
): Promise<void> {
  await forEachOf([...bulkKeys(bulk).entries()], async ([index, at]) => {
    const part = bytes.subarray(index * partBytes, (index + 1) * partBytes);
    await table.put({ ...keyItem(at), b: binary(part), ...expiring(expiresAt) });
  });
}

/** Undefined for a bulk of which anything is gone. */
export async function readBulks(
  table: Table,
  bulks: readonly Bulk[],
): Promise<readonly (Buffer | undefined)[]> {
  const found = await table.getAll(bulks.flatMap(bulkKeys));
  return bulks.map((bulk) => {
    const parts = bulkKeys(bulk)
      .map((at) => found.get(keyText(at)))
      .filter((part) => part !== undefined);
    return parts.length === bulk.parts ? Buffer.concat(parts.map((part) => bytesAt(part, 'b'))) : undefined;
  });
}

export async function dropBulks(table: Table, bulks: readonly Bulk[]): Promise<void> {
  await table.deleteAll(bulks.flatMap(bulkKeys));
}

export function expiring(expiresAt: number | undefined): Item {
  return expiresAt === undefined ? {} : { [expiryAttribute]: number(Math.ceil(expiresAt / 1_000)) };
}

function bulkKeys({ id, parts }: Bulk): readonly Key[] {
  return Array.from({ length: parts }, (_, part) => key(`b${id}`, Uint8Array.of(part)));
}

/** JSON inside a row while it is short, beside it once it is long. */
export const storedPacked = z.union([z.object({ text: z.string() }), storedBulk]);
export type Packed = Readonly<z.infer<typeof storedPacked>>;

const longestInline = 1_500;

export async function pack(table: Table, value: unknown, expiresAt?: number): Promise<Packed> {
  const text = JSON.stringify(value);
  if (text.length <= longestInline) return { text };
  const bytes = zstdCompressSync(Buffer.from(text));
  const bulk = newBulk(bytes);
  await writeBulk(table, bulk, bytes, expiresAt);
  return bulk;
}

export async function unpack<S extends z.ZodType>(
  table: Table,
  packed: Packed,
  schema: S,
): Promise<z.output<S>> {
  if ('text' in packed) return parsed(packed.text, 'a packed value', schema);
  const [bytes] = await readBulks(table, [packed]);
  if (bytes === undefined) throw damaged(`bulk ${packed.id}`);
  return parsed(zstdDecompressSync(bytes).toString('utf8'), `bulk ${packed.id}`, schema);
}

export function bulksOf(...packed: readonly (Packed | null | undefined)[]): readonly Bulk[] {
  return packed.flatMap((each) => (each && 'id' in each ? [each] : []));
}
