import type { ItemUnits } from './ledger.ts';

/**
 * What a write of the state is for: the scan as a whole (its beginning and its end), a task (its row, its part of the
 * scan's row, its scope), the session that the task holds, or changes (snapshots, the log and its readers).
 */
export type Purpose = 'scan' | 'task' | 'session' | 'changes';

export const noUnits: Readonly<Record<Purpose, number>> = { scan: 0, task: 0, session: 0, changes: 0 };

const task = /^t\d+\.\d+ \d+$/;
const reassembly = /^t\d+\.\d+ reassembly$/;
/** The watch, numbers and the enrolled configuration, rules, outputs. */
const deployment = /^[WNcQ]$/;
const session = /^[SEH]$/;
/** The scan's row and its partial listings. */
const scanRow = /^[xp]\d/;
/** What is too long for a row: scopes of tasks, plans, entries of directories. */
const bulk = /^b/;

/** The names of partitions are those of `shared/state/dynamodb`. */
export class Purposes {
  /** Callers that end a scan: what they write apart is its plan. */
  readonly #ending = new Set<string>();

  of(caller: string, items: readonly ItemUnits[]): Readonly<Record<Purpose, number>> {
    const names = items.map(({ name }) => name);
    const ofScan = names.some((name) => deployment.test(name) || reassembly.test(name));
    if (names.some((name) => reassembly.test(name))) this.#ending.add(caller);
    else if (names.length === 1 && task.test(names[0] ?? '')) this.#ending.delete(caller);
    const units = { ...noUnits };
    for (const each of items) units[this.#purpose(caller, each.name, ofScan)] += each.units;
    return units;
  }

  #purpose(caller: string, name: string, ofScan: boolean): Purpose {
    if (session.test(name)) return 'session';
    if (task.test(name)) return 'task';
    if (bulk.test(name)) {
      if (caller.startsWith('planner')) return 'task';
      return this.#ending.has(caller) ? 'scan' : 'changes';
    }
    if (ofScan) return 'scan';
    return scanRow.test(name) ? 'task' : 'changes';
  }
}
