import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { StateUnusable } from '../../../shared/failure.ts';
import { deploymentFailure } from './failure.ts';
import { clientOptions, findStack, type Stack, type StackOptions } from './stack.ts';

const queueNames = ['changes', 'tasks', 'wakes'] as const;
export type QueueName = (typeof queueNames)[number];

export interface RedriveOptions extends StackOptions {
  /** Default: every queue that has any. */
  readonly queue?: QueueName;
}

/** Moves what was given up back to where it came from, and says how many messages those were. */
export async function redrive({ queue, ...options }: RedriveOptions): Promise<void> {
  try {
    const stack = await findStack(options);
    const client = new SQSClient(clientOptions(stack.region));
    try {
      let moved = 0;
      for (const name of queue === undefined ? queueNames : [queue]) {
        for (const url of deadLetterQueues(stack, name)) {
          moved += await redriveQueue(client, url, name, queue !== undefined);
        }
      }
      if (moved === 0) process.stderr.write('redrive: nothing was waiting\n');
    } finally {
      client.destroy();
    }
  } catch (error) {
    throw deploymentFailure(error);
  }
}

/** The number of messages is approximate, and late by up to a minute: whoever names the queue knows better. */
async function redriveQueue(client: SQSClient, url: string, name: QueueName, named: boolean) {
  const { arn, waiting } = await lookAt(client, url);
  if (waiting === 0 && !named) return 0;
  if ((await latestMove(client, arn))?.Status !== 'RUNNING') {
    await client.send(new StartMessageMoveTaskCommand({ SourceArn: arn }));
  }
  const moved = await moveEnded(client, arn, name);
  if (moved > 0) process.stderr.write(`redrive: ${name}: ${moved} messages moved back\n`);
  return moved;
}

function deadLetterQueues({ outputs }: Stack, name: QueueName): readonly string[] {
  const urls: Readonly<Record<QueueName, readonly (string | undefined)[]>> = {
    changes: [outputs.ChangesDeadLetterQueueUrl, outputs.ChangesFifoDeadLetterQueueUrl],
    tasks: [outputs.TasksDeadLetterQueueUrl],
    wakes: [outputs.WakesDeadLetterQueueUrl],
  };
  return urls[name].filter((url) => url !== undefined);
}

async function lookAt(client: SQSClient, QueueUrl: string) {
  const AttributeNames = ['QueueArn' as const, 'ApproximateNumberOfMessages' as const];
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return {
    arn: Attributes['QueueArn'] ?? '',
    waiting: Number(Attributes['ApproximateNumberOfMessages'] ?? 0),
  };
}

async function latestMove(client: SQSClient, SourceArn: string) {
  const { Results } = await client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 1 }));
  return Results?.[0];
}

async function moveEnded(client: SQSClient, arn: string, name: QueueName): Promise<number> {
  for (;;) {
    const move = await latestMove(client, arn);
    const moved = move?.ApproximateNumberOfMessagesMoved ?? 0;
    if (move?.Status === 'COMPLETED') return moved;
    if (move !== undefined && move.Status !== 'RUNNING') {
      throw new StateUnusable(
        `the move from the dead-letter queue of ${name} ended as ${move.Status} after ${moved} messages: ${move.FailureReason ?? 'no reason given'}`,
        { advice: 'Run it again: what was not moved is still there.' },
      );
    }
    await sleep(500);
  }
}
