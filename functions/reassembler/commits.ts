import { type DraftChange, type StampContext, stampChanges } from '../../shared/changes/stamp.ts';
import { EncodedEntries } from '../../shared/state/entry-codec.ts';
import type { DirectoryCommit, NewChunk } from '../../shared/state/state.ts';
import { byNameThenKind, cut, digestEntries } from '../../shared/tree/digest.ts';
import { depthOf, joinPath, parentPath } from '../../shared/tree/entry.ts';
import { memberKey, type Verdict } from '../../shared/tree/judge.ts';
import type { Move } from '../../shared/tree/moves.ts';
import { detached } from '../../shared/tree/name.ts';
import { factsOf, isHeld, isPending, type SnapshotEntry, settled } from '../../shared/tree/snapshot.ts';
import { entriesOf, type HeldChanges, type HeldDirectory, type HeldRules, isReleasable } from './held.ts';

/**
 * Turns a verdict into commits, in groups that must each be committed as one: a move leaves one directory and
 * enters another, and look-alikes must not be resolved by halves. Directories without a change are left out.
 */
export function verdictCommits(
  held: HeldChanges,
  verdict: Verdict,
  rules: HeldRules,
  stamp: StampContext,
): readonly (readonly DirectoryCommit[])[] {
  const context: EditContext = {
    verdict,
    rules,
    stamp,
    movesTo: new Map(verdict.moves.map((move) => [move.to, move])),
    movedFrom: new Set(verdict.moves.map((move) => move.from)),
    reportedAt: verdict.moves.length === 0 ? new Map() : reportedFacts(held),
  };
  const commits = new Map<string, DirectoryCommit>();
  // Children before parents, so that the log empties a directory before it removes it. `childrenFirst` keeps that
  // between groups; a crash after the parent's commit would else leave children that nobody looks for any more.
  for (const directory of [...held.directories.values()].reverse()) {
    const commit = directoryCommit(directory, context);
    if (commit !== undefined) commits.set(directory.record.path, commit);
  }
  const links = [
    ...verdict.moves.map((move) => [parentPath(move.from), parentPath(move.to)]),
    ...verdict.ambiguous.map((paths) => paths.map(parentPath)),
  ];
  return childrenFirst(grouped(commits, links));
}

interface EditContext {
  readonly verdict: Verdict;
  readonly rules: HeldRules;
  readonly stamp: StampContext;
  readonly movesTo: ReadonlyMap<string, Move>;
  readonly movedFrom: ReadonlySet<string>;
  readonly reportedAt: ReadonlyMap<string, SnapshotEntry>;
}

function reportedFacts(held: HeldChanges): ReadonlyMap<string, SnapshotEntry> {
  const missing = new Set(held.missing.filter((entry) => entry.kind === 'file').map((entry) => entry.path));
  const found = new Map<string, SnapshotEntry>();
  for (const directory of held.directories.values()) {
    for (const entry of entriesOf(directory)) {
      const path = joinPath(directory.record.path, entry.name);
      if (entry.kind === 'file' && missing.has(path)) found.set(path, entry);
    }
  }
  return found;
}

function directoryCommit(directory: HeldDirectory, context: EditContext): DirectoryCommit | undefined {
  const { record } = directory;
  const { rules, stamp, verdict } = context;
  const gone = verdict.deletions.has(memberKey({ path: record.path, kind: 'directory' }));
  const edited = editChunks(directory, context);
  if (!gone && edited.dropChunks.length === 0) return undefined;
  const { path: _path, generation, ...standing } = record;
  return {
    path: record.path,
    expected: generation,
    record: gone
      ? null
      : {
          ...standing,
          // It shows what was there before the directory vanished: should all of that come back, it must not look known.
          digest: directory.missing ? null : standing.digest,
          held: edited.held,
          dueAt: edited.due ? record.dueAt : null,
          reported: record.reported + edited.reported,
        },
    dropChunks: gone ? [] : edited.dropChunks,
    putChunks: gone ? [] : edited.putChunks,
    stubs: [],
    forget: [],
    changes: stampChanges(edited.drafts.toSorted(byPathThenKind), stamp, generation + 1, rules.now),
  };
}

interface EditedChunks {
  readonly drafts: DraftChange[];
  readonly dropChunks: string[];
  readonly putChunks: NewChunk[];
  /** By how much more entries are known to consumers. */
  reported: number;
  held: boolean;
  /** Whether anything still waits to be reported. */
  due: boolean;
}

/** One after another, and only those that the verdict touches are written anew. */
function editChunks(directory: HeldDirectory, context: EditContext): EditedChunks {
  const { path: parent } = directory.record;
  const edited: EditedChunks = {
    drafts: [],
    dropChunks: [],
    putChunks: [],
    reported: 0,
    held: false,
    due: false,
  };
  const isReported = ({ reported, name, kind }: SnapshotEntry) =>
    reported !== null && context.rules.selection.admits(joinPath(parent, name), kind);
  for (const { chunk, entries: before } of directory.chunks) {
    const after: SnapshotEntry[] = [];
    let touched = false;
    for (const entry of before) {
      const { entry: now, change } = editOf(joinPath(parent, entry.name), entry, directory, context);
      if (change !== undefined) edited.drafts.push({ ...change, path: detached(change.path) });
      if (now !== undefined) after.push(now);
      touched ||= now !== entry;
    }
    edited.held ||= after.some(isHeld);
    edited.due ||= after.some((entry) => isPending(entry) && entry.seen !== null);
    if (!touched) continue;
    edited.reported += after.filter(isReported).length - before.filter(isReported).length;
    edited.dropChunks.push(chunk);
    for (const part of cut(after)) edited.putChunks.push(stored(part));
  }
  return edited;
}

function byPathThenKind(a: DraftChange, b: DraftChange): number {
  return byNameThenKind({ name: a.path, kind: a.kind }, { name: b.path, kind: b.kind });
}

function stored(entries: readonly SnapshotEntry[]): NewChunk {
  const listed = entries.flatMap(({ name, kind, seen }) => (seen === null ? [] : [{ name, kind, ...seen }]));
  const digest = entries.some(isPending) ? null : digestEntries(listed);
  return { digest, entries: new EncodedEntries(entries) };
}

function editOf(
  path: string,
  entry: SnapshotEntry,
  { missing, admits }: HeldDirectory,
  { verdict, rules, movesTo, movedFrom, reportedAt }: EditContext,
): { readonly entry?: SnapshotEntry; readonly change?: DraftChange } {
  const { kind } = entry;
  if (kind === 'file' && movedFrom.has(path)) return {}; // the change stands with the target
  if (verdict.deletions.has(memberKey({ path, kind }))) {
    const known = entry.reported !== null && admits(path, kind);
    return known ? { change: { type: 'deleted', kind, path, old: entry.reported, new: null } } : {};
  }
  const isReady = !missing && admits(path, kind) && isReleasable(entry, rules);
  if (entry.seen === null || !isReady) return { entry };
  const reportedNow = settled({ ...factsOf(entry.seen), name: entry.name }, kind);
  const move = movesTo.get(path);
  if (move === undefined) {
    return { entry: reportedNow, change: { type: 'created', kind, path, old: null, new: entry.seen } };
  }
  const { from, confidence, evidence } = move;
  const old = reportedAt.get(from)?.reported ?? null;
  const change: DraftChange = {
    type: 'moved',
    kind,
    path,
    old,
    new: entry.seen,
    move: { from, confidence, evidence },
  };
  return { entry: reportedNow, change };
}

/** Union-find over directories that must be committed together. */
function grouped(
  commits: ReadonlyMap<string, DirectoryCommit>,
  links: readonly (readonly string[])[],
): readonly (readonly DirectoryCommit[])[] {
  const leader = new Map<string, string>([...commits.keys()].map((path) => [path, path]));
  const find = (path: string): string => {
    let root = path;
    for (let next = leader.get(root) ?? root; next !== root; next = leader.get(root) ?? root) root = next;
    leader.set(path, root);
    return root;
  };
  for (const [first, ...others] of links) {
    if (first === undefined) continue;
    for (const other of others) leader.set(find(other), find(first));
  }
  const groups = new Map<string, DirectoryCommit[]>();
  for (const [path, commit] of commits) {
    const root = find(path);
    const group = groups.get(root) ?? [];
    group.push(commit);
    groups.set(root, group);
  }
  return [...groups.values()];
}

/** Orders groups so that no parent comes before a directory that goes; those that wait for one another become one. */
function childrenFirst(
  groups: readonly (readonly DirectoryCommit[])[],
): readonly (readonly DirectoryCommit[])[] {
  const groupOf = new Map(groups.flatMap((group) => group.map((commit) => [commit.path, group])));
  const waitsFor = new Map(groups.map((group) => [group, 0]));
  const parentsOf = (group: readonly DirectoryCommit[]) =>
    group.flatMap(({ path, record }) => {
      const parent = record === null ? groupOf.get(parentPath(path)) : undefined;
      return parent === undefined || parent === group ? [] : [parent];
    });
  for (const parent of groups.flatMap(parentsOf)) waitsFor.set(parent, (waitsFor.get(parent) ?? 0) + 1);
  const ordered = groups.filter((group) => waitsFor.get(group) === 0);
  for (const group of ordered) {
    for (const parent of parentsOf(group)) {
      const left = (waitsFor.get(parent) ?? 0) - 1;
      waitsFor.set(parent, left);
      if (left === 0) ordered.push(parent);
    }
  }
  const placed = new Set(ordered);
  const circle = groups.filter((group) => !placed.has(group)).flat();
  if (circle.length === 0) return ordered;
  return [...ordered, circle.toSorted((a, b) => depthOf(b.path) - depthOf(a.path))];
}
