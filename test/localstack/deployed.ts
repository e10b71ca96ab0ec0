import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import type { ScanSummary, State, WatchKey, WatchRecord } from '../../shared/state/state.ts';
import type { ContainerServer } from '../servers/containers/container-server.ts';
import { eventually, QueueReader } from './consumer.ts';
import { deploy } from './deploy.ts';
import type { LocalStack } from './localstack.ts';

const outputNames = z.object({
  TableName: z.string(),
  BusName: z.string(),
  ChangesQueueUrl: z.string(),
  TasksQueueUrl: z.string(),
  TasksDeadLetterQueueUrl: z.string(),
  PlannerFunctionName: z.string(),
  ScannerFunctionName: z.string(),
  WorkflowArn: z.string(),
});

const stack = 'Farwatch';

/** The project's own stack as `cdk deploy` makes it, and what its operator does with it. */
export class Deployed {
  readonly outputs: z.infer<typeof outputNames>;
  readonly sqs: SQSClient;
  readonly state: State;
  readonly changes: QueueReader;
  readonly #localstack: LocalStack;
  readonly #lambda: LambdaClient;
  readonly #dynamo: DynamoDBClient;

  private constructor(localstack: LocalStack, outputs: z.infer<typeof outputNames>) {
    this.#localstack = localstack;
    this.outputs = outputs;
    this.sqs = new SQSClient(localstack.clientConfig);
    this.#lambda = new LambdaClient(localstack.clientConfig);
    this.#dynamo = new DynamoDBClient(localstack.clientConfig);
    this.state = openDynamoState({ client: this.#dynamo, table: outputs.TableName });
    this.changes = new QueueReader(this.sqs, outputs.ChangesQueueUrl);
  }

  static async deploy(localstack: LocalStack, config: object): Promise<Deployed> {
    return new Deployed(localstack, outputNames.parse(await deployConfig(localstack, config)));
  }

  /** Another configuration on the same stack. */
  async redeploy(config: object): Promise<void> {
    assert.deepEqual(outputNames.parse(await deployConfig(this.#localstack, config)), this.outputs);
  }

  close(): void {
    this.sqs.destroy();
    this.#lambda.destroy();
    this.#dynamo.destroy();
  }

  async plan(): Promise<void> {
    const { FunctionError, Payload } = await this.#lambda.send(
      new InvokeCommand({ FunctionName: this.outputs.PlannerFunctionName, Payload: '{}' }),
    );
    assert.equal(FunctionError, undefined, Payload?.transformToString());
  }

  async record(key: WatchKey): Promise<WatchRecord> {
    const record = await this.state.watch(key);
    assert.ok(record, `the state knows ${key}`);
    return record;
  }

  /** Has the watch scanned now; does not wait for it. Returns the scan's number. */
  async begin(key: WatchKey): Promise<number> {
    await eventually(`${key} is idle`, async () => (await this.record(key)).openScan === null);
    const before = (await this.record(key)).scan;
    await this.state.setNextDue(key, 0);
    return eventually(`${key} begins`, async () => {
      await this.plan();
      const { scan } = await this.record(key);
      return scan > before && scan;
    });
  }

  async ended(key: WatchKey, scan: number, withinMs = 180_000): Promise<ScanSummary> {
    return eventually(
      `the end of scan ${scan} of ${key}`,
      async () => {
        const { lastScan } = await this.record(key);
        return lastScan !== null && lastScan.scan >= scan && lastScan;
      },
      withinMs,
    );
  }

  async scan(key: WatchKey): Promise<ScanSummary> {
    return this.ended(key, await this.begin(key));
  }
}

async function deployConfig(localstack: LocalStack, config: object): Promise<Record<string, string>> {
  const scratch = mkdtempSync(join(tmpdir(), 'farwatch-deployed-'));
  try {
    const file = join(scratch, 'farwatch.yaml');
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify(config, null, 2));
    return await deploy(localstack, { stack, context: { config: file } });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The server's entry in a configuration, its password in Secrets Manager. */
export async function serverEntry(
  localstack: LocalStack,
  name: string,
  server: ContainerServer,
  more: object = {},
): Promise<object> {
  const client = new SecretsManagerClient(localstack.clientConfig);
  const secret = `farwatch/${name}`;
  await client.send(new CreateSecretCommand({ Name: secret, SecretString: server.password }));
  client.destroy();
  const { protocol, username, timezone } = server;
  const { host, port } = server.inNetwork ?? server;
  return {
    protocol,
    ...(protocol === 'ftp' ? { insecure: true, timezone } : {}),
    host,
    port,
    username,
    auth: { password: `secret:${secret}` },
    ...(server.hostKey === undefined ? {} : { hostKey: server.hostKey }),
    ...more,
  };
}
