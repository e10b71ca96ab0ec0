import type { Chunk, DirectoryCommit } from '../../shared/state/state.ts';
import { byNameThenKind, type ListedChunk } from '../../shared/tree/digest.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';

/**
 * Sorts the entries back into the chunks as listed. A chunk with anything pending, or from a partial listing, gets
 * no digest: it must be read at the next look, for its listed part alone would look equal.
 */
export function chunked(
  entries: readonly SnapshotEntry[],
  listed: readonly ListedChunk[],
  complete: boolean,
): DirectoryCommit['putChunks'] {
  const sorted = entries.toSorted(byNameThenKind);
  if (listed.length === 0) return sorted.length === 0 ? [] : [{ digest: null, entries: sorted }];
  const puts: { digest: string | null; entries: readonly SnapshotEntry[] }[] = [];
  let from = 0;
  listed.forEach((chunk, index) => {
    const nextFirst = listed[index + 1]?.entries[0];
    let to = from;
    if (nextFirst === undefined) to = sorted.length;
    else while (to < sorted.length && byNameThenKind<Named>(at(sorted, to), nextFirst) < 0) to += 1;
    const own = sorted.slice(from, to);
    puts.push({ digest: complete && !own.some(isPending) ? chunk.digest : null, entries: own });
    from = to;
  });
  return puts;
}

/** A chunk that would be put as it stands is neither dropped nor put: a long absence rewrites nothing. */
export function withoutStanding(
  read: readonly Chunk[],
  puts: DirectoryCommit['putChunks'],
): Pick<DirectoryCommit, 'dropChunks' | 'putChunks'> {
  const putWith = new Map(puts.map((put) => [put.entries[0], put]));
  const standing = new Map(
    read.flatMap((chunk) => {
      const put = putWith.get(chunk.entries[0]);
      const stands =
        put !== undefined &&
        put.digest === chunk.digest &&
        put.entries.length === chunk.entries.length &&
        put.entries.every((entry, index) => entry === chunk.entries[index]);
      return stands ? [[put, chunk.chunk]] : [];
    }),
  );
  const kept = new Set(standing.values());
  return {
    dropChunks: read.flatMap(({ chunk }) => (kept.has(chunk) ? [] : [chunk])),
    putChunks: puts.filter((put) => !standing.has(put)),
  };
}

type Named = Pick<Entry, 'name' | 'kind'>;

function at(entries: readonly SnapshotEntry[], index: number): SnapshotEntry {
  const entry = entries[index];
  if (entry === undefined) throw new RangeError(`no entry ${index}`);
  return entry;
}
