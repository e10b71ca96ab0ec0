import { hash } from 'node:crypto';
import { nameFromBytes } from '../../tree/name.ts';
import { pathKey } from '../path-key.ts';
import { binary, bytesAt, type Item, type Key, key } from './attributes.ts';

/**
 * Where directories stand. A sort key is the path's key up to 900 bytes, beyond that its first 900 and a hash
 * (protocol rule 24: sort keys end at 1,024 bytes), with the whole in `q`. The root's key would be empty, which
 * DynamoDB does not take: a single NUL, below all others.
 */
const longest = 900;
const rootKey = Uint8Array.of(0);
/** Above every hash. */
const last = Buffer.alloc(17, 0xff);

export function sortKey(path: string): Uint8Array {
  const whole = pathKey(path);
  if (whole.length === 0) return rootKey;
  return isLong(whole) ? Buffer.concat([whole.subarray(0, longest), digestOf(whole)]) : whole;
}

/** Goes into each item of a directory: what its key does not say. */
export function pathAttributes(path: string): Item {
  const whole = pathKey(path);
  return isLong(whole) ? { q: binary(whole) } : {};
}

export function wholeKeyOf(item: Item): Uint8Array {
  const bytes = item['q']?.B ?? bytesAt(item, 's');
  return bytes.length === 1 ? new Uint8Array() : bytes;
}

export function pathOf(item: Item): string {
  return nameFromBytes(wholeKeyOf(item).subarray(1)).replaceAll('\0', '/');
}

export function directoryKey(tree: number, path: string): Key {
  return key(`d${tree}`, sortKey(path));
}

export function heldKey(tree: number, path: string): Key {
  return key(`h${tree}`, sortKey(path));
}

/** The entries of a tree are spread over partitions: a first scan writes them all. */
export function entriesKey(tree: number, path: string): Key {
  const s = sortKey(path);
  return key(entriesPartition(tree, (digestOf(s)[0] ?? 0) % entriesShards), s);
}

export const entriesShards = 16;

export function entriesPartition(tree: number, shard: number): string {
  return `e${tree}.${shard.toString(16)}`;
}

/** Sort keys between which everything below `path` lies; what else lies there is for `isBelowKey` to tell. */
export function below(path: string): { readonly from: Uint8Array; readonly to: Uint8Array } | undefined {
  const whole = pathKey(path);
  if (whole.length === 0) return undefined;
  const from = Buffer.concat([whole, Uint8Array.of(0)]);
  if (isLong(from)) {
    const prefix = from.subarray(0, longest);
    return { from: prefix, to: Buffer.concat([prefix, last]) };
  }
  return { from, to: Buffer.concat([whole, Uint8Array.of(1)]) };
}

export function isBelowKey(item: Item, path: string): boolean {
  const start = Buffer.concat([pathKey(path), Uint8Array.of(0)]);
  const whole = wholeKeyOf(item);
  return whole.length > start.length && start.equals(whole.subarray(0, start.length));
}

/** Keys that end in a hash stand in its order: what shares the 900 bytes before it is sorted by the whole keys. */
export async function* inPathOrder(items: AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
  let run: Item[] = [];
  for await (const item of items) {
    const [first] = run;
    const long = item['q'] !== undefined;
    if (first !== undefined && !(long && samePrefix(first, item))) {
      yield* run.sort(byWholeKey);
      run = [];
    }
    if (long) run.push(item);
    else yield item;
  }
  yield* run.sort(byWholeKey);
}

function samePrefix(a: Item, b: Item): boolean {
  const prefix = (item: Item) => Buffer.from(wholeKeyOf(item).subarray(0, longest));
  return prefix(a).equals(prefix(b));
}

function byWholeKey(a: Item, b: Item): number {
  return Buffer.compare(wholeKeyOf(a), wholeKeyOf(b));
}

function isLong(whole: Uint8Array): boolean {
  return whole.length > longest;
}

function digestOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, 16);
}
