import { type Diff, type DiffInput, type DiffPolicy, diff } from '../../shared/tree/diff.ts';
import type { Entry, Facts, Precision } from '../../shared/tree/entry.ts';
import type { Profile } from '../../shared/tree/listing.ts';
import { comparison } from '../../shared/tree/same.ts';
import type { SnapshotEntry } from '../../shared/tree/snapshot.ts';

export const sftp: Profile = { command: 'sftp', zone: 'UTC', offsetMinutes: 0 };
export const someDay = Date.UTC(2026, 4, 20, 12, 0, 0);

export function file(name: string, size: number | null = 10, modifiedAt: number | null = someDay): Entry {
  return { name, kind: 'file', size, modifiedAt, precision: modifiedAt === null ? 'none' : 'second' };
}

export function directory(name: string, modifiedAt: number = someDay): Entry {
  return { name, kind: 'directory', size: null, modifiedAt, precision: 'second' };
}

export function link(name: string): Entry {
  return { name, kind: 'link', size: null, modifiedAt: null, precision: 'none' };
}

export function facts(
  size: number | null,
  modifiedAt: number | null,
  precision: Precision = 'second',
): Facts {
  return { size, modifiedAt, precision };
}

/** Everything is reported, at once. */
export const plainPolicy: DiffPolicy = {
  tracks: () => true,
  admits: () => true,
  admitsSize: () => true,
  stub: null,
  rescoped: null,
  settleMs: 0,
  heldBefore: 0,
  missesUpTo: 2,
};

export type Look = Partial<Omit<DiffInput, 'policy'>> & { readonly policy?: Partial<DiffPolicy> };

/** One look at a directory: complete and under the default policy unless it says otherwise. */
export function look(known: readonly SnapshotEntry[], listed: readonly Entry[], more: Look = {}): Diff {
  return diff({
    known,
    listed,
    complete: true,
    now: 1_000,
    reconcile: comparison(sftp, sftp),
    ...more,
    policy: { ...plainPolicy, ...more.policy },
  });
}

/** A snapshot that knows these entries and has nothing to say about them. */
export function baseline(...entries: readonly Entry[]): readonly SnapshotEntry[] {
  return look([], entries, { policy: { stub: 'baseline' } }).entries;
}

/** `type kind name` of each change. */
export function told({ changes }: Pick<Diff, 'changes'>): readonly string[] {
  return changes.map(({ type, kind, name }) => `${type} ${kind} ${name}`);
}
