import { randomUUID } from 'node:crypto';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface WakesOptions {
  readonly client: SQSClient;
  /** A FIFO queue; its one group lets one publisher work at a time. */
  readonly queueUrl: string;
}

/** While changes are committed in a row, the publisher is woken once in so long. */
const paceMs = 2_000;

/** Wakes the publisher. A wake that is lost costs minutes: the planner looks for what waits. */
export class Wakes {
  readonly #options: WakesOptions;
  #sent: Promise<void> = Promise.resolve();
  #wanted = false;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: WakesOptions) {
    this.#options = options;
  }

  /** Call it after every commit that logged changes. */
  want(): void {
    this.#wanted = true;
    if (performance.now() - this.#lastAt < paceMs) return;
    this.#lastAt = performance.now();
    // Flushing sends again what could not be sent, and tells whoever waits for it.
    this.#next().catch(() => undefined);
  }

  /** Resolves when the publisher is sure to look at everything wanted so far. Throws the error of the SDK. */
  flush(): Promise<void> {
    return this.#next();
  }

  #next(): Promise<void> {
    this.#sent = this.#sent.catch(() => undefined).then(() => this.#send());
    return this.#sent;
  }

  async #send(): Promise<void> {
    if (!this.#wanted) return;
    this.#wanted = false;
    const command = new SendMessageCommand({
      QueueUrl: this.#options.queueUrl,
      MessageBody: '{"version":1}',
      MessageGroupId: 'publisher',
      // Never the same: a wake that comes while an earlier one is under way must not be dropped.
      MessageDeduplicationId: randomUUID(),
    });
    try {
      await this.#options.client.send(command);
    } catch (error) {
      this.#wanted = true;
      throw error;
    }
  }
}
