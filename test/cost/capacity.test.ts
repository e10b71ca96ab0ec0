import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { type Attributes, itemBytes, readUnits, writeUnits } from '../bench/cost/capacity.ts';
import { Ledger, parseTableRequest } from '../bench/cost/ledger.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from '../state/dynamodb-local.ts';

const missing = dynamoLocalMissing();
const TableName = 'farwatch';

suite('capacity by the rules', { skip: missing ?? false }, () => {
  let local: DynamoLocal;
  let client: DynamoDBClient;
  before(async () => {
    local = await startDynamoLocal();
    client = local.client();
    await local.makeTable(TableName);
  });
  after(async () => {
    client.destroy();
    await local.stop();
  });

  /** An item of exactly so many bytes: the key is 1 + 1 + 1 + 3, the name of `b` 1. */
  const sized = (bytes: number): Record<string, AttributeValue> => ({
    ...key(),
    b: { B: new Uint8Array(bytes - 7) },
  });
  const key = () => ({ p: { S: 'x' }, s: { B: Buffer.from('abc') } });

  test('is what DynamoDB Local says, on both sides of every border', async () => {
    for (const bytes of [100, 1_024, 1_025, 2_048, 2_049, 4_096, 4_097, 8_193]) {
      const item = sized(bytes);
      assert.equal(itemBytes(asJson(item)), bytes);
      const ReturnConsumedCapacity = 'TOTAL';
      const put = await client.send(new PutItemCommand({ TableName, Item: item, ReturnConsumedCapacity }));
      // The first one is larger than nothing; later ones replace smaller ones.
      assert.equal(put.ConsumedCapacity?.CapacityUnits, writeUnits(bytes), `${bytes} bytes written`);
      const got = await client.send(
        new GetItemCommand({ TableName, Key: key(), ConsistentRead: true, ReturnConsumedCapacity }),
      );
      assert.equal(got.ConsumedCapacity?.CapacityUnits, readUnits(bytes), `${bytes} bytes read`);
    }
  });

  test('of all kinds of attributes', () => {
    assert.equal(itemBytes({ n: { N: '0' } }), 2);
    assert.equal(itemBytes({ n: { N: '-12345' } }), 1 + 3 + 1 + 1);
    assert.equal(itemBytes({ n: { N: '1700000000000' } }), 1 + 1 + 1);
    assert.equal(itemBytes({ 'n-ü': { S: 'ü' } }), 4 + 2);
    assert.equal(itemBytes({ m: { M: { a: { NULL: true } } } }), 1 + 3 + 1 + 1 + 1);
    assert.equal(itemBytes({ l: { L: [{ BOOL: true }, { S: 'ab' }] } }), 1 + 3 + 2 + 3);
  });

  test('of a transaction is twice that of its items, whatever DynamoDB Local says of it', async () => {
    const items = ['a', 'b', 'c'].map((p) => ({ ...sized(1_500), p: { S: p } }));
    const TransactItems = items.map((Item) => ({ Put: { TableName, Item } }));
    const ReturnConsumedCapacity = 'TOTAL';
    const answer = await client.send(
      new TransactWriteItemsCommand({ TransactItems, ReturnConsumedCapacity }),
    );
    const said = answer.ConsumedCapacity?.reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0) ?? 0;
    const request = parseTableRequest({
      TransactItems: items.map((Item) => ({ Put: { Item: asJson(Item) } })),
    });
    const ruled = new Ledger().write('TransactWriteItems', request, true);
    assert.deepEqual(
      ruled.map(({ units }) => units),
      [4, 4, 4],
    );
    assert.ok(said < 12, 'once it says so itself, nothing needs to be corrected');
  });

  test('of the index: entering, moving and leaving it', () => {
    const ledger = new Ledger();
    const row = (more: Attributes) => ({ p: { S: 'W' }, s: { B: 'YQ==' }, ...more });
    const write = (Item: Attributes) =>
      ledger.write('PutItem', parseTableRequest({ Item }), true).map(({ units }) => units);
    const due = (n: string) => ({ D: { S: 'due' }, N: { N: n } });
    assert.deepEqual(write(row({})), [1]);
    assert.deepEqual(write(row(due('1'))), [1 + 1]);
    assert.deepEqual(write(row(due('1'))), [1]);
    assert.deepEqual(write(row(due('2'))), [1 + 2]);
    assert.deepEqual(write(row({})), [1 + 1]);
  });

  test('of a refused write is that of the item that stood against it', () => {
    const ledger = new Ledger();
    const item = asJson(sized(3_000));
    ledger.write('PutItem', parseTableRequest({ Item: item }), true);
    const small = asJson(sized(100));
    assert.deepEqual(
      ledger.write('PutItem', parseTableRequest({ Item: small }), false).map(({ units }) => units),
      [3],
    );
    assert.equal(ledger.bytes, 3_000, 'it is still there');
  });
});

function asJson(item: Record<string, AttributeValue>): Attributes {
  return Object.fromEntries(
    Object.entries(item).map(([name, { S, B }]) => [
      name,
      B === undefined ? { S } : { B: Buffer.from(B).toString('base64') },
    ]),
  );
}
