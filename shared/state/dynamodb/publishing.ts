import type { Change } from '../../changes/change.ts';
import { InvalidInput } from '../../failure.ts';
import type { Unpublished, UnpublishedQuery } from '../state.ts';
import { keyText } from './attributes.ts';
import { logPartition, type Pack, packOf, packsBetween, phaseOf, shardOf } from './log-items.ts';
import { isTrue } from './log-reading.ts';
import { type Head, headName, readHeads } from './outbox.ts';
import { positionText, readOutputs, type StoredOutput } from './outputs.ts';
import { findScan } from './scan-rows.ts';
import type { Services } from './services.ts';

/** Heads of others that one page moves past: a position stays below 400 KB. */
const mostSkipped = 2_000;

/**
 * Tasks log side by side, each in its own order; a page merges them by the stamps of their commits. The heads are
 * read twice: what the second look shows in addition may have been committed between two reads of the first, so
 * whatever has a later stamp than that waits for the next page. Thus nothing overtakes an earlier change of its path.
 */
export async function unpublished(
  services: Services,
  output: string,
  query: UnpublishedQuery,
): Promise<Unpublished> {
  const { table, rows } = services;
  const outputs = await readOutputs(table);
  const mine = outputs.find(({ name }) => name === output);
  if (mine === undefined) throw new InvalidInput(`no output ${output} is registered`);
  const wanted =
    query.watches === undefined
      ? undefined
      : new Set(
          (await Promise.all(query.watches.map((watch) => rows.find(watch)))).map(
            (found) => found?.row.number,
          ),
        );
  let heads = await readHeads(table);
  for (;;) {
    const waiting = heads.filter((head) => head.count > head.had(mine.number));
    if (waiting.length === 0) {
      await dropRead(services, heads, outputs);
      return { changes: [], position: null, waiting: 0 };
    }
    const now = await readHeads(table);
    const bounds = await lateStamps(services, heads, now);
    const take = waiting.filter((head) => wanted === undefined || wanted.has(head.watch));
    const page = await merge(services, take, mine, bounds, query.limit);
    for (const head of waiting.filter((each) => !take.includes(each)).slice(0, mostSkipped)) {
      page.reached.set(headName(head.key), head.count);
    }
    if (page.reached.size > 0) {
      return {
        changes: page.changes,
        position: positionText(mine.number, page.reached),
        waiting: waiting.reduce((sum, head) => sum + head.count - head.had(mine.number), 0),
      };
    }
    heads = now;
  }
}

/** By watch, the stamp of the earliest commit that only the second look shows. */
async function lateStamps(
  services: Services,
  before: readonly Head[],
  now: readonly Head[],
): Promise<ReadonlyMap<number, number>> {
  const counts = new Map(before.map((head) => [keyText(head.key), head.count]));
  const bounds = new Map<number, number>();
  for (const head of now) {
    const known = counts.get(keyText(head.key)) ?? 0;
    if (head.count <= known) continue;
    const { value: first } = await packsOf(services, head, known, head.count).next();
    const bound = Math.min(bounds.get(head.watch) ?? Number.POSITIVE_INFINITY, first?.stamp ?? 0);
    bounds.set(head.watch, bound);
  }
  return bounds;
}

interface Page {
  readonly changes: readonly Change[];
  /** By the name of the head. */
  readonly reached: Map<string, number>;
}

/** One task's log from where the output stands. Opened only when its turn may have come. */
interface Source {
  readonly head: Head;
  readonly packs: AsyncGenerator<Pack, void, void>;
  next: Pack | undefined;
  /** Of the next pack, or, before it is read, of the first one ever. */
  stamp: number;
}

async function merge(
  services: Services,
  heads: readonly Head[],
  mine: StoredOutput,
  bounds: ReadonlyMap<number, number>,
  limit: number,
): Promise<Page> {
  const changes: Change[] = [];
  const reached = new Map<string, number>();
  const sources = new Set<Source>(
    heads.map((head) => ({
      head,
      packs: packsOf(services, head, head.had(mine.number), head.count),
      next: undefined,
      stamp: head.firstStamp,
    })),
  );
  while (changes.length < limit && sources.size > 0) {
    const source = earliest(sources);
    const { head, next } = source;
    const bound = bounds.get(head.watch) ?? Number.POSITIVE_INFINITY;
    if (source.stamp >= bound) {
      sources.delete(source);
    } else if (next === undefined) {
      if (await readNext(source)) continue;
      reached.set(headName(head.key), head.count);
      sources.delete(source);
    } else {
      const had = Math.max(head.had(mine.number), reached.get(headName(head.key)) ?? 0);
      const rest = next.changes.filter(
        ({ cursor }) => cursor.position > had && cursor.position <= head.count,
      );
      const part = rest.slice(0, limit - changes.length);
      changes.push(...part.map(({ change }) => change));
      const last = part.at(-1);
      if (last !== undefined) reached.set(headName(head.key), last.cursor.position);
      if (part.length === rest.length) source.next = undefined;
    }
  }
  return { changes, reached };
}

/** Reads the next pack; false where there is none. */
async function readNext(source: Source): Promise<boolean> {
  const { value, done } = await source.packs.next();
  source.next = value ?? undefined;
  if (value) source.stamp = value.stamp;
  return done !== true;
}

function earliest(sources: ReadonlySet<Source>): Source {
  let first: Source | undefined;
  for (const source of sources) if (first === undefined || source.stamp < first.stamp) first = source;
  if (first === undefined) throw new RangeError('nothing to choose from');
  return first;
}

async function* packsOf(
  { table, pending }: Services,
  { watch, scan, task }: Head,
  after: number,
  upTo: number,
): AsyncGenerator<Pack, void, void> {
  const range = packsBetween({ scan, phase: phaseOf(task), task }, after, upTo);
  for await (const item of table.query(logPartition(watch, shardOf(task)), { ...range, page: 20 })) {
    if (await isTrue(pending, item)) yield packOf(item);
  }
}

/** Heads that every output has had and that will not grow: their scans are closed. */
async function dropRead(
  { table }: Services,
  heads: readonly Head[],
  outputs: readonly StoredOutput[],
): Promise<void> {
  const read = heads.filter((head) => outputs.every((output) => head.had(output.number) >= head.count));
  const closed = new Map<string, boolean>();
  for (const { watch, scan, key } of read) {
    const name = `${watch} ${scan}`;
    if (!closed.has(name)) closed.set(name, (await findScan(table, watch, scan))?.row.closed ?? true);
    if (closed.get(name) === true) await table.deleteAll([key]);
  }
}
