import type { TaskMessage, Tasks } from '../../shared/tasks/tasks.ts';

/** So long SQS knows that it had a message of this name. */
const rememberedMs = 300_000;

/**
 * The task queue as an adversary: whoever holds it picks what is delivered next, in any order and side by side, takes
 * messages away and puts them in twice. Of SQS it keeps that a name is taken once in five minutes.
 */
export class AdverseQueue implements Tasks {
  readonly #clock: () => number;
  readonly #takenAt = new Map<string, number>();
  #waiting: TaskMessage[] = [];

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get waiting(): readonly TaskMessage[] {
    return this.#waiting;
  }

  async send(server: string, messages: readonly TaskMessage[], repeat = 0): Promise<void> {
    for (const message of messages) {
      const name = JSON.stringify([server, message, repeat]);
      const takenAt = this.#takenAt.get(name) ?? Number.NEGATIVE_INFINITY;
      if (this.#clock() - takenAt < rememberedMs) continue;
      this.#takenAt.set(name, this.#clock());
      this.#waiting.push(message);
    }
  }

  /** The message stays in the queue: other deliveries of it may come meanwhile. */
  pick(index: number): TaskMessage | undefined {
    return this.#waiting[index % Math.max(1, this.#waiting.length)];
  }

  remove(message: TaskMessage): void {
    const index = this.#waiting.indexOf(message);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  repeat(message: TaskMessage): void {
    this.#waiting.push({ ...message });
  }
}
