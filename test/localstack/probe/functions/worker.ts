import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { z } from 'zod';

const { SEEN_QUEUE_URL } = z.object({ SEEN_QUEUE_URL: z.string() }).parse(process.env);
const task = z.object({ name: z.string(), act: z.enum(['succeed', 'fail', 'hang first']) });
const sqs = new SQSClient();

/** Tells each delivery to the `seen` queue before it acts. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    const { name, act } = task.parse(JSON.parse(record.body));
    const attempt = Number(record.attributes.ApproximateReceiveCount);
    const seen = JSON.stringify({ name, attempt });
    await sqs.send(new SendMessageCommand({ QueueUrl: SEEN_QUEUE_URL, MessageBody: seen }));
    if (act === 'hang first' && attempt === 1) await sleep(60_000);
    if (act === 'fail') batchItemFailures.push({ itemIdentifier: record.messageId });
  }
  return { batchItemFailures };
}
