import type { Facts } from './entry.ts';
import { type Move, type MoveCandidate, matchMoves } from './moves.ts';
import type { SnapshotEntry } from './snapshot.ts';

/** An entry missing from complete listings. Paths are relative to the root. */
export interface MissingEntry {
  readonly path: string;
  readonly kind: SnapshotEntry['kind'];
  /** What consumers know; null for one whose deletion is reported or that is only descended into. */
  readonly reported: Facts | null;
  /** Whether a complete listing of this very scan showed it missing, or another kind stands in its place. */
  readonly shown: boolean;
  /** Whether that can be the last word: what this scan listed and reported below it may be newer. */
  readonly proved: boolean;
  /** Whether it has been missing often enough for `deletes.confirm`. */
  readonly confirmed: boolean;
}

export interface JudgeInput {
  readonly missing: readonly MissingEntry[];
  /** Unreported files that have settled. */
  readonly appeared: readonly MoveCandidate[];
  /** Entries that consumers know of, before this judgement. */
  readonly total: number;
  readonly moves: boolean;
  readonly maxPercent: number;
  readonly minCount: number;
  /** Members of a set that somebody approved, and of those that somebody rejected. */
  readonly approved: ReadonlySet<string>;
  readonly rejected: ReadonlySet<string>;
}

export interface Verdict {
  readonly moves: readonly Move[];
  readonly ambiguous: readonly (readonly string[])[];
  /** Keys (`memberKey`) of what may go, directories only with all below them. */
  readonly deletions: ReadonlySet<string>;
  /** Deletions past the limit: they wait for an answer. Empty where nothing is held. */
  readonly held: readonly string[];
  /** Confirmed before, and not looked at by this scan: nothing is decided about them. */
  readonly unproved: readonly string[];
  readonly percent: number;
  /** Rejected members that are still absent. */
  readonly rejected: readonly string[];
}

/** A missing entry's name in holds; a directory and a file of one path are two. */
export function memberKey(entry: Pick<MissingEntry, 'path' | 'kind'>): string {
  return entry.kind === 'directory' ? `${entry.path}/` : entry.path;
}

/**
 * Judges the held changes at the end of a scan. A unique move match confirms its deletion at once. Of the other
 * proved and confirmed deletions, the approved ones go, the rejected ones stay without a word, and the rest goes
 * unless it is a mass deletion; then all of the rest waits.
 */
export function judge(input: JudgeInput): Verdict {
  const proved = input.missing.filter((entry) => entry.proved);
  const sources = proved.flatMap(({ path, kind, reported }) =>
    kind === 'file' && reported !== null ? [{ path, facts: reported }] : [],
  );
  const { moves, ambiguous } = input.moves
    ? matchMoves(sources, input.appeared)
    : { moves: [], ambiguous: [] };
  const moved = new Set(moves.map((move) => move.from));

  const absent = input.missing.filter((entry) => entry.kind === 'directory' || !moved.has(entry.path));
  const confirmed = absent.filter((entry) => entry.confirmed);
  const rejected = new Set(absent.map(memberKey).filter((key) => input.rejected.has(key)));
  // Proved by this scan or not: held deletions that it could not look at still count, else a part of a mass deletion
  // would slip below the limit.
  const undecided = confirmed.filter((entry) => {
    const key = memberKey(entry);
    return entry.reported !== null && !rejected.has(key) && !input.approved.has(key);
  });
  // Multiplied first: 7 / 100 * 100 is more than 7 in floating point.
  const percent = input.total === 0 ? 0 : (undecided.length * 100) / input.total;
  const tooMany = undecided.length >= input.minCount && percent > input.maxPercent;
  const held = tooMany ? undecided.map(memberKey) : [];
  const stay = new Set([...held, ...rejected]);
  const going = confirmed.filter((entry) => entry.proved && !stay.has(memberKey(entry)));
  return {
    moves,
    ambiguous,
    deletions: withoutInhabited(going, absent),
    held,
    unproved: confirmed.filter((entry) => !entry.proved).map(memberKey),
    percent,
    rejected: [...rejected],
  };
}

/** A directory goes only when everything known below it goes in the same judgement. */
function withoutInhabited(
  going: readonly MissingEntry[],
  absent: readonly MissingEntry[],
): ReadonlySet<string> {
  const deletions = new Set(going.map(memberKey));
  for (const entry of absent) {
    if (deletions.has(memberKey(entry))) continue;
    for (
      let slash = entry.path.lastIndexOf('/');
      slash !== -1;
      slash = entry.path.lastIndexOf('/', slash - 1)
    ) {
      if (!deletions.delete(`${entry.path.slice(0, slash)}/`)) break;
    }
  }
  return deletions;
}
