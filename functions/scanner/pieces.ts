import type { Chunk } from '../../shared/state/state.ts';
import type { ListedChunk } from '../../shared/tree/digest.ts';
import type { EntryList } from '../../shared/tree/entries.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { detached } from '../../shared/tree/name.ts';
import type { SnapshotEntry } from '../../shared/tree/snapshot.ts';

/** What is known and what is listed of the names from one border to the next. */
export interface Piece {
  /** The listed chunk's; null: nothing of it was listed. */
  readonly digest: string | null;
  readonly known: readonly SnapshotEntry[];
  readonly listed: readonly Entry[];
  /** Stored chunks that begin here, with the very objects of `known`; those beyond the border are in pieces to come. */
  readonly read: readonly Chunk[];
}

/**
 * Divides a comparison by names, at the borders of the listed chunks, or of the stored ones where nothing is listed: of a
 * directory of a million entries a few hundred are objects at a time. `others`: listed but not tracked, sorted; only
 * those at a known name can matter.
 */
export function* pieces(
  listed: readonly ListedChunk[],
  stored: readonly Chunk[],
  others: EntryList,
): Generator<Piece, void, void> {
  const spans = listed.length === 1 ? stored.map(anywhere) : stored.map(spanOf).sort(byFirst);
  const borders = listed.length > 0 ? listed.map(firstOf) : spans.map(({ first }) => first);
  const reading = new Reading(spans);
  const looking = new Looking(others);
  for (const [index] of borders.entries()) {
    const until = borders[index + 1];
    const before = reading.before(until);
    const chunk = listed[index];
    yield {
      digest: chunk?.digest ?? null,
      listed: [...(chunk?.entries ?? []), ...looking.at(before.known, until)],
      ...before,
    };
  }
}

/** A stored chunk and the first name in it. */
interface Span {
  readonly chunk: Chunk;
  readonly first: string;
}

function anywhere(chunk: Chunk): Span {
  return { chunk, first: '' };
}

function spanOf(chunk: Chunk): Span {
  return { chunk, first: detached(chunk.entries[0]?.name ?? '') };
}

function byFirst(a: Span, b: Span): number {
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

function firstOf({ entries }: ListedChunk): string {
  return entries.at(0)?.name ?? '';
}

/** By names alone: what stands at one name belongs together, of whatever kind it is and was. */
function isBefore(name: string, until: string | undefined): boolean {
  return until === undefined || name < until;
}

/** Reads stored chunks in the order of names. */
class Reading {
  readonly #spans: readonly Span[];
  #next = 0;
  #carried: readonly SnapshotEntry[] = [];

  constructor(spans: readonly Span[]) {
    this.#spans = spans;
  }

  before(until: string | undefined): Pick<Piece, 'known' | 'read'> {
    const known = [this.#carried];
    const chunks: Chunk[] = [];
    for (let span = this.#spans[this.#next]; span !== undefined; span = this.#spans[this.#next]) {
      if (!isBefore(span.first, until)) break;
      this.#next += 1;
      const { chunk, digest, entries } = span.chunk;
      known.push(entries);
      chunks.push({ chunk, digest, entries });
    }
    const read = known.flat();
    this.#carried = read.filter(({ name }) => !isBefore(name, until));
    return { known: read.filter(({ name }) => isBefore(name, until)), read: chunks };
  }
}

/** Looks for what stands at known names. */
class Looking {
  readonly #others: EntryList;
  #next = 0;

  constructor(others: EntryList) {
    this.#others = others;
  }

  at(known: readonly SnapshotEntry[], until: string | undefined): readonly Entry[] {
    const names = new Set(this.#others.length === 0 ? [] : known.map(({ name }) => name));
    const found: Entry[] = [];
    for (let other = this.#others.at(this.#next); other !== undefined; other = this.#others.at(this.#next)) {
      if (!isBefore(other.name, until)) break;
      this.#next += 1;
      if (names.has(other.name)) found.push(other);
    }
    return found;
  }
}
