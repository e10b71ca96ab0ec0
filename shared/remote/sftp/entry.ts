import type { Entry, EntryKind } from '../../tree/entry.ts';
import type { Attributes } from './codec.ts';

const fileTypeMask = 0o170000;

/** Of the mode's type bits; undefined where the server sent none. */
export function kindOf(mode: number | undefined): EntryKind | undefined {
  switch ((mode ?? 0) & fileTypeMask) {
    case 0:
      return undefined;
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'link';
    default:
      return 'other';
  }
}

export function entryOf(name: string, kind: EntryKind, { size, mtime }: Omit<Attributes, 'mode'>): Entry {
  return {
    name,
    kind,
    size: kind === 'file' && size !== undefined ? size : null,
    modifiedAt: mtime === undefined ? null : mtime * 1000,
    precision: mtime === undefined ? 'none' : 'second',
  };
}
