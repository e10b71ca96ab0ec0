import type * as z from 'zod';
import { StateUnusable } from '../../failure.ts';
import { nameFromBytes } from '../../tree/name.ts';
import type { Probe } from '../../tree/probe.ts';
import { decodeProbe } from '../probe-codec.ts';
import type { Row } from './database.ts';

/** Readers of single columns: a wrong type is a damaged file, never a crash further on. */

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw damaged(column);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw damaged(column);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw damaged(column);
  return value;
}

export function json<S extends z.ZodType>(row: Row, column: string, schema: S): z.output<S> {
  const parsed = schema.safeParse(parseJson(text(row, column)));
  if (!parsed.success) throw damaged(column);
  return parsed.data;
}

/** Undefined, which no schema takes, where the text is no JSON. */
function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

export function jsonOrNull<S extends z.ZodType>(row: Row, column: string, schema: S): z.output<S> | null {
  return row[column] === null ? null : json(row, column, schema);
}

export function choice<const C extends string>(row: Row, column: string, choices: readonly C[]): C {
  const value = text(row, column);
  const found = choices.find((candidate) => candidate === value);
  if (found === undefined) throw damaged(column);
  return found;
}

export function digest(row: Row, column: string): string | null {
  return row[column] === null ? null : Buffer.from(bytes(row, column)).toString('hex');
}

export function probe(row: Row, column: string): Probe | null {
  if (row[column] === null) return null;
  const stored = decodeProbe(bytes(row, column));
  if (stored === undefined) throw damaged(column);
  return stored;
}

export function pathOf(row: Row): string {
  return nameFromBytes(bytes(row, 'path').subarray(1)).replaceAll('\0', '/');
}

function damaged(column: string): StateUnusable {
  return new StateUnusable(`the state holds something unexpected in column ${column}`, {
    advice:
      'Restore the state file from a backup, or move it away: the next run then starts with a new baseline.',
  });
}
