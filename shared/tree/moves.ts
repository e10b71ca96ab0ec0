import { baseName, type Facts, precisionMs } from './entry.ts';

/** A file that is gone from, or new at, a path relative to the root. */
export interface MoveCandidate {
  readonly path: string;
  readonly facts: Facts;
}

export interface Move {
  readonly from: string;
  readonly to: string;
  readonly confidence: 'high' | 'medium';
  readonly evidence: readonly string[];
}

export interface Matched {
  readonly moves: readonly Move[];
  /**
   * Paths on both sides that look alike without being unique. They are deleted and created, and that must be
   * committed together: after half of it, what is left could look unique.
   */
  readonly ambiguous: readonly (readonly string[])[];
}

/**
 * Matches files that went missing with files that appeared: same size and time, exactly one candidate on each
 * side. Never guesses. Files without size or time match nothing.
 */
export function matchMoves(sources: readonly MoveCandidate[], targets: readonly MoveCandidate[]): Matched {
  const moves: Move[] = [];
  const ambiguous: string[][] = [];
  for (const group of alike([...timed(sources, 'source'), ...timed(targets, 'target')])) {
    const [source, anotherSource] = group.filter(({ side }) => side === 'source');
    const [target, anotherTarget] = group.filter(({ side }) => side === 'target');
    if (source === undefined || target === undefined) continue;
    if (anotherSource === undefined && anotherTarget === undefined) moves.push(moveOf(source, target));
    else ambiguous.push(group.map(({ path }) => path));
  }
  return { moves, ambiguous };
}

/** The true time lies in [from, from + unitMs). */
interface Timed {
  readonly side: 'source' | 'target';
  readonly path: string;
  readonly size: number;
  readonly from: number;
  readonly unitMs: number;
}

function timed(candidates: readonly MoveCandidate[], side: Timed['side']): readonly Timed[] {
  return candidates.flatMap(({ path, facts: { size, modifiedAt, precision } }) =>
    size === null || modifiedAt === null
      ? []
      : [{ side, path, size, from: modifiedAt, unitMs: precisionMs[precision] }],
  );
}

/**
 * Groups what may be the same file: equal size, and times that overlap one another. One coarse time makes look-alikes
 * of all the finer ones within it, as it should: any of them might be that file.
 */
function alike(candidates: readonly Timed[]): readonly (readonly Timed[])[] {
  const sorted = candidates.toSorted(
    (a, b) => a.size - b.size || a.from - b.from || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  );
  const groups: Timed[][] = [];
  let size = -1;
  let until = Number.NEGATIVE_INFINITY;
  for (const candidate of sorted) {
    const last = groups.at(-1);
    if (last !== undefined && candidate.size === size && candidate.from < until) last.push(candidate);
    else groups.push([candidate]);
    until = Math.max(candidate.size === size ? until : candidate.from, candidate.from + candidate.unitMs);
    size = candidate.size;
  }
  return groups;
}

function moveOf(source: Timed, target: Timed): Move {
  const sameName = baseName(source.path) === baseName(target.path);
  return {
    from: source.path,
    to: target.path,
    confidence: Math.max(source.unitMs, target.unitMs) <= precisionMs.second ? 'high' : 'medium',
    evidence: sameName ? ['size', 'modifiedAt', 'name'] : ['size', 'modifiedAt'],
  };
}
