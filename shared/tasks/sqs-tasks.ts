import { hash } from 'node:crypto';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { StateUnusable } from '../failure.ts';
import type { TaskMessage, Tasks } from './tasks.ts';

export interface SqsTasksOptions {
  readonly client: SQSClient;
  /** A FIFO queue, with deduplication by message group. */
  readonly queueUrl: string;
  /** Sessions permitted on a server: so many groups its tasks are spread over. */
  readonly connections: (server: string) => number;
}

const batchSize = 10;

/**
 * Brings tasks to workers by an SQS FIFO queue. A group is one slot of a server, and SQS delivers nothing of a group
 * while a message of it is under way: the queue alone keeps the limit of sessions, and the leases make sure of it. A
 * task stays in its slot, so a repeat of a task that is running waits until it is over.
 */
export class SqsTasks implements Tasks {
  readonly #options: SqsTasksOptions;

  constructor(options: SqsTasksOptions) {
    this.#options = options;
  }

  async send(server: string, messages: readonly TaskMessage[], repeat = 0): Promise<void> {
    const failures: (Error | string)[] = [];
    for (let start = 0; start < messages.length; start += batchSize) {
      // The ones behind are sent all the same: a refused task must not keep them waiting for the planner.
      const refused = await this.#refused(server, messages.slice(start, start + batchSize), repeat);
      if (refused !== undefined) failures.push(refused);
    }
    const [first] = failures;
    if (first === undefined) return;
    const why = first instanceof Error ? `${first.name}: ${first.message}` : first;
    throw new StateUnusable(`the task queue did not take every task: ${why}`, {
      cause: first,
      advice: 'They are sent again within a minute; check the queue if it stays so.',
    });
  }

  /** Why the queue did not take all of the batch, or undefined. */
  async #refused(
    server: string,
    batch: readonly TaskMessage[],
    repeat: number,
  ): Promise<Error | string | undefined> {
    const command = new SendMessageBatchCommand({
      QueueUrl: this.#options.queueUrl,
      Entries: batch.map((message, index) => ({
        Id: String(index),
        MessageBody: JSON.stringify(message),
        MessageGroupId: groupOf(server, this.#slot(server, message)),
        MessageDeduplicationId: short([...nameOf(message), String(repeat)]),
      })),
    });
    try {
      const { Successful = [], Failed = [] } = await this.#options.client.send(command);
      if (Successful.length === batch.length) return undefined;
      const [first] = Failed;
      return first ? `${first.Code}: ${first.Message ?? ''}` : 'no answer for some of them';
    } catch (error) {
      return error instanceof Error ? error : String(error);
    }
  }

  /** The tasks of one scan go round the slots; scans of other watches begin at another one. */
  #slot(server: string, { tenant, watch, task }: TaskMessage): number {
    const first = Number.parseInt(short([tenant, watch]).slice(0, 8), 16);
    return (first + Number(task)) % this.#options.connections(server);
  }
}

/** At most 128 characters, which names of servers and watches may exceed. */
function groupOf(server: string, slot: number): string {
  return `${short([server])}#${slot}`;
}

function nameOf({ tenant, watch, scan, task }: TaskMessage): readonly string[] {
  return [tenant, watch, String(scan), task];
}

function short(parts: readonly string[]): string {
  return hash('sha256', parts.join('\n'), 'hex').slice(0, 40);
}
