export interface WindowLimits {
  /** Directories in flight at first and at most. */
  readonly first: number;
  readonly max: number;
  /** Whether to stop growing, and to shrink to `first`, when answers come late: more in flight would only wait. */
  readonly byLatency?: boolean;
  /** Asked with each answer: whether to stop growing, since more in flight would only wait. */
  readonly isEnough?: () => boolean;
}

/** Two clocks' ticks and the like: on loopback a round trip is shorter than the work that an answer makes. */
const slackMs = 5;

/**
 * How many directories a session may have in flight. Grows by one with each answer, so that it doubles per round
 * trip, as long as the answers are not later than the quickest one shows to be possible (TCP Vegas does the same).
 */
export class Window {
  #size: number;
  #max: number;
  readonly #first: number;
  readonly #byLatency: boolean;
  readonly #isEnough: () => boolean;
  #quickestMs = Number.POSITIVE_INFINITY;

  constructor({ first, max, byLatency = false, isEnough = () => false }: WindowLimits) {
    this.#first = first;
    this.#size = first;
    this.#max = max;
    this.#byLatency = byLatency;
    this.#isEnough = isEnough;
  }

  get size(): number {
    return this.#size;
  }

  answered(afterMs: number): void {
    this.#quickestMs = Math.min(this.#quickestMs, afterMs);
    const isLate = (times: number): boolean =>
      this.#byLatency && afterMs > times * this.#quickestMs + slackMs;
    if (!isLate(2)) {
      if (!this.#isEnough()) this.#size = Math.min(this.#max, this.#size + 1);
    } else if (isLate(4)) this.#size = Math.max(Math.min(this.#first, this.#max), this.#size - 1);
  }

  /** The server refuses so many: from now on half as many at most. */
  halve(): void {
    this.#max = Math.max(1, Math.floor(this.#size / 2));
    this.#size = Math.min(this.#size, this.#max);
  }
}
