import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { Lambda } from './functions.ts';

export interface EventSourceOptions {
  readonly client: ConstructorParameters<typeof SQSClient>[0];
  readonly queueUrl: string;
  readonly lambda: Lambda;
  readonly batchSize: number;
  readonly concurrency: number;
}

const answer = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/** What an event source mapping of Lambda does with a queue: receive, invoke, delete what did not fail. */
export class EventSource {
  readonly #options: EventSourceOptions;
  readonly #client: SQSClient;
  readonly #stop = new AbortController();
  readonly #pollers: readonly Promise<void>[];
  /** Invocations that threw: the queue brings their messages again. */
  readonly failures: unknown[] = [];

  constructor(options: EventSourceOptions) {
    this.#options = options;
    this.#client = new SQSClient(options.client ?? {});
    this.#pollers = Array.from({ length: options.concurrency }, () => this.#poll());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#pollers);
    this.#client.destroy();
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        if (!signal.aborted) this.failures.push(error);
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { queueUrl, batchSize, lambda } = this.#options;
    const receive = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: batchSize,
      WaitTimeSeconds: 20,
      MessageSystemAttributeNames: ['All'],
    });
    const { Messages = [] } = await this.#client.send(receive, { abortSignal: signal });
    if (Messages.length === 0) return;
    const { batchItemFailures } = answer.parse(await lambda.invoke({ Records: Messages.map(recordOf) }));
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = Messages.filter(({ MessageId = '' }) => !failed.has(MessageId));
    if (done.length === 0) return;
    await this.#client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}

function recordOf({ MessageId, ReceiptHandle, Body, Attributes }: Message) {
  return { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body, attributes: Attributes };
}
