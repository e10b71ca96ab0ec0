import { setTimeout as sleep } from 'node:timers/promises';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { Change } from '../../shared/changes/change.ts';
import type { LocalStack } from './localstack.ts';

const facts = z
  .object({
    size: z.number().optional(),
    modifiedAt: z.string().optional(),
    precision: z.enum(['millisecond', 'second', 'minute', 'day']).optional(),
  })
  .nullable();

const changeSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  sequence: z.string(),
  type: z.enum(['created', 'modified', 'deleted', 'moved']),
  kind: z.enum(['file', 'directory']),
  tenant: z.string(),
  server: z.string(),
  watch: z.string(),
  path: z.string(),
  from: z.string().optional(),
  old: facts,
  new: facts,
  scan: z.number(),
  detectedAt: z.string(),
});

const event = z.object({
  source: z.literal('farwatch'),
  'detail-type': z.string(),
  detail: z.looseObject({ watch: z.string().optional(), tenant: z.string() }),
});
const batch = z.object({ version: z.literal(1), changes: z.array(changeSchema) });

export type FarwatchEvent = z.infer<typeof event>;

/** A queue that somebody reads all of, as it comes; what it has read stays, in order of arrival. */
export class QueueReader {
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #bodies: unknown[] = [];

  constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs;
    this.#url = url;
  }

  async read(): Promise<readonly unknown[]> {
    for (;;) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({ QueueUrl: this.#url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      if (Messages.length === 0) return this.#bodies;
      for (const { Body = '' } of Messages) this.#bodies.push(JSON.parse(Body));
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
    }
  }

  /** Changes that came in batches, with their repeats. */
  async changes(watch: string): Promise<readonly Change[]> {
    const batches = (await this.read()).map((body) => batch.parse(body));
    return changesOf(batches.flatMap(({ changes }) => changes)).filter((change) => change.watch === watch);
  }

  async events(): Promise<readonly FarwatchEvent[]> {
    return (await this.read()).map((body) => event.parse(body));
  }
}

/** The changes among events. */
export function changesIn(events: readonly FarwatchEvent[]): readonly Change[] {
  return changesOf(
    events.flatMap(({ detail }) => {
      const parsed = changeSchema.safeParse(detail);
      return parsed.success ? [parsed.data] : [];
    }),
  );
}

function changesOf(parsed: readonly z.infer<typeof changeSchema>[]): readonly Change[] {
  return parsed.map(({ from, old, new: now, ...change }) => ({
    ...change,
    ...(from === undefined ? {} : { from }),
    old: old && known(old),
    new: now && known(now),
  }));
}

function known({ size, modifiedAt, precision }: NonNullable<z.infer<typeof facts>>) {
  return {
    ...(size === undefined ? {} : { size }),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    ...(precision === undefined ? {} : { precision }),
  };
}

/** A rule of somebody's own on the bus, with a queue for a target. */
export async function ruleTarget(
  localstack: LocalStack,
  sqs: SQSClient,
  bus: string,
  name: string,
  pattern: object,
): Promise<QueueReader> {
  const events = new EventBridgeClient(localstack.clientConfig);
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  await events.send(
    new PutRuleCommand({ Name: name, EventBusName: bus, EventPattern: JSON.stringify(pattern) }),
  );
  const Targets = [{ Id: 'queue', Arn: Attributes?.['QueueArn'] ?? '' }];
  await events.send(new PutTargetsCommand({ Rule: name, EventBusName: bus, Targets }));
  events.destroy();
  return new QueueReader(sqs, QueueUrl);
}

/** Asks until the answer is there; says what was missing when it does not come. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  withinMs = 120_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > until) throw new Error(`did not come within ${withinMs / 1_000} s: ${what}`);
    await sleep(250);
  }
}
