import { hash } from 'node:crypto';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { PublishFailed } from '../failure.ts';
import type { Change } from './change.ts';
import type { Channel } from './channel.ts';
import { messageJson } from './message-json.ts';
import { packs } from './packs.ts';

export interface QueueOptions {
  readonly client: SQSClient;
  readonly queueUrl: string;
  /** A FIFO queue: messages of one watch keep their order, and hold changes of that watch alone. */
  readonly fifo: boolean;
}

/** Of one message and of one batch alike, in a queue made before 2025 too. */
const mostBytes = 256 * 1_024;
const envelope = Buffer.byteLength('{"version":1,"changes":[]}');
const messages = { count: 100, bytes: mostBytes - envelope };
const requests = { count: 10, bytes: mostBytes };
const requestsAtOnce = 4;

interface Message {
  readonly body: string;
  readonly group: string;
  readonly ids: readonly string[];
}

/** Sends batches `{"version":1,"changes":[…]}` to a queue of SQS. What it did not take is named, message by message. */
export class QueueChannel implements Channel {
  readonly maxBatch = 500;
  readonly #options: QueueOptions;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const messages = this.#messages(changes);
    const failed: string[] = [];
    const stopped = new Set<string>();
    let reason: unknown;
    for (const round of this.#options.fifo ? rounds(messages) : [messages]) {
      failed.push(...round.filter(({ group }) => stopped.has(group)).flatMap(({ ids }) => ids));
      const open = round.filter(({ group }) => !stopped.has(group));
      const rest = packs(open, requests, ({ body }) => Buffer.byteLength(body)).values();
      const sender = async () => {
        for (const batch of rest) {
          const answer = await this.#try(batch, signal);
          for (const { group, ids } of answer.refused) {
            stopped.add(group);
            failed.push(...ids);
          }
          reason ??= answer.reason;
        }
      };
      await Promise.all(Array.from({ length: requestsAtOnce }, sender));
    }
    if (failed.length === 0) return;
    const why = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
    throw new PublishFailed(
      `the queue ${this.#options.queueUrl} did not take every message: ${why}`,
      failed,
      {
        cause: reason,
        advice: 'Check that the queue exists and what the role may do with it.',
      },
    );
  }

  /** The queue carries changes alone; notices are on the bus. */
  async notify(): Promise<void> {}

  async close(): Promise<void> {}

  #messages(changes: readonly Change[]): readonly Message[] {
    const groups = this.#options.fifo
      ? Map.groupBy(changes, ({ tenant, watch }) => hash('sha256', `${tenant}/${watch}`, 'hex'))
      : new Map([['', changes]]);
    return [...groups].flatMap(([group, members]) => {
      const written = members.map((change) => ({ id: change.id, text: messageJson(change) }));
      return packs(written, messages, ({ text }) => Buffer.byteLength(text) + 1).map((pack) => ({
        group,
        body: `{"version":1,"changes":[${pack.map(({ text }) => text).join(',')}]}`,
        ids: pack.map(({ id }) => id),
      }));
    });
  }

  async #try(
    batch: readonly Message[],
    signal: AbortSignal,
  ): Promise<{ readonly refused: readonly Message[]; readonly reason?: unknown }> {
    const command = new SendMessageBatchCommand({
      QueueUrl: this.#options.queueUrl,
      Entries: batch.map(({ body, group, ids }, index) => ({
        Id: String(index),
        MessageBody: body,
        ...(this.#options.fifo
          ? { MessageGroupId: group, MessageDeduplicationId: hash('sha256', ids.join(), 'hex') }
          : {}),
      })),
    });
    try {
      const { Successful = [], Failed = [] } = await this.#options.client.send(command, {
        abortSignal: signal,
      });
      // An answer that says nothing of a message is no promise to deliver it.
      const taken = new Set(Successful.map(({ Id }) => Id));
      const refused = batch.filter((_, index) => !taken.has(String(index)));
      const [first] = Failed;
      const reason = first ? `${first.Code}: ${first.Message ?? ''}` : 'no answer for some of them';
      return { refused, ...(refused.length > 0 ? { reason } : {}) };
    } catch (error) {
      return { refused: batch, reason: error };
    }
  }
}

/**
 * The first message of every group, then the second ones, and so on: in one request, a later message of a group may be
 * taken where an earlier one is refused, and would overtake it.
 */
function rounds(messages: readonly Message[]): readonly (readonly Message[])[] {
  const groups = [...Map.groupBy(messages, ({ group }) => group).values()];
  const most = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: most }, (_, index) => groups.flatMap((group) => group.slice(index, index + 1)));
}
