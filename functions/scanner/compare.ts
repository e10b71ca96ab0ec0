import { setImmediate } from 'node:timers/promises';
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
import { type DiffPolicy, diff, type Rescoped } from '../../shared/tree/diff.ts';
import { type ListedChunk, type ListedDirectory, sorted } from '../../shared/tree/digest.ts';
import type { EntryList } from '../../shared/tree/entries.ts';
import { type Entry, joinPath } from '../../shared/tree/entry.ts';
import { type Listing, type Profile, parseProfile, profileName } from '../../shared/tree/listing.ts';
import { isWorthAWrite } from '../../shared/tree/probe.ts';
import { comparison } from '../../shared/tree/same.ts';
import { compileSelection, type Selection } from '../../shared/tree/selection.ts';
import { Findings } from './findings.ts';
import { pieces } from './pieces.ts';

export interface ComparisonContext {
  readonly key: WatchKey;
  readonly watch: WatchConfig;
  readonly selection: Selection;
  readonly scope: string;
  readonly stamp: StampContext;
  /** New files last modified before this wait for the end of the scan; 0: none does. */
  readonly heldBefore: number;
  readonly state: Pick<Snapshots, 'chunkHeads' | 'chunks' | 'directory' | 'scopeRules'>;
}

/** Entries compared in one go: some ten milliseconds. */
const restAfter = 20_000;

/** Compares a listing with the snapshot it was asked for. Undefined: nothing to commit after all. */
export async function compare(
  record: DirectoryRecord,
  listing: Listing,
  listed: ListedDirectory,
  context: ComparisonContext,
  now: number,
): Promise<DirectoryCommit | undefined> {
  const complete = listing.status === 'complete';
  const rescoped = await rescopedFrom(record, complete, context);
  // Without a digest all is compared: a partial listing may have left what it found under rules that are gone again.
  const sameTerms =
    rescoped === null && record.digest !== null && record.profile === profileName(listing.profile);
  const { heads, chunks } = await differing(record, listed, sameTerms, context);
  const found = new Findings(record, rescoped, context);
  const reconcile = comparison(
    record.profile === '' ? listing.profile : parseProfile(record.profile),
    listing.profile,
  );
  const policy = policyFor(record, rescoped, context);
  let compared = 0;
  for (const piece of pieces(heads, chunks, untracked(record, listing, listed, context.selection))) {
    const outcome = diff({ known: piece.known, listed: piece.listed, complete, now, reconcile, policy });
    found.add(piece, outcome, complete);
    // A million entries take seconds, and leases must be kept meanwhile.
    compared += piece.known.length + piece.listed.length;
    if (compared >= restAfter) {
      compared = 0;
      await setImmediate();
    }
  }
  const next = found.record(listing, listed, sameTerms);
  const stands = !found.rewritten && sameRecord(record, next, listing.profile);
  if (stands && (await haveRecords(found.stubs, context))) return undefined;
  const drafts = found.changes.map(
    (change): DraftChange => ({ ...change, path: joinPath(record.path, change.name) }),
  );
  return {
    path: record.path,
    expected: record.generation,
    record: next,
    dropChunks: found.dropChunks,
    putChunks: found.putChunks,
    stubs: found.stubs,
    forget: found.left,
    changes: stampChanges(drafts, context.stamp, record.generation + 1, now),
  };
}

/**
 * What is not tracked proves nothing but that another kind stands at its name now: links, or a directory that no pattern
 * leads into.
 */
function untracked(
  record: DirectoryRecord,
  listing: Listing,
  listed: ListedDirectory,
  selection: Selection,
): EntryList {
  const tracked = listed.chunks.reduce((sum, chunk) => sum + chunk.entries.length, 0);
  if (tracked === listing.entries.length) return [];
  const isTracked = ({ name, kind }: Entry) => tracks(selection, joinPath(record.path, name), kind);
  return sorted(listing.entries.filter((entry) => !isTracked(entry)));
}

async function rescopedFrom(
  record: DirectoryRecord,
  complete: boolean,
  context: ComparisonContext,
): Promise<Rescoped | null> {
  if (record.generation === 0 || record.scope === context.scope) return null;
  const rules = await context.state.scopeRules(record.scope);
  if (rules === undefined) return null;
  const former = compileSelection(rules);
  const { initial } = context.watch;
  const at = (name: string) => joinPath(record.path, name);
  return {
    admitted: (name, kind) => former.admits(at(name), kind),
    admittedSize: (size) => former.admitsSize(size),
    descended: (name) => former.descends(at(name)),
    initial,
    stay: !complete && initial === 'baseline',
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
  const wanted = toRead.map((head) => head.chunk);
  const chunks = wanted.length === 0 ? [] : await context.state.chunks(context.key, record.path, wanted);
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
    tracks: (name, kind) => tracks(selection, selection.pathOf(record.path, name), kind),
    // Of directories that only one of two scopes admits, nothing is told before a complete listing.
    admits: (name, kind) =>
      selection.admits(selection.pathOf(record.path, name), kind) &&
      (kind === 'file' || rescoped?.stay !== true || rescoped.admitted(name, kind)),
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

/** Whether these subtrees were all entered before: a listing that is partial time and again is not written each time. */
async function haveRecords(
  stubs: DirectoryCommit['stubs'],
  { state, key }: ComparisonContext,
): Promise<boolean> {
  for (const { path } of stubs) if ((await state.directory(key, path)) === undefined) return false;
  return true;
}

function sameRecord(
  record: DirectoryRecord,
  next: NonNullable<DirectoryCommit['record']>,
  profile: Profile,
): boolean {
  return (
    record.digest === next.digest &&
    record.scope === next.scope &&
    record.profile === next.profile &&
    record.stub === next.stub &&
    record.dueAt === next.dueAt &&
    record.held === next.held &&
    record.provedBy === next.provedBy &&
    !isWorthAWrite(record.probe, next.probe, profile)
  );
}
