import type { Fence } from '../state.ts';
import { damaged, type Item, type Key, key, keyOf, number, numberAt } from './attributes.ts';
import type { Logged } from './fences.ts';
import { phaseOf } from './log-items.ts';
import type { Table, Write } from './table.ts';

/**
 * The heads of the log: one row per task that logged changes which an output may still wait for. `n` counts them,
 * `z` is the stamp of the last and `q` of the first, `o<number>` how many an output has had. They stand together,
 * so that a look at what waits reads a few pages, however many watches there are.
 */
export interface Head {
  readonly key: Key;
  readonly watch: number;
  readonly scan: number;
  readonly task: string;
  readonly count: number;
  readonly firstStamp: number;
  readonly had: (output: number) => number;
}

const shards = 4;

export function headKey(watch: number, scan: number, task: string): Key {
  const name = [String(watch).padStart(9, '0'), String(scan).padStart(9, '0'), phaseOf(task), task].join('-');
  return key(`o${watch % shards}`, name);
}

/** In the transaction of a commit that logs changes. */
export function headWrite(watch: number, { scan, task }: Fence, { count, stamp }: Logged): Write {
  return {
    key: headKey(watch, scan, task),
    kind: 'update',
    update: {
      text: 'SET n = :n, z = :z, q = if_not_exists(q, :z)',
      values: { ':n': number(count), ':z': number(stamp) },
    },
  };
}

export async function readHeads(table: Table): Promise<readonly Head[]> {
  const partitions = Array.from({ length: shards }, (_, shard) => Array.fromAsync(table.query(`o${shard}`)));
  return (await Promise.all(partitions)).flat().map(headOf);
}

function headOf(item: Item): Head {
  const at = keyOf(item);
  const match = /^(\d+)-(\d+)-[12]-(\w+)$/.exec(headName(at));
  if (match === null) throw damaged('the key of a head');
  return {
    key: at,
    watch: Number(match[1]),
    scan: Number(match[2]),
    task: match[3] ?? '',
    count: numberAt(item, 'n', 0),
    firstStamp: numberAt(item, 'q', 0),
    had: (output) => numberAt(item, hadAttribute(output), 0),
  };
}

export function headName({ s }: Key): string {
  return Buffer.from(s).toString('latin1');
}

/** From what `headName` said. */
export function headKeyOf(name: string): Key {
  return key(`o${Number(name.split('-')[0]) % shards}`, name);
}

export function hadAttribute(output: number): string {
  return `o${output}`;
}
