import { type DraftChange, type StampContext, stampChanges } from '../../shared/changes/stamp.ts';
import type { DirectoryCommit } from '../../shared/state/state.ts';
import { byNameThenKind, cut, digestEntries } from '../../shared/tree/digest.ts';
import { depthOf, joinPath, parentPath } from '../../shared/tree/entry.ts';
import { memberKey, type Verdict } from '../../shared/tree/judge.ts';
import type { Move } from '../../shared/tree/moves.ts';
import { factsOf, isHeld, isPending, type SnapshotEntry, settled } from '../../shared/tree/snapshot.ts';
import { type HeldChanges, type HeldDirectory, type HeldRules, isReleasable } from './held.ts';

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
    reportedAt: reportedFacts(held),
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
  for (const { record, chunks } of held.directories.values()) {
    for (const entry of chunks.flatMap((chunk) => chunk.entries)) {
      const path = joinPath(record.path, entry.name);
      if (entry.kind === 'file' && missing.has(path)) found.set(path, entry);
    }
  }
  return found;
}

function directoryCommit(directory: HeldDirectory, context: EditContext): DirectoryCommit | undefined {
  const { record, chunks } = directory;
  const { rules, stamp, verdict } = context;
  const before = chunks.flatMap((chunk) => chunk.entries).toSorted(byNameThenKind);
  const drafts: DraftChange[] = [];
  const after = before.flatMap((entry): SnapshotEntry[] => {
    const path = joinPath(record.path, entry.name);
    const edit = editOf(path, entry, directory, context);
    if (edit.change) drafts.push(edit.change);
    return edit.entry ? [edit.entry] : [];
  });
  const gone = verdict.deletions.has(memberKey({ path: record.path, kind: 'directory' }));
  if (!gone && after.every((entry, index) => entry === before[index]) && after.length === before.length) {
    return undefined;
  }
  const reported = (entries: readonly SnapshotEntry[]) =>
    entries.filter(
      (entry) =>
        entry.reported !== null && rules.selection.admits(joinPath(record.path, entry.name), entry.kind),
    ).length;
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
          held: after.some(isHeld),
          dueAt: after.some((entry) => isPending(entry) && entry.seen !== null) ? record.dueAt : null,
          reported: record.reported - reported(before) + reported(after),
        },
    dropChunks: gone ? [] : chunks.map((chunk) => chunk.chunk),
    putChunks: gone ? [] : cut(after).map(stored),
    stubs: [],
    forget: [],
    changes: stampChanges(drafts, stamp, generation + 1, rules.now),
  };
}

function stored(entries: readonly SnapshotEntry[]): DirectoryCommit['putChunks'][number] {
  const listed = entries.flatMap(({ name, kind, seen }) => (seen === null ? [] : [{ name, kind, ...seen }]));
  return { digest: entries.some(isPending) ? null : digestEntries(listed), entries };
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
