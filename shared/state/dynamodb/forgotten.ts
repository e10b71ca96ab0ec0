import { keyOf, number } from './attributes.ts';
import { dropBulks } from './bulk.ts';
import {
  below,
  directoryKey,
  entriesKey,
  heldKey,
  isBelowKey,
  pathAttributes,
  pathOf,
  sortKey,
} from './directory-keys.ts';
import { storedChunks } from './entry-items.ts';
import type { Pending } from './pending.ts';
import { batches, type Table, type Write } from './table.ts';

/**
 * Subtrees that left the scope. A subtree may be larger than any transaction, so the commit writes down that it is
 * forgotten, and its rows are deleted right after; a crash in between is made good before the next scan or its end.
 */
export class Forgotten {
  readonly #table: Table;
  readonly #pending: Pending;

  constructor(table: Table, pending: Pending) {
    this.#table = table;
    this.#pending = pending;
  }

  mark(tree: number, path: string): Write {
    const item = { ...pathAttributes(path), o: number(1) };
    return { key: { p: `g${tree}`, s: sortKey(path) }, kind: 'put', item };
  }

  async sweep(tree: number): Promise<void> {
    for await (const mark of this.#pending.allSettled(this.#table.query(`g${tree}`))) {
      await this.#delete(tree, pathOf(mark));
      await this.#table.deleteAll([keyOf(mark)]);
    }
  }

  async #delete(tree: number, path: string): Promise<void> {
    const paths = [path];
    for await (const item of this.#table.query(`d${tree}`, below(path))) {
      if (isBelowKey(item, path)) paths.push(pathOf(item));
    }
    for (const batch of batches(paths, 100)) {
      const entries = await this.#table.getAll(batch.map((each) => entriesKey(tree, each)));
      const chunks = [...entries.values()].flatMap((item) => (item['k'] ? storedChunks(item) : []));
      await dropBulks(
        this.#table,
        chunks.filter(({ parts }) => parts > 0),
      );
      // The directories last: they are how the rest is found again after a crash.
      await this.#table.deleteAll(batch.flatMap((each) => [entriesKey(tree, each), heldKey(tree, each)]));
      await this.#table.deleteAll(batch.map((each) => directoryKey(tree, each)));
    }
  }
}
