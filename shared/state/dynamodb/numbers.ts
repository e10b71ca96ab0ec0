import { key, number, numberAt } from './attributes.ts';
import type { Table } from './table.ts';

/** Short names for watches, trees and outputs, each given once. */
export async function nextNumber(table: Table): Promise<number> {
  const given = await table.update(key('N', 'n'), { text: 'ADD n :one', values: { ':one': number(1) } });
  return numberAt('now' in given ? given.now : {}, 'n');
}
