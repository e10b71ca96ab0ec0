import type { EntryFacts } from '../../tree/columns.ts';
import type { EntryKind, Facts } from '../../tree/entry.ts';
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

type Settable<T> = { -readonly [K in keyof T]: T[K] };

export function factsOf(kind: EntryKind, attributes: Omit<Attributes, 'mode'>): EntryFacts {
  const facts: Settable<EntryFacts> = { kind, size: null, modifiedAt: null, precision: 'none' };
  setFacts(facts, attributes);
  return facts;
}

/** The same for an object that is used again and again. */
export function setFacts(
  facts: Settable<Facts> & { readonly kind: EntryKind | undefined },
  { size, mtime }: Omit<Attributes, 'mode'>,
): void {
  facts.size = facts.kind === 'file' && size !== undefined ? size : null;
  facts.modifiedAt = mtime === undefined ? null : mtime * 1000;
  facts.precision = mtime === undefined ? 'none' : 'second';
}
