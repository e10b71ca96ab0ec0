import { baseName, type Facts, type Precision, precisionMs } from './entry.ts';

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
  const coarsest = coarsestBySize([...sources, ...targets]);
  const groups = new Map<string, { readonly sources: MoveCandidate[]; readonly targets: MoveCandidate[] }>();
  const groupOf = (candidate: MoveCandidate) => {
    const key = likeness(candidate.facts, coarsest);
    if (key === undefined) return undefined;
    const group = groups.get(key) ?? { sources: [], targets: [] };
    groups.set(key, group);
    return group;
  };
  for (const source of sources) groupOf(source)?.sources.push(source);
  for (const target of targets) groupOf(target)?.targets.push(target);

  const moves: Move[] = [];
  const ambiguous: string[][] = [];
  for (const group of groups.values()) {
    const [source] = group.sources;
    const [target] = group.targets;
    if (source === undefined || target === undefined) continue;
    if (group.sources.length === 1 && group.targets.length === 1) moves.push(moveOf(source, target));
    else ambiguous.push([...group.sources, ...group.targets].map((candidate) => candidate.path));
  }
  return { moves, ambiguous };
}

function moveOf(source: MoveCandidate, target: MoveCandidate): Move {
  const unitMs = Math.max(precisionMs[source.facts.precision], precisionMs[target.facts.precision]);
  const sameName = baseName(source.path) === baseName(target.path);
  return {
    from: source.path,
    to: target.path,
    confidence: unitMs <= precisionMs.second ? 'high' : 'medium',
    evidence: sameName ? ['size', 'modifiedAt', 'name'] : ['size', 'modifiedAt'],
  };
}

/** Of all candidates of one size, the coarsest time decides how finely times can be told apart. */
function coarsestBySize(candidates: readonly MoveCandidate[]): ReadonlyMap<number, Precision> {
  const coarsest = new Map<number, Precision>();
  for (const { facts } of candidates) {
    if (facts.size === null || facts.modifiedAt === null) continue;
    const known = coarsest.get(facts.size);
    if (known === undefined || precisionMs[facts.precision] > precisionMs[known]) {
      coarsest.set(facts.size, facts.precision);
    }
  }
  return coarsest;
}

function likeness(facts: Facts, coarsest: ReadonlyMap<number, Precision>): string | undefined {
  if (facts.size === null || facts.modifiedAt === null) return undefined;
  const unitMs = precisionMs[coarsest.get(facts.size) ?? facts.precision];
  return `${facts.size} ${Math.floor(facts.modifiedAt / unitMs)}`;
}
