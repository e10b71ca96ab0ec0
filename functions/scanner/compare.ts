import { type DraftChange, type StampContext, stampChanges } from '../../shared/changes/stamp.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type {
  Chunk,
  ChunkHead,
  DirectoryCommit,
  DirectoryRecord,
  Snapshots,
  WatchKey,
} from '../../shared/state/state.ts';
import { type Diff, type DiffPolicy, diff, type Rescoped } from '../../shared/tree/diff.ts';
import type { ListedChunk, ListedDirectory } from '../../shared/tree/digest.ts';
import { type Entry, joinPath } from '../../shared/tree/entry.ts';
import { type Listing, parseProfile, profileName } from '../../shared/tree/listing.ts';
import { sameProbe } from '../../shared/tree/probe.ts';
import { comparison } from '../../shared/tree/same.ts';
import { compileSelection, type Selection } from '../../shared/tree/selection.ts';
import { isHeld, isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';
import { chunked, withoutStanding } from './chunks.ts';

export interface ComparisonContext {
  readonly key: WatchKey;
  readonly watch: WatchConfig;
  readonly selection: Selection;
  readonly scope: string;
  readonly stamp: StampContext;
  /** New files last modified before this wait for the end of the scan; 0: none does. */
  readonly heldBefore: number;
  readonly state: Pick<Snapshots, 'chunkHeads' | 'chunks' | 'scopeRules'>;
}

/** Compares a listing with the snapshot it was asked for. Undefined: nothing to commit after all. */
export async function compare(
  record: DirectoryRecord,
  listing: Listing,
  listed: ListedDirectory,
  context: ComparisonContext,
  now: number,
): Promise<DirectoryCommit | undefined> {
  const profile = profileName(listing.profile);
  const rescoped = await rescopedFrom(record, context);
  const sameTerms = rescoped === null && (record.profile === '' || record.profile === profile);
  const { heads, chunks } = await differing(record, listed, sameTerms, context);
  const known = chunks.flatMap((chunk) => chunk.entries);
  const complete = listing.status === 'complete';
  // What is not tracked proves nothing but that another kind stands at its name now: links, or a directory that no
  // pattern leads into.
  const tracked = listed.chunks.reduce((sum, chunk) => sum + chunk.entries.length, 0);
  const others =
    tracked === listing.entries.length
      ? []
      : listing.entries.filter(
          (entry) => !tracks(context.selection, joinPath(record.path, entry.name), entry.kind),
        );
  const outcome = diff({
    known,
    listed: heads.flatMap((chunk) => chunk.entries).concat(others),
    complete,
    now,
    reconcile: comparison(
      record.profile === '' ? listing.profile : parseProfile(record.profile),
      listing.profile,
    ),
    policy: policyFor(record, rescoped, context),
  });
  const next = nextRecord(record, listing, listed, outcome, known, sameTerms, context);
  if (!outcome.rewritten && sameRecord(record, next)) return undefined;
  const drafts = outcome.changes.map(
    (change): DraftChange => ({ ...change, path: joinPath(record.path, change.name) }),
  );
  return {
    path: record.path,
    expected: record.generation,
    record: next,
    ...withoutStanding(chunks, chunked(outcome.entries, heads, complete)),
    stubs: stubsFor(record, outcome, rescoped, context),
    forget: leftScope(record, known, rescoped, context),
    changes: stampChanges(drafts, context.stamp, record.generation + 1, now),
  };
}

/**
 * New directories, and those known for their own sake that the new rules are the first to descend into, listed or
 * not: the next listing is compared under the new rules and would not find them new.
 */
function stubsFor(
  record: DirectoryRecord,
  outcome: Diff,
  rescoped: Rescoped | null,
  { selection, watch }: ComparisonContext,
): DirectoryCommit['stubs'] {
  const firstDescended =
    rescoped === null
      ? []
      : outcome.entries
          .filter((entry) => entry.kind === 'directory' && !rescoped.descended(entry.name))
          .map(({ name }) => ({
            name,
            stub: watch.initial === 'emit' ? ('new' as const) : ('baseline' as const),
          }));
  return [...outcome.stubs, ...firstDescended]
    .map(({ name, stub }) => ({ path: joinPath(record.path, name), stub }))
    .filter(({ path }) => selection.descends(path));
}

/** Directories below which the new rules admit nothing any more. */
function leftScope(
  record: DirectoryRecord,
  known: readonly SnapshotEntry[],
  rescoped: Rescoped | null,
  { selection }: ComparisonContext,
): readonly string[] {
  if (rescoped === null) return [];
  return known
    .filter((entry) => entry.kind === 'directory')
    .map((entry) => joinPath(record.path, entry.name))
    .filter((path) => !selection.descends(path));
}

async function rescopedFrom(record: DirectoryRecord, context: ComparisonContext): Promise<Rescoped | null> {
  if (record.generation === 0 || record.scope === context.scope) return null;
  const rules = await context.state.scopeRules(record.scope);
  if (rules === undefined) return null;
  const former = compileSelection(rules);
  const at = (name: string) => joinPath(record.path, name);
  return {
    admitted: (name, kind) => former.admits(at(name), kind),
    admittedSize: (size) => former.admitsSize(size),
    descended: (name) => former.descends(at(name)),
    initial: context.watch.initial,
  };
}

/** The chunks that differ, on both sides. Equal ones hold the same entries, none of them pending. */
async function differing(
  record: DirectoryRecord,
  listed: ListedDirectory,
  sameTerms: boolean,
  context: ComparisonContext,
): Promise<{ readonly heads: readonly ListedChunk[]; readonly chunks: readonly Chunk[] }> {
  const stored = record.generation === 0 ? [] : await context.state.chunkHeads(context.key, record.path);
  const equal = sameTerms ? equalDigests(stored, listed.chunks) : new Set<string>();
  const toRead = stored.filter((head) => head.digest === null || !equal.has(head.digest));
  const chunks = await context.state.chunks(
    context.key,
    record.path,
    toRead.map((head) => head.chunk),
  );
  return { heads: listed.chunks.filter((chunk) => !equal.has(chunk.digest)), chunks };
}

function equalDigests(stored: readonly ChunkHead[], listed: readonly ListedChunk[]): ReadonlySet<string> {
  const digests = new Set(listed.map((chunk) => chunk.digest));
  return new Set(
    stored.flatMap((head) => (head.digest !== null && digests.has(head.digest) ? [head.digest] : [])),
  );
}

function policyFor(
  record: DirectoryRecord,
  rescoped: Rescoped | null,
  context: ComparisonContext,
): DiffPolicy {
  const { selection, watch } = context;
  return {
    tracks: (name, kind) => tracks(selection, joinPath(record.path, name), kind),
    admits: (name, kind) => selection.admits(joinPath(record.path, name), kind),
    admitsSize: (size) => selection.admitsSize(size),
    stub: record.stub,
    rescoped,
    settleMs: watch.settleMs,
    heldBefore: context.heldBefore,
    missesUpTo: Math.max(2, watch.deletes.confirm),
  };
}

/** Whether a snapshot holds the entry: changes of it are reported, or the way to others leads through it. */
export function tracks(selection: Selection, path: string, kind: Entry['kind']): boolean {
  if (kind === 'file') return selection.admits(path, 'file');
  return kind === 'directory' && (selection.descends(path) || selection.admits(path, 'directory'));
}

function nextRecord(
  record: DirectoryRecord,
  listing: Listing,
  listed: ListedDirectory,
  outcome: Diff,
  known: readonly SnapshotEntry[],
  sameTerms: boolean,
  context: ComparisonContext,
): NonNullable<DirectoryCommit['record']> {
  const complete = listing.status === 'complete';
  const reported = (entries: readonly SnapshotEntry[]) =>
    entries.filter(
      (entry) =>
        entry.reported !== null && context.selection.admits(joinPath(record.path, entry.name), entry.kind),
    ).length;
  const missing = outcome.entries.some((entry) => entry.seen === null);
  // What a partial listing did not rewrite is still what the last complete one showed.
  const digest = complete ? listed.digest : outcome.rewritten ? null : record.digest;
  return {
    digest,
    scope: context.scope,
    profile: complete || record.profile === '' ? profileName(listing.profile) : record.profile,
    stub: complete ? null : record.stub,
    dueAt: earliestDue(outcome.entries, context.watch.settleMs),
    held: outcome.entries.some(isHeld),
    provedBy: complete && missing ? context.stamp.scan : record.provedBy,
    changedBy: outcome.changes.length > 0 ? context.stamp.scan : record.changedBy,
    reported: (sameTerms ? record.reported - reported(known) : 0) + reported(outcome.entries),
    listed: complete ? listing.entries.length : record.listed,
    leaf: complete ? listing.entries.every(({ kind }) => kind !== 'directory') : record.leaf,
    probe: complete ? (listing.probe ?? null) : digest === null ? null : record.probe,
  };
}

function earliestDue(entries: readonly SnapshotEntry[], settleMs: number): number | null {
  let due: number | null = null;
  for (const entry of entries) {
    if (!isPending(entry) || entry.seen === null || entry.kind === 'directory') continue;
    due = Math.min(due ?? Number.POSITIVE_INFINITY, entry.since + settleMs);
  }
  return due;
}

function sameRecord(record: DirectoryRecord, next: NonNullable<DirectoryCommit['record']>): boolean {
  return (
    record.digest === next.digest &&
    record.scope === next.scope &&
    record.profile === next.profile &&
    record.stub === next.stub &&
    record.dueAt === next.dueAt &&
    record.held === next.held &&
    record.provedBy === next.provedBy &&
    sameProbe(record.probe, next.probe)
  );
}
