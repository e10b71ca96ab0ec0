import type { Fences } from './fences.ts';
import type { Forgotten } from './forgotten.ts';
import type { HeldMemory } from './held-memory.ts';
import type { Pending } from './pending.ts';
import type { Stamps } from './stamps.ts';
import type { Table } from './table.ts';
import type { WatchRows } from './watch-rows.ts';

/** What the parts of the state share. */
export interface Services {
  readonly table: Table;
  readonly rows: WatchRows;
  readonly fences: Fences;
  readonly pending: Pending;
  readonly forgotten: Forgotten;
  readonly held: HeldMemory;
  readonly stamps: Stamps;
  /** Stamps commits and expiry; everything else is told the time by its caller. */
  readonly now: () => number;
  /** How long packs of the log stay in the table. */
  readonly logMs: number;
}
