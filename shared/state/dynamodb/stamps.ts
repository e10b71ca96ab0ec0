/** Milliseconds that never repeat and never go back, over all commits of this process. */
export class Stamps {
  readonly #now: () => number;
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  after(stamp: number): number {
    this.#last = Math.max(this.#now(), this.#last + 1, stamp + 1);
    return this.#last;
  }

  /** One that was seen in the table. */
  seen(stamp: number): void {
    this.#last = Math.max(this.#last, stamp);
  }
}
