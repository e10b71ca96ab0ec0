import type { Entry, Facts } from './entry.ts';
import type { Reconcile } from './same.ts';
import { factsOf, isPending, type SnapshotEntry, settled } from './snapshot.ts';

/** A change before it has an identity: a name within one directory. */
export interface EntryChange {
  readonly type: 'created' | 'modified' | 'deleted';
  readonly kind: SnapshotEntry['kind'];
  readonly name: string;
  readonly old: Facts | null;
  readonly new: Facts | null;
}

export interface DiffInput {
  /** The entries last committed, or those of the chunks that differ; names unique by kind. */
  readonly known: readonly SnapshotEntry[];
  /** What the listing shows of the same names: all kinds, links too. */
  readonly listed: readonly Entry[];
  /** Only a complete listing can show that something is missing. */
  readonly complete: boolean;
  readonly now: number;
  readonly reconcile: Reconcile;
  readonly policy: DiffPolicy;
}

export interface DiffPolicy {
  /** Whether the watch keeps track of the entry: it is admitted, or a directory to descend into. */
  readonly tracks: (name: string, kind: SnapshotEntry['kind']) => boolean;
  /** Whether changes of the entry are reported. */
  readonly admits: (name: string, kind: SnapshotEntry['kind']) => boolean;
  /** Decides over files not known yet; one that is known stays watched whatever it grows to. */
  readonly admitsSize: (size: number | null) => boolean;
  /** Entries of a directory never listed before: silent, or created. Null once it has been listed. */
  readonly stub: 'baseline' | 'new' | null;
  /** Set when the rules changed since the snapshot: entries that the old rules did not admit follow `initial`. */
  readonly rescoped: Rescoped | null;
  readonly settleMs: number;
  /** A new file last modified before this may have been moved here: it waits for the end of the scan. */
  readonly heldBefore: number;
  /** From so many misses on they count no further, so that a long absence rewrites nothing. */
  readonly missesUpTo: number;
}

/** The rules the snapshot was taken under. */
export interface Rescoped {
  readonly descended: (name: string) => boolean;
  readonly admitted: (name: string, kind: SnapshotEntry['kind']) => boolean;
  readonly admittedSize: (size: number | null) => boolean;
  readonly initial: 'baseline' | 'emit';
  /**
   * The snapshot stays under them until a complete listing: what only the new rules admit, and a partial listing did not
   * show, could not be told from what is created later. By them it goes on saying which directories consumers know of.
   */
  readonly stay: boolean;
}

export interface Diff {
  readonly entries: readonly SnapshotEntry[];
  readonly changes: readonly EntryChange[];
  /** Directories seen for the first time, and whether what is in them is silent or created. */
  readonly stubs: readonly {
    readonly name: string;
    readonly stub: 'baseline' | 'new';
  }[];
  /** Whether `entries` differ from `known` in anything. */
  readonly rewritten: boolean;
}

/**
 * Compares one directory's snapshot with a listing of it. Total and deterministic. A missing entry stays, marked,
 * until the end of the scan judges it; a deletion comes out of here only where the same name has another kind now.
 */
export function diff(input: DiffInput): Diff {
  const { known, listed, complete, now, policy } = input;
  const unmatched = new Map(known.map((entry) => [keyOf(entry), entry]));
  const entries: SnapshotEntry[] = [];
  const changes: EntryChange[] = [];
  const stubs: { name: string; stub: 'baseline' | 'new' }[] = [];
  let rewritten = false;

  for (const entry of listed) {
    if (!isTrackable(entry)) continue;
    const before = takeOut(unmatched, entry);
    if (!policy.tracks(entry.name, entry.kind) || hasWrongSize(entry, before !== undefined, policy)) {
      if (before === undefined) continue;
      // Only a complete listing lets it leave: before one, the rules may come back that it is known under.
      if (complete) rewritten = true;
      else entries.push(before);
      continue;
    }
    const step =
      before === undefined || newlyAdmitted(entry, policy)
        ? found(entry, now, policy)
        : seenAgain(before, entry, input);
    entries.push(step.entry);
    if (step.change) changes.push(step.change);
    if (before === undefined && entry.kind === 'directory') {
      stubs.push({ name: entry.name, stub: stubFor(entry.name, policy) });
    }
    rewritten ||= step.entry !== before;
  }
  const seenKinds = new Map(unmatched.size === 0 ? [] : listed.map((entry) => [entry.name, entry]));
  for (const before of unmatched.values()) {
    const step = notListed(before, seenKinds.get(before.name), complete, now, policy);
    if (step.entry) entries.push(step.entry);
    if (step.change) changes.unshift(step.change); // deleted comes before created at the same name (rule 11)
    rewritten ||= step.entry !== before;
  }
  return { entries, changes, stubs, rewritten };
}

function takeOut(unmatched: Map<string, SnapshotEntry>, entry: TrackableEntry): SnapshotEntry | undefined {
  // A directory listed for the first time may have a million entries, and no key is needed for any of them.
  if (unmatched.size === 0) return undefined;
  const key = keyOf(entry);
  const before = unmatched.get(key);
  unmatched.delete(key);
  return before;
}

/** A known file stays watched whatever it grows to; only new rules can let it go, where the old ones took its size. */
function hasWrongSize(
  entry: TrackableEntry,
  isKnown: boolean,
  { admitsSize, rescoped }: DiffPolicy,
): boolean {
  if (entry.kind !== 'file' || admitsSize(entry.size)) return false;
  return !isKnown || (rescoped?.admittedSize(entry.size) ?? false);
}

/** Known for descending only, as files never are, and admitted by the new rules: as good as found now. */
function newlyAdmitted(entry: Pick<SnapshotEntry, 'name' | 'kind'>, policy: DiffPolicy): boolean {
  const { rescoped } = policy;
  return (
    entry.kind === 'directory' &&
    rescoped?.initial === 'emit' &&
    policy.admits(entry.name, entry.kind) &&
    !rescoped.admitted(entry.name, entry.kind)
  );
}

interface Step {
  readonly entry: SnapshotEntry;
  readonly change?: EntryChange;
}

function found(entry: TrackableEntry, now: number, policy: DiffPolicy): Step {
  const putOff = isPutOff(entry, policy);
  // What came between new rules and their first complete listing may have been there before: better silent than invented.
  const silent =
    (!putOff && !policy.admits(entry.name, entry.kind)) ||
    policy.stub === 'baseline' ||
    (policy.rescoped?.initial === 'baseline' && !wasAdmitted(entry, policy.rescoped));
  if (silent) return { entry: settled(entry, entry.kind) };
  const unreported = {
    name: entry.name,
    kind: entry.kind,
    seen: factsOf(entry),
    reported: null,
    since: now,
    misses: 0,
  };
  return putOff ? { entry: unreported } : reportWhenReady(unreported, now, policy);
}

/** Admitted only by the rules that the snapshot stays under: it is created should they come back, and never if not. */
function isPutOff(entry: TrackableEntry, { admits, rescoped }: DiffPolicy): boolean {
  if (entry.kind !== 'directory' || rescoped?.stay !== true) return false;
  return !admits(entry.name, entry.kind) && rescoped.admitted(entry.name, entry.kind);
}

function wasAdmitted(entry: TrackableEntry, { admitted, admittedSize }: Rescoped): boolean {
  return admitted(entry.name, entry.kind) && (entry.kind === 'directory' || admittedSize(entry.size));
}

function seenAgain(before: SnapshotEntry, entry: TrackableEntry, input: DiffInput): Step {
  const { now, reconcile, policy } = input;
  if (entry.kind === 'directory') return directorySeenAgain(before, entry, now, policy);
  const reported = before.reported && reconcile(before.reported, entry);
  if (reported !== null) {
    const untouched = reported === before.reported && !isPending(before);
    return { entry: untouched ? before : settled({ ...reported, name: entry.name }, 'file') };
  }
  const seen = before.seen && reconcile(before.seen, entry);
  const pending =
    seen === null
      ? { ...before, seen: factsOf(entry), since: now, misses: 0 }
      : { ...before, seen, misses: 0 };
  return reportWhenReady(pending, now, policy, before);
}

/** Directories are never modified; one that came back before its deletion was judged was never gone. */
function directorySeenAgain(
  before: SnapshotEntry,
  entry: TrackableEntry,
  now: number,
  policy: DiffPolicy,
): Step {
  if (!isPending(before)) return { entry: before };
  if (before.reported !== null) return { entry: settled(entry, 'directory') };
  const pending = { ...before, seen: factsOf(entry), since: now, misses: 0 };
  if (policy.admits(entry.name, 'directory')) return reportWhenReady(pending, now, policy, before);
  if (policy.rescoped?.stay !== true) return { entry: settled(entry, 'directory') };
  return { entry: before.seen === null ? pending : before };
}

/** Reports an entry whose look differs from what consumers know, once it has settled and if it need not wait. */
function reportWhenReady(
  pending: SnapshotEntry,
  now: number,
  policy: DiffPolicy,
  before?: SnapshotEntry,
): Step {
  const unchanged =
    before !== undefined &&
    before.since === pending.since &&
    before.misses === pending.misses &&
    before.seen !== null &&
    pending.seen !== null &&
    sameObject(before.seen, pending.seen);
  const waiting = { entry: unchanged ? before : pending };
  const { seen } = pending;
  if (seen === null || !hasSettled(pending, now, policy.settleMs)) return waiting;
  if (pending.reported === null && mayBeMoved(pending, policy)) return waiting;
  const change: EntryChange = {
    type: pending.reported === null ? 'created' : 'modified',
    kind: pending.kind,
    name: pending.name,
    old: pending.reported,
    new: seen,
  };
  return {
    entry: settled({ ...seen, name: pending.name }, pending.kind),
    change,
  };
}

/** Settling is about files being written; a directory is there or not. */
export function hasSettled(entry: SnapshotEntry, now: number, settleMs: number): boolean {
  return entry.kind === 'directory' || now - entry.since >= settleMs;
}

function mayBeMoved(entry: SnapshotEntry, policy: DiffPolicy): boolean {
  const modifiedAt = entry.seen?.modifiedAt ?? null;
  return entry.kind === 'file' && modifiedAt !== null && modifiedAt < policy.heldBefore;
}

function notListed(
  before: SnapshotEntry,
  listed: Entry | undefined,
  complete: boolean,
  now: number,
  policy: DiffPolicy,
): { readonly entry?: SnapshotEntry; readonly change?: EntryChange } {
  if (complete && !policy.tracks(before.name, before.kind)) return {};
  if (listed !== undefined && listed.kind !== before.kind) return replaced(before, now, policy);
  if (!complete) return { entry: notShown(before, now, policy) };
  // Never reported and gone again: nobody needs to know. A directory stays until what is below it is judged.
  if (before.reported === null && before.kind === 'file') return {};
  const misses = Math.min(before.misses + 1, policy.missesUpTo);
  if (before.seen === null && before.misses === misses) return { entry: before };
  return {
    entry: {
      ...before,
      seen: null,
      since: before.seen === null ? before.since : now,
      misses,
    },
  };
}

/** The rules may move on with this listing, and no later one finds it newly admitted: the end of the scan tells of it. */
function notShown(before: SnapshotEntry, now: number, policy: DiffPolicy): SnapshotEntry {
  if (before.seen === null || !newlyAdmitted(before, policy)) return before;
  return { ...before, reported: null, since: now };
}

/** Another kind stands at the name: proof that the old entry is gone, at once (rule 11). */
function replaced(
  before: SnapshotEntry,
  now: number,
  policy: DiffPolicy,
): { readonly entry?: SnapshotEntry; readonly change?: EntryChange } {
  // A directory known for descending only until now: nobody was told of it.
  const isToldOf = before.kind === 'file' || (policy.rescoped?.admitted(before.name, before.kind) ?? true);
  const change: EntryChange | undefined =
    before.reported !== null && isToldOf && policy.admits(before.name, before.kind)
      ? {
          type: 'deleted',
          kind: before.kind,
          name: before.name,
          old: before.reported,
          new: null,
        }
      : undefined;
  if (before.kind === 'file') return change ? { change } : {};
  if (before.seen === null && before.reported === null) return { entry: before };
  const tombstone: SnapshotEntry = {
    ...before,
    seen: null,
    reported: null,
    since: now,
    misses: policy.missesUpTo,
  };
  return change ? { entry: tombstone, change } : { entry: tombstone };
}

function stubFor(name: string, policy: DiffPolicy): 'baseline' | 'new' {
  if (policy.stub !== null) return policy.stub;
  if (policy.rescoped === null) return 'new';
  return policy.rescoped.descended(name) || policy.rescoped.initial === 'emit' ? 'new' : 'baseline';
}

type TrackableEntry = Entry & { readonly kind: SnapshotEntry['kind'] };

function isTrackable(entry: Entry): entry is TrackableEntry {
  return entry.kind === 'file' || entry.kind === 'directory';
}

function keyOf(entry: { readonly name: string; readonly kind: string }): string {
  return entry.kind === 'directory' ? `${entry.name}/` : entry.name;
}

function sameObject(a: Facts, b: Facts): boolean {
  return a.size === b.size && a.modifiedAt === b.modifiedAt && a.precision === b.precision;
}
