/** What a listing can say of a name. Links are never followed; `other` is a device, socket or pipe. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/** How exact `modifiedAt` is: the true time lies in [modifiedAt, modifiedAt + one unit). `none`: not known. */
export type Precision = 'millisecond' | 'second' | 'minute' | 'day' | 'none';

/**
 * One line of a listing. `name` is one path segment in the encoding of `name.ts`. `size` in bytes (a double:
 * exact to 9 PB), null where unknown or meaningless. `modifiedAt` in milliseconds since 1970 UTC, null with
 * precision `none`.
 */
export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
  readonly size: number | null;
  readonly modifiedAt: number | null;
  readonly precision: Precision;
}

/** What consumers can know of an entry. */
export type Facts = Pick<Entry, 'size' | 'modifiedAt' | 'precision'>;

export const precisionMs: Readonly<Record<Precision, number>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  day: 86_400_000,
  none: Number.POSITIVE_INFINITY,
};

/** Joins a directory's path relative to the root ('' is the root) and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Number of segments; the root '' has none. */
export function depthOf(path: string): number {
  if (path === '') return 0;
  let depth = 1;
  for (let i = path.indexOf('/'); i !== -1; i = path.indexOf('/', i + 1)) depth += 1;
  return depth;
}

export function isBelow(path: string, ancestor: string): boolean {
  return ancestor === '' ? path !== '' : path.startsWith(`${ancestor}/`);
}
