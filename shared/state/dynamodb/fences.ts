import { Fenced } from '../../failure.ts';
import type { Fence } from '../state.ts';
import { type Item, type Key, key, number, numberAt, string } from './attributes.ts';
import type { Expression, Table, Write } from './table.ts';
import type { WatchRows } from './watch-rows.ts';

/** The task that ends a scan; its changes are the log's second phase. */
export const reassembly = 'reassembly';

export function taskPartition(watch: number, scan: number): string {
  return `t${watch}.${scan}`;
}

/** What a task has logged: how many changes, and the stamp of the last. */
export interface Logged {
  readonly count: number;
  readonly stamp: number;
}

/**
 * The task rows as fences (protocol rule 1). `st` is w(aiting), r(unning) or d(one), `an` the attempt, `lg` and `lz`
 * what is logged: remembered here, since only the attempt itself moves it.
 */
export class Fences {
  readonly #table: Table;
  readonly #rows: WatchRows;
  readonly #logged = new Map<string, Logged>();

  constructor(table: Table, rows: WatchRows) {
    this.#table = table;
    this.#rows = rows;
  }

  async watchNumber(fence: Fence): Promise<number> {
    const row = await this.#rows.findPlace(fence.watch);
    if (row === undefined) throw over(fence);
    return row.number;
  }

  async key(fence: Fence): Promise<Key> {
    return key(taskPartition(await this.watchNumber(fence), fence.scan), fence.task);
  }

  /** What the attempt has logged so far; throws Fenced if it is over. `fresh`: not from memory. */
  async logged(fence: Fence, fresh: boolean): Promise<Logged> {
    const remembered = this.#logged.get(nameOf(fence));
    if (remembered !== undefined && !fresh) return remembered;
    const row = await this.#table.get(await this.key(fence));
    if (!isHeldBy(row, fence)) throw over(fence);
    const logged = loggedOf(row ?? {});
    this.remember(fence, logged);
    return logged;
  }

  remember(fence: Fence, logged: Logged): void {
    // The handle of a long-lived home must not remember every task that ever was.
    if (this.#logged.size > 1_000) this.#logged.clear();
    this.#logged.set(nameOf(fence), logged);
  }

  async check(fence: Fence): Promise<void> {
    if (!isHeldBy(await this.#table.get(await this.key(fence)), fence)) throw over(fence);
  }

  /** The part of a transaction that lets only this attempt write, and counts what it logs. */
  async guard(fence: Fence, before: Logged, after: Logged): Promise<Write> {
    const at = await this.key(fence);
    if (after.count === before.count) return { key: at, kind: 'check', condition: heldBy(fence) };
    return {
      key: at,
      kind: 'update',
      update: {
        text: 'SET lg = :lg, lz = :lz',
        values: { ':lg': number(after.count), ':lz': number(after.stamp) },
      },
      condition: both(heldBy(fence), { text: 'lg = :had', values: { ':had': number(before.count) } }),
    };
  }

  /** The part of a transaction that ends the task of this attempt. */
  async ending(fence: Fence): Promise<Write> {
    return { key: await this.key(fence), kind: 'update', update: setStatus('d'), condition: heldBy(fence) };
  }

  async release(fence: Fence): Promise<void> {
    const released = await this.#table.update(await this.key(fence), setStatus('w'), heldBy(fence));
    if (!('now' in released)) throw over(fence);
  }
}

export function over(fence: Fence): Fenced {
  return new Fenced(
    `attempt ${fence.attempt} of task ${fence.task}, scan ${fence.scan} of ${fence.watch}, is over`,
  );
}

export function loggedOf(row: Item): Logged {
  return { count: numberAt(row, 'lg', 0), stamp: numberAt(row, 'lz', 0) };
}

function heldBy({ attempt }: Fence): Expression {
  return {
    text: 'st = :running AND an = :attempt',
    values: { ':running': string('r'), ':attempt': number(attempt) },
  };
}

function setStatus(status: 'w' | 'd'): Expression {
  return { text: 'SET st = :status', values: { ':status': string(status) } };
}

function isHeldBy(row: Item | undefined, { attempt }: Fence): boolean {
  return row !== undefined && row['st']?.S === 'r' && numberAt(row, 'an') === attempt;
}

export function both(a: Expression, b: Expression): Expression {
  return { text: `(${a.text}) AND (${b.text})`, values: { ...a.values, ...b.values } };
}

function nameOf({ watch, scan, task, attempt }: Fence): string {
  return [watch, scan, task, attempt].join(' ');
}
