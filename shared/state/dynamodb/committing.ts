import { Fenced, StaleSnapshot } from '../../failure.ts';
import type { DirectoryCommit, Fence } from '../state.ts';
import { type Item, type Key, keyItem, keyText, numberAt, string } from './attributes.ts';
import { dropBulks, writeBulk } from './bulk.ts';
import {
  type Beliefs,
  type Composition,
  changesOf,
  compose,
  needsEntries,
  type Part,
} from './composition.ts';
import { generationOf } from './directory-items.ts';
import { directoryKey, entriesKey } from './directory-keys.ts';
import { newChunks } from './entry-items.ts';
import { type Logged, over } from './fences.ts';
import { garbageBulks, garbageKey } from './garbage.ts';
import { packWrites } from './log-items.ts';
import { headWrite } from './outbox.ts';
import { backOff } from './retry.ts';
import type { Services } from './services.ts';
import { forEachOf, type Write } from './table.ts';
import type { WatchRow } from './watch-rows.ts';

/** DynamoDB: 100 items and 4 MB in one transaction; some room is left. */
const most = { items: 98, bytes: 3_500_000 };

export async function commitDirectories(
  services: Services,
  fence: Fence,
  directories: readonly DirectoryCommit[],
): Promise<void> {
  await services.fences.watchNumber(fence);
  if (directories.length === 0) return services.fences.check(fence);
  const records = directories.flatMap(({ record }) => record ?? []);
  const named = (names: readonly string[]) => [...new Set(names)].filter((name) => name !== '');
  const row = await services.rows.intern(
    fence.watch,
    named(records.map(({ scope }) => scope)),
    named(records.map(({ profile }) => profile)),
  );
  const parts = directories.map((commit) => ({ commit, put: newChunks(commit.putChunks) }));
  await new Committing(services, fence, row, parts).run();
}

class Committing {
  readonly #services: Services;
  readonly #fence: Fence;
  readonly #row: WatchRow;
  readonly #parts: readonly Part[];
  readonly #existing = new Set<string>();
  readonly #garbage: Key;

  constructor(services: Services, fence: Fence, row: WatchRow, parts: readonly Part[]) {
    this.#services = services;
    this.#fence = fence;
    this.#row = row;
    this.#parts = parts;
    this.#garbage = garbageKey(services.now());
  }

  async run(): Promise<void> {
    const { table } = this.#services;
    const bulks = this.#parts.flatMap(({ put }) => put.bulks);
    const named = bulks.map(({ bulk }) => bulk);
    if (bulks.length > 0) {
      const { key, item } = garbageBulks(this.#garbage, named);
      await table.put({ ...keyItem(key), ...item });
      await forEachOf(bulks, ({ bulk, bytes }) => writeBulk(table, bulk, bytes));
    }
    try {
      for (let attempt = 1; !(await this.#attempt(attempt > 1)); attempt += 1) await backOff(attempt);
    } catch (error) {
      // Anything else may have been committed after all: what was written is then swept, or crossed out.
      if (bulks.length > 0 && (error instanceof Fenced || error instanceof StaleSnapshot)) {
        await dropBulks(table, named);
        await table.deleteAll([this.#garbage]);
      }
      if (error instanceof Fenced) throw over(this.#fence);
      throw error;
    }
  }

  /** False where what was believed of the table was wrong, and is known better now. */
  async #attempt(again: boolean): Promise<boolean> {
    const { fences, stamps, table } = this.#services;
    const before = await fences.logged(this.#fence, again);
    const beliefs: Beliefs = {
      held: this.#services.held,
      existing: this.#existing,
      entries: await this.#entries(),
      stamp: stamps.after(before.stamp),
    };
    const composed = compose(this.#parts, this.#row, this.#services.forgotten, beliefs);
    if (composed.stale.length > 0) return this.#learn(composed.stale);
    const changes = changesOf(this.#parts);
    const after: Logged =
      changes.length === 0 ? before : { count: before.count + changes.length, stamp: beliefs.stamp };
    const expiresAt = this.#services.now() + this.#services.logMs;
    const { number } = this.#row;
    const packs = packWrites(number, this.#fence, before, beliefs.stamp, changes, expiresAt);
    const fencing = [
      await fences.guard(this.#fence, before, after),
      ...(changes.length === 0 ? [] : [headWrite(number, this.#fence, after)]),
    ];
    const writes = [...composed.writes, ...this.#crossOut(composed)];
    const whole = [...fencing, ...packs, ...writes];
    const fits =
      whole.length <= most.items && whole.reduce((sum, { item }) => sum + sizeOf(item), 0) <= most.bytes;
    const done = fits
      ? await table.transact(whole)
      : await this.#commitPending(fencing, packs, writes, expiresAt);
    if (!done) return this.#learn([]);
    fences.remember(this.#fence, after);
    await this.#afterwards(composed);
    return true;
  }

  async #entries(): Promise<ReadonlyMap<string, Item>> {
    const { table, pending } = this.#services;
    const keys = this.#parts
      .filter(needsEntries)
      .map(({ commit }) => entriesKey(this.#row.tree, commit.path));
    const found = new Map<string, Item>();
    for (const [at, item] of await table.getAll(keys)) {
      const standing = await pending.settled(item);
      if (standing !== undefined) found.set(at, standing);
    }
    return found;
  }

  /** In the commit itself: what it replaces becomes the garbage, what it brought no longer is. */
  #crossOut({ dropped }: Composition): readonly Write[] {
    if (dropped.length > 0) return [garbageBulks(this.#garbage, dropped)];
    const brought = this.#parts.some(({ put }) => put.bulks.length > 0);
    return brought ? [{ key: this.#garbage, kind: 'delete' }] : [];
  }

  async #afterwards({ dropped }: Composition): Promise<void> {
    const { table, held, forgotten } = this.#services;
    for (const { commit } of this.#parts) {
      held.note(directoryKey(this.#row.tree, commit.path), commit.record?.held ?? false);
    }
    if (dropped.length > 0) {
      await dropBulks(table, dropped);
      await table.deleteAll([this.#garbage]);
    }
    if (this.#parts.some(({ commit }) => commit.forget.length > 0)) await forgotten.sweep(this.#row.tree);
  }

  /** Looks why a commit was refused: throws what it means, or corrects what was believed. */
  async #learn(stale: readonly string[]): Promise<false> {
    const { table, fences, pending, held, stamps } = this.#services;
    await fences.logged(this.#fence, true);
    const { tree } = this.#row;
    const stubs = new Set(this.#parts.flatMap(({ commit }) => commit.stubs.map(({ path }) => path)));
    const paths = [...this.#parts.map(({ commit }) => commit.path), ...stubs];
    const found = await table.getAll(paths.map((path) => directoryKey(tree, path)));
    for (const item of found.values()) await pending.clear(item);
    const standing = (path: string) => {
      const item = found.get(keyText(directoryKey(tree, path)));
      return item?.['x'] === undefined ? item : undefined;
    };
    const all = new Set(stale);
    for (const { commit } of this.#parts) {
      const at = directoryKey(tree, commit.path);
      if (found.get(keyText(at))?.['x'] !== undefined) continue; // looked at again, now that it is cleared
      const item = standing(commit.path);
      const orStub = stubs.has(commit.path) && commit.expected === 0;
      if (item === undefined ? !orStub : generationOf(item) !== commit.expected) all.add(commit.path);
      held.note(at, item?.['h'] !== undefined);
      stamps.seen(numberAt(item ?? {}, 'z', 0));
    }
    for (const path of stubs) {
      const at = keyText(directoryKey(tree, path));
      if (standing(path) === undefined) this.#existing.delete(at);
      else this.#existing.add(at);
    }
    if (all.size > 0) throw new StaleSnapshot([...all]);
    return false;
  }

  /** What does not fit one transaction (protocol rule 10). */
  async #commitPending(
    fencing: readonly Write[],
    packs: readonly Write[],
    writes: readonly Write[],
    expiresAt: number,
  ): Promise<boolean> {
    const { table, pending } = this.#services;
    const id = await pending.open(this.#services.now());
    const named = packs.map(({ key, item }) => ({ ...keyItem(unique(key, id)), ...item, x: string(id) }));
    await table.putAll(named);
    const prepared: Write[] = [];
    let refused = false;
    await forEachOf(writes, async (write) => {
      if (refused) return;
      if (await pending.prepare(id, write)) prepared.push(write);
      else refused = true;
    });
    const done = !refused && (await table.transact([...fencing, pending.commitment(id, expiresAt)]));
    if (!done) {
      await forEachOf(prepared, ({ key }) => pending.takeBack(id, key));
      await table.deleteAll(packs.map(({ key }) => unique(key, id)));
      return false;
    }
    // Directories last: whoever finds one free finds its entries settled too.
    const isDirectory = ({ key }: Write) => key.p.startsWith('d');
    await pending.carryOutAll(
      id,
      writes.filter((write) => !isDirectory(write)),
    );
    await pending.carryOutAll(id, writes.filter(isDirectory));
    return true;
  }
}

/** Apart from whatever another attempt logs at these positions: its fence may be over before it knows. */
function unique({ p, s }: Key, id: string): Key {
  return { p, s: Buffer.concat([s, Buffer.from(`-${id}`)]) };
}

/** About the bytes that DynamoDB counts. */
function sizeOf(item: Item = {}): number {
  let size = 0;
  for (const value of Object.values(item)) {
    size += 20 + (value.B?.length ?? 0) + (value.S?.length ?? 0) + (value.M ? sizeOf(value.M) : 0);
  }
  return size;
}
