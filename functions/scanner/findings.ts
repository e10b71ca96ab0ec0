import { EncodedEntries } from '../../shared/state/entry-codec.ts';
import type { Chunk, DirectoryCommit, DirectoryRecord, NewChunk } from '../../shared/state/state.ts';
import type { Diff, EntryChange, Rescoped } from '../../shared/tree/diff.ts';
import { inOrder, type ListedDirectory } from '../../shared/tree/digest.ts';
import { ofKinds } from '../../shared/tree/entries.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import { type Listing, profileName } from '../../shared/tree/listing.ts';
import { detached } from '../../shared/tree/name.ts';
import { isHeld, isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';
import type { ComparisonContext } from './compare.ts';
import type { Piece } from './pieces.ts';

/** What the comparison of one directory comes to, put together piece by piece. */
export class Findings {
  readonly #record: DirectoryRecord;
  readonly #rescoped: Rescoped | null;
  readonly #context: ComparisonContext;
  readonly changes: EntryChange[] = [];
  readonly dropChunks: string[] = [];
  readonly putChunks: NewChunk[] = [];
  readonly stubs: DirectoryCommit['stubs'][number][] = [];
  /** Directories below which the new rules admit nothing any more. */
  readonly left: string[] = [];
  /** Whether any entry is another than before. */
  rewritten = false;
  #reported = { before: 0, after: 0 };
  #missing = false;
  #held = false;
  #dueAt: number | null = null;

  constructor(record: DirectoryRecord, rescoped: Rescoped | null, context: ComparisonContext) {
    this.#record = record;
    this.#rescoped = rescoped;
    this.#context = context;
  }

  add(piece: Piece, { entries, changes, stubs, rewritten }: Diff, complete: boolean): void {
    const { selection, watch } = this.#context;
    const rescoped = this.#rescoped;
    this.rewritten ||= rewritten;
    for (const change of changes) this.changes.push({ ...change, name: detached(change.name) });
    for (const { name, stub } of stubs) this.#found(name, stub);
    this.#reported.before += this.#countReported(piece.known);
    this.#reported.after += this.#countReported(entries);
    for (const entry of entries) {
      this.#missing ||= entry.seen === null;
      this.#held ||= isHeld(entry);
      this.#dueAt = earlier(this.#dueAt, entry, watch.settleMs);
    }
    if (rescoped !== null) this.#descendFirst(entries, rescoped);
    // Without a digest: a partial listing may have entered subtrees under rules that are gone again.
    if (complete && (rescoped !== null || this.#record.digest === null)) {
      for (const path of this.#directories(piece.known)) {
        if (!selection.descends(path)) this.left.push(path);
      }
    }
    this.#put(piece, inOrder(entries), complete);
  }

  record(
    listing: Listing,
    listed: ListedDirectory,
    sameTerms: boolean,
  ): NonNullable<DirectoryCommit['record']> {
    const record = this.#record;
    const { scope, stamp } = this.#context;
    const complete = listing.status === 'complete';
    const stays = this.#rescoped?.stay === true;
    // What a partial listing did not rewrite is still what the last complete one showed, under the same rules.
    const stands = !this.rewritten && this.stubs.length === 0 && (stays || this.#rescoped === null);
    const digest = complete ? listed.digest : stands ? record.digest : null;
    return {
      digest,
      scope: stays ? record.scope : scope,
      profile: complete || record.profile === '' ? profileName(listing.profile) : record.profile,
      stub: complete ? null : record.stub,
      dueAt: this.#dueAt,
      held: this.#held,
      provedBy: complete && this.#missing ? stamp.scan : record.provedBy,
      changedBy: this.changes.length > 0 ? stamp.scan : record.changedBy,
      reported: (sameTerms ? record.reported - this.#reported.before : 0) + this.#reported.after,
      listed: complete ? listing.entries.length : record.listed,
      leaf: complete ? ofKinds(listing.entries, 'directory').length === 0 : record.leaf,
      probe: complete ? (listing.probe ?? null) : digest === null ? null : record.probe,
    };
  }

  /**
   * Directories known for their own sake that the new rules are the first to descend into, listed or not: a listing that
   * is partial time and again must not keep them closed.
   */
  #descendFirst(entries: readonly SnapshotEntry[], rescoped: Rescoped): void {
    const stub = this.#context.watch.initial === 'emit' ? 'new' : 'baseline';
    const found = new Set(this.stubs.map(({ path }) => path));
    for (const { kind, name } of entries) {
      if (kind !== 'directory' || rescoped.descended(name)) continue;
      if (!found.has(joinPath(this.#record.path, name))) this.#found(name, stub);
    }
  }

  #found(name: string, stub: 'baseline' | 'new'): void {
    const path = joinPath(this.#record.path, name);
    const rescoped = this.#rescoped;
    // The rules that the record stays under may come back, and would not find it new any more.
    const wasOpen = rescoped?.stay === true && rescoped.descended(name);
    if (wasOpen || this.#context.selection.descends(path)) this.stubs.push({ path, stub });
  }

  #directories(entries: readonly SnapshotEntry[]): readonly string[] {
    return entries.flatMap(({ kind, name }) =>
      kind === 'directory' ? [joinPath(this.#record.path, name)] : [],
    );
  }

  #countReported(entries: readonly SnapshotEntry[]): number {
    const { selection } = this.#context;
    let count = 0;
    for (const { name, kind, reported } of entries) {
      if (reported !== null && selection.admits(selection.pathOf(this.#record.path, name), kind)) count += 1;
    }
    return count;
  }

  /**
   * A chunk with anything pending, or from a partial listing, gets no digest: it must be read at the next look, for its
   * listed part alone would look equal. One that would be put as it stands is neither dropped nor put: a long absence
   * rewrites nothing.
   */
  #put(piece: Piece, entries: readonly SnapshotEntry[], complete: boolean): void {
    const digest = complete && !entries.some(isPending) ? piece.digest : null;
    const standing = piece.read.find((chunk) => isTheSame(chunk, digest, entries));
    for (const chunk of piece.read) if (chunk !== standing) this.dropChunks.push(chunk.chunk);
    const isNothing = piece.digest === null && entries.length === 0;
    if (standing !== undefined || isNothing) return;
    // As it will be stored: it has to wait for the rest of the directory, and of the batch.
    this.putChunks.push({ digest, entries: new EncodedEntries(entries) });
  }
}

function isTheSame(chunk: Chunk, digest: string | null, entries: readonly SnapshotEntry[]): boolean {
  return (
    chunk.digest === digest &&
    chunk.entries.length === entries.length &&
    chunk.entries.every((entry, index) => entry === entries[index])
  );
}

function earlier(due: number | null, entry: SnapshotEntry, settleMs: number): number | null {
  if (!isPending(entry) || entry.seen === null || entry.kind === 'directory') return due;
  return Math.min(due ?? Number.POSITIVE_INFINITY, entry.since + settleMs);
}
