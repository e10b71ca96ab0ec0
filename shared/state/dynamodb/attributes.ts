import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type * as z from 'zod';
import { StateUnusable } from '../../failure.ts';

export type Item = Record<string, AttributeValue>;

/** `p` is the partition key; `s`, the sort key, is binary because directories are sorted by the bytes of their paths. */
export interface Key {
  readonly p: string;
  readonly s: Uint8Array;
}

export function key(p: string, s: string | Uint8Array): Key {
  return { p, s: typeof s === 'string' ? Buffer.from(s) : s };
}

export function keyItem({ p, s }: Key): Item {
  return { p: string(p), s: binary(s) };
}

export function keyOf(item: Item): Key {
  return { p: stringAt(item, 'p'), s: bytesAt(item, 's') };
}

/** For maps: two keys are the same exactly where their texts are. */
export function keyText({ p, s }: Key): string {
  return `${p} ${Buffer.from(s).toString('latin1')}`;
}

export function string(value: string): AttributeValue {
  return { S: value };
}

export function number(value: number): AttributeValue {
  return { N: String(value) };
}

export function binary(value: Uint8Array): AttributeValue {
  return { B: value };
}

/** JSON escapes lone surrogates (names that are not UTF-8), which a string attribute would lose. */
export function json(value: unknown): AttributeValue {
  return { S: JSON.stringify(value) };
}

export function stringAt(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw damaged(name);
  return value;
}

export function numberAt(item: Item, name: string, absent?: number): number {
  const text = item[name]?.N;
  const value = text === undefined ? absent : Number(text);
  if (value === undefined || Number.isNaN(value)) throw damaged(name);
  return value;
}

export function bytesAt(item: Item, name: string): Uint8Array {
  const value = item[name]?.B;
  if (value === undefined) throw damaged(name);
  return value;
}

export function jsonAt<S extends z.ZodType>(item: Item, name: string, schema: S): z.output<S> {
  return parsed(stringAt(item, name), name, schema);
}

export function parsed<S extends z.ZodType>(text: string, name: string, schema: S): z.output<S> {
  const result = schema.safeParse(parseJson(text));
  if (!result.success) throw damaged(name);
  return result.data;
}

/** Undefined, which no schema takes, where the text is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function damaged(what: string): StateUnusable {
  return new StateUnusable(`the state table holds something unexpected in ${what}`, {
    advice: 'Restore the table to a point in time before the damage, or give this deployment a new table.',
  });
}
