import { verdictCommits } from '../../functions/reassembler/commits.ts';
import { type HeldChanges, type HeldRules, readHeld } from '../../functions/reassembler/held.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { DirectoryCommit } from '../../shared/state/state.ts';
import { type JudgeInput, judge, type Verdict } from '../../shared/tree/judge.ts';
import { compileSelection } from '../../shared/tree/selection.ts';
import type { Watched } from '../scanner/watched.ts';

export function rulesOf(watched: Watched): HeldRules {
  const { watch, now } = watched;
  const selection = compileSelection(watch.selection);
  return {
    scan: watched.stamp().scan,
    confirm: watch.deletes.confirm,
    settleMs: watch.settleMs,
    selection,
    now,
  };
}

export function heldIn(watched: Watched): Promise<HeldChanges> {
  return readHeld(watched.key, watched.state, rulesOf(watched));
}

export interface Judged {
  readonly held: HeldChanges;
  readonly verdict: Verdict;
  readonly groups: readonly (readonly DirectoryCommit[])[];
}

/** What the reassembly would commit now. */
export async function judged(watched: Watched, more: Partial<JudgeInput> = {}): Promise<Judged> {
  const held = await heldIn(watched);
  const verdict = judge({
    missing: held.missing,
    appeared: held.appeared,
    total: 1_000,
    moves: true,
    maxPercent: 100,
    minCount: 50,
    approved: new Set(),
    rejected: new Set(),
    ...more,
  });
  return { held, verdict, groups: verdictCommits(held, verdict, rulesOf(watched), watched.stamp(2)) };
}

/** Commits the groups, each by itself; returns what is in the log then. */
export async function commit(
  watched: Watched,
  groups: readonly (readonly DirectoryCommit[])[],
): Promise<readonly Change[]> {
  for (const group of groups) await watched.state.commit(watched.fence, group);
  return groups.flat().flatMap(({ changes }) => changes);
}

export function told(changes: readonly Change[]): readonly string[] {
  return changes.map(({ type, path, from }) =>
    from === undefined ? `${type} ${path}` : `${type} ${from} ${path}`,
  );
}
