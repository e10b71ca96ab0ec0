import * as z from 'zod';
import { InvalidInput } from '../../failure.ts';
import { key, keyItem, keyOf, number, numberAt, parsed } from './attributes.ts';
import { nextNumber } from './numbers.ts';
import { hadAttribute, headKeyOf, readHeads } from './outbox.ts';
import { forEachOf, type Table } from './table.ts';

/** An output registered again is another one: it has another number, so its old places mean nothing. */
export interface StoredOutput {
  readonly name: string;
  readonly number: number;
}

const partition = 'Q';

export async function readOutputs(table: Table): Promise<readonly StoredOutput[]> {
  const items = await Array.fromAsync(table.query(partition));
  return items.map((item) => ({
    name: Buffer.from(keyOf(item).s).toString('utf8'),
    number: numberAt(item, 'i'),
  }));
}

export async function registerOutputs(table: Table, outputs: readonly string[]): Promise<void> {
  const known = await readOutputs(table);
  const gone = known.filter(({ name }) => !outputs.includes(name));
  await table.deleteAll(gone.map(({ name }) => key(partition, name)));
  for (const name of outputs) {
    if (known.some((output) => output.name === name)) continue;
    const given = await nextNumber(table);
    // What is committed so far first, the output after it: a crash in between leaves no output that has too much.
    await forEachOf(await readHeads(table), async (head) => {
      await table.update(
        head.key,
        { text: `SET ${hadAttribute(given)} = n` },
        { text: 'attribute_exists(p)' },
      );
    });
    const item = { ...keyItem(key(partition, name)), i: number(given) };
    await table.put(item, { text: 'attribute_not_exists(p)' });
  }
}

/** A position says, of each task's log that a page went through, up to where. */
const storedPosition = z.tuple([z.number(), z.array(z.tuple([z.string(), z.number()]))]);
export type Position = Readonly<z.infer<typeof storedPosition>>;

export function positionText(output: number, reached: ReadonlyMap<string, number>): string {
  return JSON.stringify([output, [...reached]] satisfies Position);
}

/**
 * Task by task: a crash in between repeats deliveries and loses none. A head that is gone was had by all outputs.
 */
export async function advance(table: Table, position: string): Promise<void> {
  const [output, reached] = parsedPosition(position);
  const had = hadAttribute(output);
  await forEachOf(reached, async ([head, upTo]) => {
    await table.update(
      headKeyOf(head),
      { text: `SET ${had} = :upTo`, values: { ':upTo': number(upTo) } },
      { text: `attribute_exists(p) AND (attribute_not_exists(${had}) OR ${had} < :upTo)` },
    );
  });
}

function parsedPosition(position: string): Position {
  try {
    return parsed(position, 'a position', storedPosition);
  } catch (cause) {
    throw new InvalidInput(`${JSON.stringify(position)} is no position of an output`, {
      cause,
      advice: 'Advance to what "unpublished" returned.',
    });
  }
}
