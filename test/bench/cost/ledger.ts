import { z } from 'zod';
import { dueIndex } from '../../../shared/state/dynamodb/table-definition.ts';
import { type Attributes, attributes, itemBytes, readUnits, writeUnits } from './capacity.ts';

const valued = {
  Key: attributes.optional(),
  Item: attributes.optional(),
  ExpressionAttributeValues: attributes.optional(),
};
const action = z.object(valued);
const transactItem = z.object({
  Put: action.optional(),
  Update: action.optional(),
  Delete: action.optional(),
  ConditionCheck: action.optional(),
});
const writeRequest = z.object({
  PutRequest: z.object({ Item: attributes }).optional(),
  DeleteRequest: z.object({ Key: attributes }).optional(),
});
const request = z.object({
  ...valued,
  ConsistentRead: z.boolean().optional(),
  TransactItems: z.array(transactItem).optional(),
  RequestItems: z
    .record(
      z.string(),
      z.union([z.array(writeRequest), z.object({ Keys: z.array(attributes), ConsistentRead: z.boolean() })]),
    )
    .optional(),
});
export type TableRequest = z.infer<typeof request>;
export const parseTableRequest = (body: unknown): TableRequest => request.parse(body);

/** One item that a request writes. `item` is undefined where only the values of an expression are known. */
interface Written {
  readonly kind: 'put' | 'update' | 'delete' | 'check';
  readonly key: Attributes;
  readonly item?: Attributes;
  readonly values?: Attributes;
}

export interface ItemUnits {
  /** The item's partition; of tasks the sort key too. */
  readonly name: string;
  readonly units: number;
}

interface Known {
  readonly bytes: number;
  readonly index: string | undefined;
}

/**
 * What requests cost by AWS's published rules, from the requests themselves. It must see every write of the table, for
 * a write costs by the larger of the item before and after. Of an update only the new values are seen: it counts as the
 * old item and all of them, which is never too little.
 */
export class Ledger {
  readonly #items = new Map<string, Known>();

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#items.values()) sum += bytes;
    return sum;
  }

  get count(): number {
    return this.#items.size;
  }

  /** What each item costs; `done`: whether the request was carried out, and not refused by a condition. */
  write(operation: string, body: TableRequest, done: boolean, after?: Attributes): readonly ItemUnits[] {
    const factor = operation === 'TransactWriteItems' ? 2 : 1;
    return writesOf(operation, body).map((written) => {
      const units = factor * this.#itemUnits(written, after);
      return { name: nameOf(written.key), units: units + (done ? this.#carryOut(written, after) : 0) };
    });
  }

  /** Read units of keys that are asked for one by one. */
  read(operation: string, body: TableRequest): number {
    if (operation === 'Query') return body.ConsistentRead === true ? 1 : 0.5;
    if (operation === 'GetItem') return this.#readUnits(body.Key ?? {}, body.ConsistentRead ?? false);
    return Object.values(body.RequestItems ?? {}).reduce((sum, asked) => {
      if (Array.isArray(asked)) return sum;
      return sum + asked.Keys.reduce((part, key) => part + this.#readUnits(key, asked.ConsistentRead), 0);
    }, 0);
  }

  #readUnits(key: Attributes, consistent: boolean): number {
    return readUnits(this.#items.get(keyText(key))?.bytes ?? 0) * (consistent ? 1 : 0.5);
  }

  #itemUnits({ key, kind, item, values }: Written, after: Attributes | undefined): number {
    const before = this.#items.get(keyText(key))?.bytes ?? 0;
    if (kind === 'delete' || kind === 'check') return writeUnits(before);
    if (kind === 'put') return writeUnits(Math.max(before, itemBytes(item ?? {})));
    const updated = after ? itemBytes(after) : Math.max(before, itemBytes(key)) + itemBytes(values ?? {});
    return writeUnits(Math.max(before, updated));
  }

  /** Notes what the table holds now. Returns the units of the index, which follows it. */
  #carryOut({ key, kind, item, values }: Written, after: Attributes | undefined): number {
    const at = keyText(key);
    const before = this.#items.get(at);
    if (kind === 'check') return 0;
    if (kind === 'delete') {
      this.#items.delete(at);
      return before?.index === undefined ? 0 : 1;
    }
    const now = kind === 'put' ? item : after;
    const known = now
      ? { bytes: itemBytes(now), index: indexKey(now) }
      : {
          bytes: Math.max(before?.bytes ?? 0, itemBytes(key) + itemBytes(values ?? {})),
          index: before?.index,
        };
    this.#items.set(at, known);
    if (before?.index === known.index) return 0;
    return (before?.index === undefined ? 0 : 1) + (known.index === undefined ? 0 : 1);
  }
}

function writesOf(operation: string, body: TableRequest): readonly Written[] {
  if (operation === 'TransactWriteItems') {
    return (body.TransactItems ?? []).flatMap(({ Put, Update, Delete, ConditionCheck }): Written[] => {
      if (Put?.Item) return [put(Put.Item)];
      if (Update?.Key) return [update(Update.Key, Update.ExpressionAttributeValues)];
      if (Delete?.Key) return [{ kind: 'delete', key: Delete.Key }];
      return ConditionCheck?.Key ? [{ kind: 'check', key: ConditionCheck.Key }] : [];
    });
  }
  if (operation === 'BatchWriteItem') {
    return Object.values(body.RequestItems ?? {}).flatMap((requests) =>
      Array.isArray(requests)
        ? requests.flatMap(({ PutRequest, DeleteRequest }): Written[] => {
            if (PutRequest) return [put(PutRequest.Item)];
            return DeleteRequest ? [{ kind: 'delete', key: DeleteRequest.Key }] : [];
          })
        : [],
    );
  }
  if (operation === 'PutItem') return [put(body.Item ?? {})];
  if (operation === 'UpdateItem') return [update(body.Key ?? {}, body.ExpressionAttributeValues)];
  if (operation === 'DeleteItem') return [{ kind: 'delete', key: body.Key ?? {} }];
  return [];
}

function put(item: Attributes): Written {
  const { p = {}, s = {} } = item;
  return { kind: 'put', key: { p, s }, item };
}

function update(key: Attributes, values: Attributes | undefined): Written {
  return { kind: 'update', key, ...(values ? { values } : {}) };
}

function keyText({ p, s }: Attributes): string {
  return `${p?.S ?? ''} ${s?.B ?? ''}`;
}

/** Of tasks the sort key too: the end of a scan is one of them. */
function nameOf({ p, s }: Attributes): string {
  const partition = p?.S ?? '';
  return partition.startsWith('t')
    ? `${partition} ${Buffer.from(s?.B ?? '', 'base64').toString('latin1')}`
    : partition;
}

function indexKey(item: Attributes): string | undefined {
  const partition = item[dueIndex.partition];
  const sort = item[dueIndex.sort];
  return partition === undefined || sort === undefined ? undefined : `${partition.S} ${sort.N}`;
}
