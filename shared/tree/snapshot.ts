import type { Entry, Facts } from './entry.ts';

/**
 * What is known of one name in a directory. Names are unique by (name, kind): a file that became a directory
 * leaves the old entry for a while. Settled entries have `seen` and `reported` equal, `since` and `misses` 0.
 */
export interface SnapshotEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** As the last listing showed it; null: missing from complete listings. */
  readonly seen: Facts | null;
  /** As consumers know it; null: its creation is not in the change log yet (or its deletion is). */
  readonly reported: Facts | null;
  /** When `seen` took its present look, or the entry went missing; 0 once settled. */
  readonly since: number;
  /** Complete listings in a row without it. */
  readonly misses: number;
}

export function isPending(entry: SnapshotEntry): boolean {
  return entry.since !== 0;
}

export function settled(entry: Pick<Entry, 'name'> & Facts, kind: SnapshotEntry['kind']): SnapshotEntry {
  const facts = factsOf(entry);
  return {
    name: entry.name,
    kind,
    seen: facts,
    reported: facts,
    since: 0,
    misses: 0,
  };
}

export function factsOf(entry: Facts): Facts {
  return {
    size: entry.size,
    modifiedAt: entry.modifiedAt,
    precision: entry.precision,
  };
}

/** Whether the entry waits for the end of the scan: missing, or created and possibly the target of a move. */
export function isHeld(entry: SnapshotEntry): boolean {
  return entry.seen === null || (isPending(entry) && entry.reported === null);
}
