import type { Failure } from '../failure.ts';
import type { Listing, Unchanged } from '../tree/listing.ts';
import type { ListRequest } from './remote.ts';
import { Window, type WindowLimits } from './window.ts';

/** Starts to read one directory and ends in one call: `done`, or `lost` if that was the end of the session. */
export type ReadDirectory<Answer = Listing> = (
  request: ListRequest,
  outcome: {
    readonly done: (answer: Answer) => void;
    readonly lost: (failure: Failure) => void;
  },
) => void;

interface ListerOptions<Answer> {
  readonly read: ReadDirectory<Answer>;
  readonly window: WindowLimits;
}

/**
 * One run of `Session.list`. The window counts directories in flight and listings not yet taken, so a slow consumer
 * slows the server down.
 */
export class Lister<Answer extends Listing | Unchanged = Listing> {
  readonly #read: ReadDirectory<Answer>;
  readonly #requests: AsyncIterator<ListRequest>;
  readonly #ready: Answer[] = [];
  /** Refused while others were in flight: perhaps too many open handles, so once more, alone. */
  readonly #again: ListRequest[] = [];
  #alone = false;
  #taken = 0;
  #inFlight = 0;
  readonly #window: Window;
  #asking = false;
  #exhausted = false;
  #ended: { readonly reason: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(requests: AsyncIterable<ListRequest>, { read, window }: ListerOptions<Answer>) {
    this.#read = read;
    this.#window = new Window(window);
    this.#requests = requests[Symbol.asyncIterator]();
  }

  async *run(signal: AbortSignal): AsyncGenerator<Answer, void, void> {
    const onAbort = (): void => this.#end(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      yield* this.#listings();
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#ended ??= { reason: undefined };
      if (!this.#exhausted) this.#giveUpRequests();
    }
  }

  async *#listings(): AsyncGenerator<Answer, void, void> {
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended.reason;
      this.#fill();
      const listing = this.#next();
      if (listing !== undefined) yield listing;
      else if (this.#exhausted && this.#inFlight === 0 && this.#again.length === 0) return;
      else if (this.#ended === undefined) {
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
      }
    }
  }

  #next(): Answer | undefined {
    const listing = this.#ready[this.#taken];
    if (listing === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken === this.#ready.length) {
      this.#ready.length = 0;
      this.#taken = 0;
    }
    return listing;
  }

  #fill(): void {
    if (this.#ended !== undefined) return;
    const refused = this.#again[0];
    if (refused !== undefined) {
      if (this.#inFlight > 0) return;
      this.#again.shift();
      this.#alone = true;
      this.#open(refused);
      return;
    }
    if (this.#asking || this.#exhausted || this.#alone) return;
    if (this.#inFlight + this.#ready.length - this.#taken >= this.#window.size) return;
    this.#asking = true;
    this.#requests.next().then(
      (result) => this.#onRequest(result),
      (error: unknown) => {
        this.#exhausted = true;
        this.#end(error);
      },
    );
  }

  #onRequest(result: IteratorResult<ListRequest, unknown>): void {
    this.#asking = false;
    if (result.done === true) {
      this.#exhausted = true;
      this.#wake.resolve();
      return;
    }
    if (this.#ended !== undefined) return;
    this.#open(result.value);
    this.#fill();
  }

  #open(request: ListRequest): void {
    this.#inFlight += 1;
    const alone = this.#alone;
    const askedAt = performance.now();
    const outcome = {
      done: (answer: Answer) => this.#onAnswer(request, answer, alone, askedAt),
      lost: (failure: Failure) => this.#end(failure),
    };
    this.#read(request, outcome);
  }

  #onAnswer(request: ListRequest, answer: Answer, alone: boolean, askedAt: number): void {
    this.#inFlight -= 1;
    if (alone) this.#alone = false;
    if (isRefused(answer) && this.#inFlight > 0) {
      this.#again.push(request);
      return;
    }
    // It was the number of open handles indeed, if the server takes alone what it refused among others.
    if (alone && answer.status === 'complete') this.#window.halve();
    else this.#window.answered(performance.now() - askedAt);
    this.#ready.push(answer);
    this.#fill();
    this.#wake.resolve();
  }

  #end(reason: unknown): void {
    this.#ended ??= { reason };
    this.#wake.resolve();
  }

  /** Not awaited: a generator that waits for its next request returns only after it. */
  #giveUpRequests(): void {
    this.#requests.return?.().catch(() => undefined);
  }
}

function isRefused(answer: Listing | Unchanged): boolean {
  return answer.status === 'partial' && answer.reason === 'refused' && answer.entries.length === 0;
}
