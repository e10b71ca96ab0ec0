import type { Chunk, DirectoryRecord, Snapshots, WatchKey } from '../../shared/state/state.ts';
import { hasSettled } from '../../shared/tree/diff.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import type { MissingEntry } from '../../shared/tree/judge.ts';
import type { MoveCandidate } from '../../shared/tree/moves.ts';
import type { Selection } from '../../shared/tree/selection.ts';
import { isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';

/** A directory with entries that wait for the end of the scan, and the chunks that hold them. */
export interface HeldDirectory {
  readonly record: DirectoryRecord;
  readonly chunks: readonly Chunk[];
  /** Whether the directory itself is missing, or one above it. */
  readonly missing: boolean;
}

export interface HeldChanges {
  readonly directories: ReadonlyMap<string, HeldDirectory>;
  readonly missing: readonly MissingEntry[];
  readonly appeared: readonly MoveCandidate[];
}

export interface HeldRules {
  readonly scan: number;
  readonly confirm: number;
  readonly settleMs: number;
  readonly selection: Selection;
  readonly now: number;
}

type Reading = Pick<Snapshots, 'heldDirectories' | 'directories' | 'chunkHeads' | 'chunks'>;

/** Collects what is unresolved: from the snapshot alone, which is where it lives (protocol rule 7). */
export async function readHeld(key: WatchKey, state: Reading, rules: HeldRules): Promise<HeldChanges> {
  const directories = new Map<string, HeldDirectory>();
  const missing: MissingEntry[] = [];
  const appeared: MoveCandidate[] = [];
  for await (const record of state.heldDirectories(key)) {
    if (directories.has(record.path)) continue; // below a missing directory, read with it
    const held = { record, chunks: await pendingChunks(key, record, state), missing: false };
    directories.set(record.path, held);
    for (const entry of held.chunks.flatMap((chunk) => chunk.entries)) {
      const path = joinPath(record.path, entry.name);
      if (entry.seen === null) {
        const judged = missingEntry(path, entry, record, rules);
        missing.push(judged);
        if (entry.kind === 'directory') await readSubtree(key, judged, state, rules, directories, missing);
      } else if (isReleasable(entry, rules)) {
        appeared.push({ path, facts: entry.seen });
      }
    }
  }
  return { directories, missing, appeared };
}

/** Whether the entry's creation may be reported now. */
export function isReleasable(entry: SnapshotEntry, { now, settleMs }: HeldRules): boolean {
  return (
    isPending(entry) && entry.seen !== null && entry.reported === null && hasSettled(entry, now, settleMs)
  );
}

/** Chunks with a digest hold settled entries only. */
async function pendingChunks(
  key: WatchKey,
  record: DirectoryRecord,
  state: Reading,
): Promise<readonly Chunk[]> {
  const heads = await state.chunkHeads(key, record.path);
  const pending = heads.filter((head) => head.digest === null).map((head) => head.chunk);
  return state.chunks(key, record.path, pending);
}

function missingEntry(
  path: string,
  entry: SnapshotEntry,
  parent: DirectoryRecord,
  rules: HeldRules,
): MissingEntry {
  const replaced = entry.reported === null && entry.kind === 'directory';
  // An empty root may be a lost mount: it takes a second scan to believe it (protocol rule 14).
  const needed = parent.path === '' && parent.listed === 0 ? Math.max(2, rules.confirm) : rules.confirm;
  return {
    path,
    kind: entry.kind,
    reported: rules.selection.admits(path, entry.kind) ? entry.reported : null,
    proved: replaced || parent.provedBy === rules.scan,
    confirmed: replaced || entry.misses >= needed,
  };
}

/** Everything below a missing directory is missing, by the same proof. */
async function readSubtree(
  key: WatchKey,
  top: MissingEntry,
  state: Reading,
  rules: HeldRules,
  directories: Map<string, HeldDirectory>,
  missing: MissingEntry[],
): Promise<void> {
  for await (const record of state.directories(key, top.path)) {
    const heads = await state.chunkHeads(key, record.path);
    const all = heads.map((head) => head.chunk);
    const chunks = await state.chunks(key, record.path, all);
    directories.set(record.path, { record, chunks, missing: true });
    for (const entry of chunks.flatMap((chunk) => chunk.entries)) {
      const path = joinPath(record.path, entry.name);
      missing.push({
        path,
        kind: entry.kind,
        reported: rules.selection.admits(path, entry.kind) ? entry.reported : null,
        proved: top.proved,
        confirmed: top.confirmed,
      });
    }
  }
}
