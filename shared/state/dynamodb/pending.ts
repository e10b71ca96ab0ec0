import { damaged, type Item, type Key, key, keyItem, keyOf, string, stringAt } from './attributes.ts';
import { expiring, newId } from './bulk.ts';
import { both } from './fences.ts';
import { type Expression, forEachOf, type Table, type Write } from './table.ts';

/**
 * Writes too many for one transaction (protocol rule 10). Each item takes its next version aside in `y`, under the
 * name `x` of the commit, where nobody sees it; one conditional write of the commit's row makes all of them true;
 * then they take the place of the old ones, by whoever comes by first. A crash before that one write leaves versions
 * that never count, and a crash after it leaves nothing undone that a reader does not see as done.
 */
export type Outcome = 'pending' | 'committed' | 'void';

/** A pending commit that takes longer is void: its row is gone. */
const pendingMs = 86_400_000;

export class Pending {
  readonly #table: Table;
  readonly #committed = new Set<string>();

  constructor(table: Table) {
    this.#table = table;
  }

  async open(now: number): Promise<string> {
    const id = newId();
    await this.#table.put({ ...keyItem(commitKey(id)), st: string('p'), ...expiring(now + pendingMs) });
    return id;
  }

  /** The one write that makes the commit true. Its row stays as long as packs of the log may name it. */
  commitment(id: string, expiresAt: number): Write {
    return {
      key: commitKey(id),
      kind: 'put',
      item: { st: string('c'), ...expiring(expiresAt) },
      condition: { text: 'st = :pending', values: { ':pending': string('p') } },
    };
  }

  /**
   * Takes the write's version aside; false where its condition stands against it, or another pending write did: that
   * one has made way then.
   */
  async prepare(id: string, { key: at, kind, item, condition }: Write): Promise<boolean> {
    const next = kind === 'delete' ? { NULL: true as const } : { M: item ?? {} };
    const prepared = await this.#table.update(
      at,
      { text: 'SET x = :x, y = :y', values: { ':x': string(id), ':y': next } },
      unlessPending(condition),
    );
    if ('now' in prepared) return true;
    if (prepared.old !== undefined) await this.clear(prepared.old);
    return false;
  }

  /** After the commit: the version takes its place, unless somebody has put it there already. */
  async carryOut(id: string, { key: at, kind, item }: Write): Promise<void> {
    const mine = { text: 'x = :x', values: { ':x': string(id) } };
    if (kind === 'delete') await this.#table.remove(at, mine);
    else await this.#table.put({ ...keyItem(at), ...item }, mine);
  }

  /** After a refusal: the item is as it was. */
  async takeBack(id: string, at: Key): Promise<void> {
    const mine = { text: 'x = :x', values: { ':x': string(id) } };
    const left = await this.#table.update(at, { text: 'REMOVE x, y' }, mine);
    if (!('now' in left) || !isNothing(left.now)) return;
    await this.#table.remove(at, { text: nothing });
  }

  async carryOutAll(id: string, writes: readonly Write[]): Promise<void> {
    this.#remember(id);
    await forEachOf(writes, (write) => this.carryOut(id, write));
  }

  async outcome(id: string): Promise<Outcome> {
    if (this.#committed.has(id)) return 'committed';
    const status = (await this.#table.get(commitKey(id)))?.['st']?.S;
    if (status !== 'c') return status === 'p' ? 'pending' : 'void';
    this.#remember(id);
    return 'committed';
  }

  #remember(id: string): void {
    if (this.#committed.size > 1_000) this.#committed.clear();
    this.#committed.add(id);
  }

  /** What stands at this moment, whatever is pending; undefined: nothing. */
  async settled(item: Item | undefined): Promise<Item | undefined> {
    if (item === undefined || item['x'] === undefined) return item;
    const id = stringAt(item, 'x');
    if ((await this.outcome(id)) === 'committed') {
      const write = pendingWrite(item);
      await this.carryOut(id, write);
      return write.kind === 'delete' ? undefined : { ...keyItem(write.key), ...write.item };
    }
    const { x: _x, y: _y, ...standing } = item;
    return isNothing(standing) ? undefined : standing;
  }

  async *allSettled(items: AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
    for await (const item of items) {
      const standing = await this.settled(item);
      if (standing !== undefined) yield standing;
    }
  }

  /**
   * Makes way for another write: what is committed is carried out; what is pending is made void first, so that its
   * writer, should it still live, finds its commit refused.
   */
  async clear(item: Item): Promise<void> {
    const id = item['x']?.S;
    if (id === undefined) return;
    await this.#table.update(
      commitKey(id),
      { text: 'SET st = :void', values: { ':void': string('v') } },
      { text: 'st = :pending', values: { ':pending': string('p') } },
    );
    if ((await this.outcome(id)) === 'committed') await this.carryOut(id, pendingWrite(item));
    else await this.takeBack(id, keyOf(item));
  }
}

/** The condition of a write that must not be lost to a pending one. */
export function unlessPending(condition?: Expression): Expression {
  const free = { text: 'attribute_not_exists(x)' };
  return condition === undefined ? free : both(condition, free);
}

function pendingWrite(item: Item): Write {
  const next = item['y'];
  if (next?.NULL === true) return { key: keyOf(item), kind: 'delete' };
  if (next?.M === undefined) throw damaged('a pending write');
  return { key: keyOf(item), kind: 'put', item: next.M };
}

/** Items have more than their keys; one that has not was made only to hold a pending version. */
function isNothing(item: Item): boolean {
  return Object.keys(item).length === 2;
}

const nothing =
  'attribute_not_exists(x) AND attribute_not_exists(t) AND attribute_not_exists(g) AND attribute_not_exists(k) AND attribute_not_exists(o)';

function commitKey(id: string): Key {
  return key(`j${id}`, 'j');
}
