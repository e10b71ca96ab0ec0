import type { ListRequest } from '../../shared/remote/remote.ts';

/**
 * The directories a task still has to list, as a stream of requests. Depth first, so that it stays short on wide
 * trees. Ends when nothing is queued and nothing under way, or when it is stopped.
 */
export class Frontier<T extends ListRequest> {
  readonly #queue: string[];
  readonly #inFlight: number;
  readonly #underWay = new Map<string, T>();
  /** Taken from the queue and not under way yet. */
  #preparing: string | undefined;
  /** Answers taken whose children are not added yet: the stream must not end before. */
  #unsettled = 0;
  /** Counts the streams; one whose session died asks for nothing more. */
  #stream = 0;
  #stopped = false;
  #stillAsked: ((path: string) => boolean) | undefined;
  /** Of a frontier that was stopped: what is not asked any more. */
  readonly #left: string[] = [];
  #wake: () => void = () => {};

  /** `inFlight`: how many may be asked and not answered. */
  constructor(paths: readonly string[], inFlight = Number.POSITIVE_INFINITY) {
    this.#queue = paths.toReversed();
    this.#inFlight = inFlight;
  }

  /**
   * Requests for one session. `prepare` turns a path into what the answer will be compared with, or undefined where
   * there is nothing to ask.
   */
  async *requests(
    prepare: (path: string) => Promise<T | undefined>,
  ): AsyncGenerator<ListRequest, void, void> {
    const stream = this.#stream;
    while (stream === this.#stream) {
      if (this.#stopped && this.#stillAsked === undefined) return;
      const path = this.#underWay.size < this.#inFlight ? this.#next() : undefined;
      if (path !== undefined) {
        this.#preparing = path;
        const prepared = await prepare(path);
        if (stream !== this.#stream) return;
        this.#preparing = undefined;
        if (prepared === undefined) continue;
        this.#underWay.set(prepared.path, prepared);
        yield prepared;
      } else if (this.#underWay.size === 0 && this.#unsettled === 0) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Takes what an answer belongs to; undefined for an answer nobody asked for. Add what it leads to, then `settle`. */
  answered(path: string): T | undefined {
    const prepared = this.#underWay.get(path);
    if (this.#underWay.delete(path)) this.#unsettled += 1;
    return prepared;
  }

  add(paths: Iterable<string>): void {
    for (const path of paths) this.#queue.push(path);
  }

  /** Lets the stream look again: after each answer, once its children are added. */
  settle(): void {
    this.#unsettled = Math.max(0, this.#unsettled - 1);
    this.#wake();
  }

  /** Asks for nothing more but what is `stillAsked`; what is under way may still be answered. */
  stop(stillAsked?: (path: string) => boolean): void {
    this.#stopped = true;
    this.#stillAsked = stillAsked;
    this.#wake();
  }

  /** After a session died: what it did not answer is asked again. */
  requeue(pathOf: (prepared: T) => string): void {
    this.add([...this.#underWay.values()].map(pathOf));
    if (this.#preparing !== undefined) this.add([this.#preparing]);
    this.#preparing = undefined;
    this.#unsettled = 0;
    this.#underWay.clear();
    this.#stream += 1;
    this.#wake();
  }

  /** Whether there is more to ask and it may be asked. */
  get isOpen(): boolean {
    return !this.#stopped && this.#queue.length > 0;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** What has not been asked. */
  rest(): readonly string[] {
    return [...this.#left, ...this.#queue.toReversed()];
  }

  #next(): string | undefined {
    for (let path = this.#queue.pop(); path !== undefined; path = this.#queue.pop()) {
      if (!this.#stopped || this.#stillAsked?.(path) === true) return path;
      this.#left.push(path);
    }
    return undefined;
  }
}
