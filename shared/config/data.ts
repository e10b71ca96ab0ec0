import type { KeyPath } from './problems.ts';

export type Data = Readonly<Record<string, unknown>>;

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The map at a key, or an empty one: for rules that look at data the schema has not accepted. */
export function dataAt(value: unknown, key: string): Data {
  const found = isData(value) ? value[key] : undefined;
  return isData(found) ? found : {};
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const found: unknown = isData(value) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
}

export function valueAt(value: unknown, path: KeyPath): unknown {
  let found = value;
  for (const part of path) {
    if (Array.isArray(found)) found = found[Number(part)];
    else if (isData(found) && Object.hasOwn(found, part)) found = found[part];
    else return undefined;
  }
  return found;
}

/** A copy with one value replaced. Aliases share nodes, so nothing is ever changed in place. */
export function withValue(value: unknown, [part, ...rest]: KeyPath, replacement: unknown): unknown {
  if (part === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === part ? withValue(item, rest, replacement) : item));
  }
  const map = isData(value) ? value : {};
  return { ...map, [part]: withValue(map[part], rest, replacement) };
}
