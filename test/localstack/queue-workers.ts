import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** A FIFO queue as the stack has them. */
export async function fifoQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({
      QueueName: `${name}.fifo`,
      Attributes: {
        FifoQueue: 'true',
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
        VisibilityTimeout: '120',
      },
    }),
  );
  return QueueUrl;
}

/** Takes messages one by one, so many at once, and deletes what is handled: an event source mapping in small. */
export function startWorkers(
  sqs: SQSClient,
  QueueUrl: string,
  count: number,
  handle: (message: Message) => Promise<void>,
): { close(): Promise<void> } {
  const stop = new AbortController();
  const work = async () => {
    while (!stop.signal.aborted) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 1,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      for (const message of Messages) {
        await handle(message);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
      }
    }
  };
  const workers = Promise.all(Array.from({ length: count }, work));
  return {
    async close() {
      stop.abort();
      await workers;
    },
  };
}
