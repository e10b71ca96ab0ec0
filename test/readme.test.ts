import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CreateTableCommand, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import type { Change } from '../shared/changes/change.ts';
import { Mirror } from './local/mirror.ts';
import { Random } from './random.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from './state/dynamodb-local.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** The one block of code of the README that has these words in it. */
function example(words: string): string {
  const blocks = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
  const found = blocks.filter((code) => code.includes(words));
  assert.equal(found.length, 1, words);
  return found[0] ?? '';
}

/** Runs it as a module of its own, with the project's packages. */
async function run(code: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-readme-'));
  try {
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, 'example.mjs');
    writeFileSync(file, code);
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A history of few paths, as a consumer may get it: shuffled, with repeats. */
function history(): { readonly inOrder: readonly Change[]; readonly asItComes: readonly Change[] } {
  const random = new Random(7);
  const there = new Map<string, number>();
  const inOrder = Array.from({ length: 300 }, (_, index): Change => {
    const path = `/in/${random.below(12)}`;
    const known = there.has(path);
    const free = `/in/moved-${index}`;
    const type = known ? random.pick(['modified', 'deleted', 'moved'] as const) : 'created';
    const facts = { size: index, modifiedAt: '2026-11-21T01:20:00Z', precision: 'second' as const };
    there.delete(path);
    if (type !== 'deleted') there.set(type === 'moved' ? free : path, index);
    return {
      version: 1,
      id: `id-${index}`,
      sequence: `1-${String(index).padStart(9, '0')}`,
      type,
      kind: 'file',
      tenant: 'acme',
      server: 's',
      watch: 'in',
      path: type === 'moved' ? free : path,
      ...(type === 'moved' ? { from: path } : {}),
      old: null,
      new: type === 'deleted' ? null : facts,
      scan: 1,
      detectedAt: '2026-11-21T01:25:03.120Z',
    };
  });
  const repeated = [...inOrder, ...inOrder.filter(() => random.below(3) === 0)];
  const asItComes = repeated
    .map((change) => ({ change, at: random.below(1_000_000) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ change }) => change);
  return { inOrder, asItComes };
}

const lambda = z.object({
  handler: z.custom<(event: object) => Promise<object>>((it) => typeof it === 'function'),
});
const consumer = z.object({
  apply: z.custom<(change: Change) => void>((it) => typeof it === 'function'),
  mirror: z.instanceof(Map),
});

test('the consumer of the README holds an exact mirror, whatever the order', async () => {
  const { inOrder, asItComes } = history();
  const { apply, mirror } = consumer.parse(
    await run(`${example('const seen = new Set()')}\nexport { apply, mirror };`),
  );
  for (const change of asItComes) apply(change);
  assert.deepEqual(new Set(mirror.keys()), new Set(new Mirror().apply(inOrder).tree.keys()));
});

const skip = dynamoLocalMissing() ?? false;

suite('the function of the README', { skip }, () => {
  let dynamo: DynamoLocal;
  let client: DynamoDBClient;

  before(async () => {
    dynamo = await startDynamoLocal();
    client = dynamo.client();
    await client.send(
      new CreateTableCommand({
        TableName: 'mirror',
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'path', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'path', AttributeType: 'S' }],
      }),
    );
  });

  after(async () => {
    client.destroy();
    await dynamo.stop();
  });

  test('holds an exact mirror, and gives back what it could not take', async () => {
    process.env['MIRROR_TABLE'] = 'mirror';
    const { region, credentials } = client.config;
    const { accessKeyId, secretAccessKey } = await credentials();
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
      AWS_REGION: await region(),
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    const { handler } = lambda.parse(await run(example('PutItemCommand')));
    const { inOrder, asItComes } = history();
    const record = (messageId: string, changes: readonly Change[]) => ({
      messageId,
      body: JSON.stringify({ version: 1, changes }),
    });
    const half = Math.floor(asItComes.length / 2);
    const Records = [
      record('first', asItComes.slice(0, half)),
      { messageId: 'poison', body: 'no JSON' },
      record('second', asItComes.slice(half)),
    ];
    assert.deepEqual(await handler({ Records }), { batchItemFailures: [{ itemIdentifier: 'poison' }] });
    const { Items = [] } = await client.send(new ScanCommand({ TableName: 'mirror' }));
    const there = Items.filter(({ facts }) => facts?.S !== undefined).map(({ path }) => path?.S ?? '');
    const expected = [...new Mirror().apply(inOrder).tree.keys()].map((path) => `acme/in:${path}`);
    assert.deepEqual(new Set(there), new Set(expected));
  });
});
