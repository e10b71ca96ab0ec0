import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { deployableConfig } from '../../../shared/config/deployable.ts';
import { type DynamoState, openDynamoState } from '../../../shared/state/dynamodb/dynamodb-state.ts';
import type { WatchKey } from '../../../shared/state/state.ts';
import { type DynamoLocal, startDynamoLocal } from '../../state/dynamodb-local.ts';
import { type Counted, Counter } from './counting.ts';
import { CountingProxy } from './counting-proxy.ts';
import { EventSource } from './event-source.ts';
import { type FunctionName, type Invocation, Lambda } from './functions.ts';

export interface DeploymentOptions {
  /** Answers for SQS, EventBridge, Secrets Manager and Step Functions. */
  readonly endpoint: string;
  /** farwatch.yaml. */
  readonly configuration: object;
  readonly secrets: Readonly<Record<string, string>>;
  /** Scanners at once: the sum of all `connections`. */
  readonly scanners: number;
}

/** All that was counted while some work was done. */
export interface Measured {
  readonly seconds: number;
  readonly requests: readonly Counted[];
  readonly invocations: readonly Invocation[];
  readonly logBytes: Readonly<Record<FunctionName, number>>;
}

const table = 'farwatch';
const region = 'eu-central-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const queueNames = ['tasks.fifo', 'wakes.fifo', 'changes'] as const;
type QueueName = (typeof queueNames)[number];
const tickMs = 60_000;

/** The functions of a deployment in this process, on DynamoDB Local and whatever stands for the other services. */
export class Deployment {
  readonly state: DynamoState;
  readonly #dynamo: DynamoLocal;
  readonly #client: DynamoDBClient;
  readonly #counter = new Counter();
  readonly #proxy: CountingProxy;
  readonly #options: DeploymentOptions;
  readonly #scratch = mkdtempSync(join(tmpdir(), 'farwatch-cost-'));
  readonly #lambdas: Lambda[] = [];
  readonly #sources: EventSource[] = [];
  readonly #sqs: SQSClient;

  private constructor(dynamo: DynamoLocal, options: DeploymentOptions) {
    this.#dynamo = dynamo;
    this.#options = options;
    this.#client = dynamo.client();
    this.state = openDynamoState({ client: this.#client, table });
    this.#sqs = new SQSClient({ endpoint: options.endpoint, region, credentials });
    this.#proxy = new CountingProxy({
      counter: this.#counter,
      upstream: (service) => (service === 'DynamoDB' ? dynamo.endpoint : options.endpoint),
    });
  }

  static async start(options: DeploymentOptions): Promise<Deployment> {
    const deployment = new Deployment(await startDynamoLocal(), options);
    try {
      await deployment.#create();
      await deployment.#startFunctions();
    } catch (error) {
      await deployment.stop();
      throw error;
    }
    return deployment;
  }

  /** Bytes and items that the table holds. */
  get stored(): { readonly bytes: number; readonly items: number } {
    return { bytes: this.#counter.ledger.bytes, items: this.#counter.ledger.count };
  }

  async measure(work: () => Promise<void>): Promise<Measured> {
    this.#take();
    const began = performance.now();
    await work();
    const seconds = (performance.now() - began) / 1_000;
    return { seconds, ...this.#take() };
  }

  async tick(): Promise<void> {
    await this.#lambda('planner').invoke({});
  }

  /** One whole scan of the watch, with everything that follows from it. */
  async scan(key: WatchKey): Promise<void> {
    const before = (await this.state.watch(key))?.scan ?? 0;
    if (before > 0) await this.state.setNextDue(key, 0);
    await this.tick();
    const ticking = setInterval(() => void this.tick().catch(() => undefined), tickMs);
    try {
      for (;;) {
        await sleep(100);
        const failure = this.#sources.flatMap(({ failures }) => failures)[0];
        if (failure !== undefined) throw failure;
        const record = await this.state.watch(key);
        const ended = record !== undefined && record.scan > before && record.openScan === null;
        if (ended && (await this.#isQuiet())) return;
      }
    } finally {
      clearInterval(ticking);
    }
  }

  async stop(): Promise<void> {
    // Pollers wait for messages up to 20 s; without the functions nothing would be done with them.
    await Promise.all([...this.#sources.map((source) => source.stop()), this.#proxy.close()]);
    await Promise.all(this.#lambdas.map((lambda) => lambda.stop()));
    this.#client.destroy();
    this.#sqs.destroy();
    await this.#dynamo.stop();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  #take(): Omit<Measured, 'seconds'> {
    const invocations: Invocation[] = [];
    const logBytes = { planner: 0, scanner: 0, reassembler: 0, publisher: 0 };
    for (const lambda of this.#lambdas) {
      const taken = lambda.take();
      invocations.push(...taken.invocations);
      logBytes[lambda.name] += taken.logBytes;
    }
    return { requests: this.#proxy.take(), invocations, logBytes };
  }

  async #create(): Promise<void> {
    const { endpoint, configuration, secrets } = this.#options;
    await this.#dynamo.makeTable(table);
    for (const QueueName of queueNames) {
      const fifo = { FifoQueue: 'true', DeduplicationScope: 'messageGroup' };
      const Attributes = QueueName.endsWith('.fifo')
        ? { ...fifo, FifoThroughputLimit: 'perMessageGroupId', VisibilityTimeout: '720' }
        : {};
      await this.#sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    }
    const events = new EventBridgeClient({ endpoint, region, credentials });
    await events.send(new CreateEventBusCommand({ Name: 'farwatch' }));
    events.destroy();
    const manager = new SecretsManagerClient({ endpoint, region, credentials });
    for (const [Name, SecretString] of Object.entries(secrets)) {
      await manager.send(new CreateSecretCommand({ Name, SecretString }));
    }
    manager.destroy();
    const file = join(this.#scratch, 'farwatch.yaml');
    writeFileSync(file, JSON.stringify(configuration)); // JSON is YAML too
    writeFileSync(join(this.#scratch, 'farwatch.json'), deployableConfig(file, process.env).json);
  }

  async #startFunctions(): Promise<void> {
    const { scanners } = this.#options;
    const planner = await this.#startLambda('planner', 1, 50_000);
    const scanner = await this.#startLambda('scanner', scanners, 120_000);
    const publisher = await this.#startLambda('publisher', 1, 60_000);
    this.#lambdas.push(planner, scanner, publisher);
    await this.#startSource('tasks.fifo', scanner, 1, scanners);
    await this.#startSource('wakes.fifo', publisher, 10, 1);
  }

  #startLambda(name: FunctionName, environments: number, timeoutMs: number): Promise<Lambda> {
    const env = (endpoint: string) => ({
      PATH: process.env['PATH'] ?? '',
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL: endpoint,
      LAMBDA_TASK_ROOT: this.#scratch,
      POWERTOOLS_SERVICE_NAME: 'farwatch',
      POWERTOOLS_METRICS_NAMESPACE: 'Farwatch/Bench',
      POWERTOOLS_LOG_LEVEL: 'INFO',
      POWERTOOLS_TRACE_ENABLED: 'false',
      TABLE_NAME: table,
      TASKS_QUEUE_URL: queueUrl(endpoint, 'tasks.fifo'),
      WAKES_QUEUE_URL: queueUrl(endpoint, 'wakes.fifo'),
      CHANGES_QUEUE_URL: queueUrl(endpoint, 'changes'),
      WORKFLOW_ARN: `arn:aws:states:${region}:000000000000:stateMachine:farwatch`,
      BUS_NAME: 'farwatch',
    });
    return Lambda.start({ name, environments, timeoutMs, env, open: (caller) => this.#proxy.open(caller) });
  }

  async #startSource(queue: QueueName, lambda: Lambda, batchSize: number, concurrency: number) {
    const { endpoint } = await this.#proxy.open('event source mapping');
    const client = { endpoint, region, credentials };
    const source = { client, queueUrl: queueUrl(endpoint, queue), lambda, batchSize, concurrency };
    this.#sources.push(new EventSource(source));
  }

  /** Nothing waits and nothing is under way. */
  async #isQuiet(): Promise<boolean> {
    for (const queue of ['tasks.fifo', 'wakes.fifo'] as const) {
      const QueueUrl = queueUrl(this.#options.endpoint, queue);
      const { Attributes = {} } = await this.#sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
      );
      const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: underWay } =
        Attributes;
      if (waiting !== '0' || underWay !== '0') return false;
    }
    return this.#lambdas.every(({ isIdle }) => isIdle);
  }

  #lambda(name: FunctionName): Lambda {
    const lambda = this.#lambdas.find((each) => each.name === name);
    if (lambda === undefined) throw new Error(`there is no function ${name}`);
    return lambda;
  }
}

function queueUrl(endpoint: string, queue: QueueName): string {
  return `${endpoint}/000000000000/${queue}`;
}
