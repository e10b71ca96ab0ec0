import PQueue from 'p-queue';
import type { TaskMessage, Tasks } from './tasks.ts';

/** Brings tasks to a function of this process. A task that is queued or running already is not queued again. */
export class InProcessTasks implements Tasks {
  readonly #handle: (message: TaskMessage) => Promise<void>;
  readonly #concurrency: (server: string) => number;
  readonly #queues = new Map<string, PQueue>();
  readonly #known = new Set<string>();

  /** `handle` must not reject. */
  constructor(handle: (message: TaskMessage) => Promise<void>, concurrency: (server: string) => number) {
    this.#handle = handle;
    this.#concurrency = concurrency;
  }

  async send(server: string, messages: readonly TaskMessage[]): Promise<void> {
    for (const message of messages) {
      const key = [message.tenant, message.watch, message.scan, message.task].join('/');
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      void this.#queue(server).add(async () => {
        try {
          await this.#handle(message);
        } finally {
          this.#known.delete(key);
        }
      });
    }
  }

  /** Tasks that wait for a worker. */
  get depth(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.size, 0);
  }

  /** Forgets what waits (its rows stay in the state) and resolves when nothing runs any more. */
  async drain(): Promise<void> {
    for (const queue of this.#queues.values()) queue.clear();
    await Promise.all([...this.#queues.values()].map((queue) => queue.onIdle()));
  }

  #queue(server: string): PQueue {
    let queue = this.#queues.get(server);
    if (queue === undefined) {
      queue = new PQueue({ concurrency: this.#concurrency(server) });
      this.#queues.set(server, queue);
    }
    return queue;
  }
}
