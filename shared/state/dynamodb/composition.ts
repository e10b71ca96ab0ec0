import type { Change } from '../../changes/change.ts';
import type { DirectoryCommit } from '../state.ts';
import { type Item, keyText, number } from './attributes.ts';
import type { Bulk } from './bulk.ts';
import { directoryItem, stubItem } from './directory-items.ts';
import { directoryKey, entriesKey, heldKey, pathAttributes } from './directory-keys.ts';
import { entriesItem, type NewChunks, type StoredChunk, storedChunks } from './entry-items.ts';
import { both } from './fences.ts';
import type { Forgotten } from './forgotten.ts';
import { unlessPending } from './pending.ts';
import type { Expression, Write } from './table.ts';
import type { WatchRow } from './watch-rows.ts';

/** One directory's part, with its entries encoded. */
export interface Part {
  readonly commit: DirectoryCommit;
  readonly put: NewChunks;
}

/** What is believed of the table; the conditions of the writes make sure of it. */
export interface Beliefs {
  /** Keys of directories with something held. */
  readonly held: ReadonlySet<string>;
  /** Keys of stubs' directories that have a record already. */
  readonly existing: ReadonlySet<string>;
  /** Items that hold entries, by key. */
  readonly entries: ReadonlyMap<string, Item>;
  readonly stamp: number;
}

export interface Composition {
  readonly writes: readonly Write[];
  /** Bulks that nothing points to after the commit. */
  readonly dropped: readonly Bulk[];
  readonly stale: readonly string[];
}

/** The writes of a commit, apart from its fence and its log. */
export function compose(
  parts: readonly Part[],
  row: WatchRow,
  forgotten: Forgotten,
  beliefs: Beliefs,
): Composition {
  const stubs = new Map(parts.flatMap(({ commit }) => commit.stubs.map(({ path, stub }) => [path, stub])));
  const writes: Write[] = [];
  const dropped: Bulk[] = [];
  const stale: string[] = [];
  // A directory listed twice since it was read: the second listing knows nothing of the first.
  const seen = new Set<string>();
  for (const part of parts) {
    const { path, expected, record } = part.commit;
    const key = directoryKey(row.tree, path);
    const held = beliefs.held.has(keyText(key));
    const condition = guard(expected, stubs.delete(path), held, beliefs.stamp);
    const entries = nextEntries(part, beliefs.entries.get(keyText(entriesKey(row.tree, path))));
    if (entries === undefined || seen.has(path)) {
      stale.push(path);
      continue;
    }
    seen.add(path);
    dropped.push(...entries.dropped);
    writes.push(
      record === null
        ? { key, kind: 'delete', condition }
        : {
            key,
            kind: 'put',
            item: directoryItem(row, path, expected + 1, record, beliefs.stamp),
            condition,
          },
      ...entriesWrites(row.tree, path, entries),
      ...heldWrites(row.tree, path, held, record?.held ?? false),
      ...part.commit.forget.map((each) => forgotten.mark(row.tree, each)),
    );
  }
  for (const [path, stub] of stubs) {
    const { key, item } = stubItem(row.tree, path, stub);
    if (beliefs.existing.has(keyText(key))) continue;
    writes.push({ key, kind: 'put', item, condition: { text: 'attribute_not_exists(p)' } });
  }
  return { writes: onePerItem(writes), dropped, stale };
}

/**
 * The generation that was read, what the held index is believed to hold, no pending commit, and a stamp above the
 * last: the log's changes of one directory are then in the order of their stamps, whoever wrote them on what clock.
 */
function guard(expected: number, orAbsent: boolean, held: boolean, stamp: number): Expression {
  const generation: Expression =
    expected > 0
      ? { text: 'g = :g', values: { ':g': number(expected) } }
      : { text: `attribute_not_exists(g)${orAbsent ? '' : ' AND attribute_exists(p)'}` };
  const index = { text: `attribute_${held ? '' : 'not_'}exists(h)` };
  const order = { text: 'attribute_not_exists(z) OR z < :z', values: { ':z': number(stamp) } };
  return unlessPending(both(both(generation, index), order));
}

interface NextEntries {
  readonly before: boolean;
  readonly touched: boolean;
  readonly chunks: readonly StoredChunk[];
  readonly dropped: readonly Bulk[];
}

/** Undefined where a chunk to drop is gone. */
function nextEntries({ commit, put }: Part, item: Item | undefined): NextEntries | undefined {
  const stored = storedChunks(item);
  const before = item !== undefined;
  const apart = (chunks: readonly StoredChunk[]) => chunks.filter(({ parts }) => parts > 0);
  if (commit.record === null) return { before, touched: before, chunks: [], dropped: apart(stored) };
  const drop = new Set(commit.dropChunks);
  const gone = stored.filter(({ id }) => drop.has(id));
  if (gone.length < drop.size) return undefined;
  const chunks = [...stored.filter(({ id }) => !drop.has(id)), ...put.chunks];
  return { before, touched: drop.size + put.chunks.length > 0, chunks, dropped: apart(gone) };
}

function entriesWrites(tree: number, path: string, entries: NextEntries): readonly Write[] {
  const key = entriesKey(tree, path);
  if (!entries.touched) return [];
  if (entries.chunks.length > 0) return [{ key, kind: 'put', item: entriesItem(path, entries.chunks) }];
  return entries.before ? [{ key, kind: 'delete' }] : [];
}

function heldWrites(tree: number, path: string, before: boolean, after: boolean): readonly Write[] {
  if (before === after) return [];
  const key = heldKey(tree, path);
  if (!after) return [{ key, kind: 'delete' }];
  return [{ key, kind: 'put', item: { ...pathAttributes(path), o: number(1) } }];
}

/** A transaction takes no item twice: two directories may forget the same subtree. */
function onePerItem(writes: readonly Write[]): readonly Write[] {
  return [...new Map(writes.map((write) => [keyText(write.key), write])).values()];
}

export function needsEntries({ commit: { record, dropChunks, putChunks, expected } }: Part): boolean {
  return record === null || dropChunks.length > 0 || (putChunks.length > 0 && expected > 0);
}

export function changesOf(parts: readonly Part[]): readonly Change[] {
  return parts.flatMap(({ commit }) => commit.changes);
}
