import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type ConsumedCapacity,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { binary, type Item, type Key, keyItem, keyOf, keyText, string } from './attributes.ts';
import { answered, backOff, tableFailure } from './retry.ts';
import { dueIndex } from './table-definition.ts';

/**
 * Told of every answered request. `items`: how many a transaction wrote; DynamoDB Local says the units of only one
 * of them, DynamoDB of all.
 */
export type OnConsumed = (operation: string, units: number, items: number) => void;

/** An expression over attributes; names are never reserved words. */
export interface Expression {
  readonly text: string;
  readonly values?: Item;
}

/** One write of a transaction. `item`: put it; `update`: change it; neither: delete it, or only check. */
export interface Write {
  readonly key: Key;
  readonly kind: 'put' | 'update' | 'delete' | 'check';
  readonly item?: Item;
  readonly update?: Expression;
  readonly condition?: Expression;
}

export interface Range {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
  /** Items a page; a page is never above 1 MB. */
  readonly page?: number;
}

/** The table, strongly consistent: requests repeated until answered, errors in our words, units counted. */
export class Table {
  readonly #client: DynamoDBClient;
  readonly #name: string;
  readonly #onConsumed: OnConsumed;

  constructor(client: DynamoDBClient, name: string, onConsumed: OnConsumed = () => {}) {
    this.#client = client;
    this.#name = name;
    this.#onConsumed = onConsumed;
  }

  async get(key: Key): Promise<Item | undefined> {
    const input = { TableName: this.#name, Key: keyItem(key), ConsistentRead: true, ...counted };
    return (await this.#send('GetItem', () => this.#client.send(new GetItemCommand(input)))).Item;
  }

  /** By key text; what is not there is absent. */
  async getAll(keys: readonly Key[]): Promise<ReadonlyMap<string, Item>> {
    const found = new Map<string, Item>();
    const unique = [...new Map(keys.map((each) => [keyText(each), each])).values()];
    await forEachOf(batches(unique.map(keyItem), 100), async (batch) => {
      let left = batch;
      for (let attempt = 0; left.length > 0; attempt += 1) {
        if (attempt > 0) await backOff(attempt);
        const RequestItems = { [this.#name]: { Keys: [...left], ConsistentRead: true } };
        const output = await this.#send('BatchGetItem', () =>
          this.#client.send(new BatchGetItemCommand({ RequestItems, ...counted })),
        );
        for (const item of output.Responses?.[this.#name] ?? []) found.set(keyText(keyOf(item)), item);
        left = output.UnprocessedKeys?.[this.#name]?.Keys ?? [];
      }
    });
    return found;
  }

  /** Items of one partition between two sort keys, both included, page by page as they are taken. */
  async *query(p: string, range: Range = {}): AsyncGenerator<Item, void, void> {
    for await (const page of this.pages(p, range)) yield* page;
  }

  async *pages(
    p: string,
    { from, to, reverse, page }: Range = {},
  ): AsyncGenerator<readonly Item[], void, void> {
    const ends = [...(from === undefined ? [] : [binary(from)]), ...(to === undefined ? [] : [binary(to)])];
    const condition =
      from !== undefined && to !== undefined
        ? ' AND s BETWEEN :a AND :b'
        : from !== undefined
          ? ' AND s >= :a'
          : to !== undefined
            ? ' AND s <= :a'
            : '';
    yield* this.#query({
      KeyConditionExpression: `p = :p${condition}`,
      ExpressionAttributeValues: {
        ':p': string(p),
        ...(ends[0] ? { ':a': ends[0] } : {}),
        ...(ends[1] ? { ':b': ends[1] } : {}),
      },
      ConsistentRead: true,
      ...(reverse === true ? { ScanIndexForward: false } : {}),
      ...(page === undefined ? {} : { Limit: page }),
    });
  }

  /** Keys of a partition of the index. The index follows the table within moments: conditions decide, never this list. */
  async due(partition: string, upTo: number, limit: number): Promise<readonly Key[]> {
    const keys: Key[] = [];
    const pages = this.#query({
      IndexName: dueIndex.name,
      KeyConditionExpression: `${dueIndex.partition} = :d AND ${dueIndex.sort} <= :n`,
      ExpressionAttributeValues: { ':d': string(partition), ':n': { N: String(upTo) } },
      Limit: limit,
    });
    for await (const page of pages) {
      keys.push(...page.map(keyOf));
      if (keys.length >= limit) break;
    }
    return keys.slice(0, limit);
  }

  async *#query(query: Omit<QueryCommandInput, 'TableName'>): AsyncGenerator<readonly Item[], void, void> {
    let start: Item | undefined;
    do {
      const input = {
        TableName: this.#name,
        ...query,
        ...counted,
        ...(start ? { ExclusiveStartKey: start } : {}),
      };
      const output = await this.#send('Query', () => this.#client.send(new QueryCommand(input)));
      yield output.Items ?? [];
      start = output.LastEvaluatedKey;
    } while (start !== undefined);
  }

  /** Undefined once written; else the item that stood against it. */
  async put(item: Item, condition?: Expression): Promise<undefined | { readonly old: Item | undefined }> {
    const input = { TableName: this.#name, Item: item, ...conditional(condition), ...counted };
    return this.#conditional('PutItem', async () => this.#client.send(new PutItemCommand(input)));
  }

  /** The item as updated, or the one that stood against it. */
  async update(
    key: Key,
    update: Expression,
    condition?: Expression,
  ): Promise<{ readonly now: Item } | { readonly old: Item | undefined }> {
    const input = {
      TableName: this.#name,
      Key: keyItem(key),
      UpdateExpression: update.text,
      ...conditional(condition, update.values),
      ReturnValues: 'ALL_NEW' as const,
      ...counted,
    };
    let now: Item = {};
    const refused = await this.#conditional('UpdateItem', async () => {
      const output = await this.#client.send(new UpdateItemCommand(input));
      now = output.Attributes ?? {};
      return output;
    });
    return refused ?? { now };
  }

  /** False where the condition refused it. */
  async remove(at: Key, condition: Expression): Promise<boolean> {
    const input = { TableName: this.#name, Key: keyItem(at), ...conditional(condition), ...counted };
    const refused = await this.#conditional('DeleteItem', async () =>
      this.#client.send(new DeleteItemCommand(input)),
    );
    return refused === undefined;
  }

  async putAll(items: readonly Item[]): Promise<void> {
    await this.#writeAll(items.map((item) => ({ PutRequest: { Item: item } })));
  }

  async deleteAll(keys: readonly Key[]): Promise<void> {
    const unique = [...new Map(keys.map((each) => [keyText(each), each])).values()];
    await this.#writeAll(unique.map((each) => ({ DeleteRequest: { Key: keyItem(each) } })));
  }

  async #writeAll(requests: readonly WriteRequest[]): Promise<void> {
    await forEachOf(batches(requests, 25), async (batch) => {
      let left: readonly WriteRequest[] = batch;
      for (let attempt = 0; left.length > 0; attempt += 1) {
        if (attempt > 0) await backOff(attempt);
        const RequestItems = { [this.#name]: [...left] };
        const output = await this.#send('BatchWriteItem', () =>
          this.#client.send(new BatchWriteItemCommand({ RequestItems, ...counted })),
        );
        left = output.UnprocessedItems?.[this.#name] ?? [];
      }
    });
  }

  /** True once all of it is written; false where a condition refused all of it. */
  async transact(writes: readonly Write[]): Promise<boolean> {
    const TransactItems = writes.map((write) => this.#transactItem(write));
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#send(
          'TransactWriteItems',
          () => this.#client.send(new TransactWriteItemsCommand({ TransactItems, ...counted })),
          writes.length,
        );
        return true;
      } catch (error) {
        const canceled = error instanceof Error ? error.cause : undefined;
        if (!(canceled instanceof TransactionCanceledException)) throw error;
        const codes = (canceled.CancellationReasons ?? []).map((reason) => reason.Code ?? 'None');
        if (codes.includes('ConditionalCheckFailed')) return false;
        if (codes.includes('ValidationError') || codes.includes('ItemCollectionSizeLimitExceeded'))
          throw error;
        await backOff(attempt);
      }
    }
  }

  #transactItem({ key, kind, item, update, condition }: Write): TransactWriteItem {
    const TableName = this.#name;
    if (kind === 'put')
      return { Put: { TableName, Item: { ...keyItem(key), ...item }, ...expressed(condition) } };
    const Key = keyItem(key);
    if (kind === 'delete') return { Delete: { TableName, Key, ...expressed(condition) } };
    if (kind === 'update') {
      const UpdateExpression = update?.text ?? '';
      return { Update: { TableName, Key, UpdateExpression, ...expressed(condition, update?.values) } };
    }
    const { text, values } = condition ?? { text: 'attribute_exists(p)' };
    return { ConditionCheck: { TableName, Key, ConditionExpression: text, ...valued(values) } };
  }

  async #conditional(
    operation: string,
    request: () => Promise<{ ConsumedCapacity?: ConsumedCapacity | undefined }>,
  ): Promise<undefined | { readonly old: Item | undefined }> {
    try {
      await this.#send(operation, request);
      return undefined;
    } catch (error) {
      const refused = error instanceof Error ? error.cause : undefined;
      if (!(refused instanceof ConditionalCheckFailedException)) throw error;
      return { old: refused.Item };
    }
  }

  async #send<O extends { ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[] | undefined }>(
    operation: string,
    request: () => Promise<O>,
    items = 1,
  ): Promise<O> {
    try {
      const output = await answered(request);
      for (const { CapacityUnits } of [output.ConsumedCapacity ?? []].flat()) {
        this.#onConsumed(operation, CapacityUnits ?? 0, items);
      }
      return output;
    } catch (error) {
      throw tableFailure(error, this.#name);
    }
  }
}

const counted = { ReturnConsumedCapacity: 'TOTAL' } as const;

function valued(values: Item = {}): { ExpressionAttributeValues?: Item } {
  return Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values };
}

function expressed(condition?: Expression, values: Item = {}) {
  return {
    ...(condition ? { ConditionExpression: condition.text } : {}),
    ...valued({ ...values, ...condition?.values }),
  };
}

function conditional(condition?: Expression, values: Item = {}) {
  return {
    ...expressed(condition, values),
    ...(condition ? { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const } : {}),
  };
}

export function batches<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let start = 0; start < all.length; start += size) found.push(all.slice(start, start + size));
  return found;
}

/** Some at a time: many requests must not wait for each other, nor fill the sockets. */
export async function forEachOf<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const worker = async () => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: Math.min(16, all.length) }, worker));
}
