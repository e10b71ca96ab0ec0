import { type Look, lookAt } from './look.ts';
import { above } from './real-places.ts';
import type { Section } from './sections.ts';

/** Characters of lines that may wait to be asked for. */
const mostWaiting = 2 ** 20;
/** Directories of one listing that are remembered at all. */
const mostShown = 50_000;
/** A listing that takes longer may take very much longer. */
const soonMs = 1_000;

/** Whether what is shown of a directory can be believed; `isWhole`: it surely shows all of it. */
export type Judge = (look: Look, isWhole: boolean) => boolean;

interface Question {
  readonly judge: Judge;
  readonly answer: PromiseWithResolvers<Look | undefined>;
}

interface Shown {
  readonly look: Look;
  readonly isWhole: boolean;
}

/**
 * What one `LIST -aR` shows below a directory, for those who ask for its directories one by one. One of them is believed only
 * where the one above it was believed too, in the same listing, up to the one that was listed. Where that means that it is the same
 * as before, its name stands for the same directory, none of its siblings has a new name that could look like its heading
 * (see `SectionReader`), and no link has taken its place. Where it was never seen before, whoever asks proves it by other means,
 * name by name, or says so (`distrust`) before anybody asks for what is below.
 */
export class Subtree {
  readonly #top: string;
  readonly #isTop: (look: Look) => boolean;
  /** When the first section came: that of the directory that is listed. */
  #sawTopAt: number | undefined;
  /** Each directory that was shown, until it is asked for, and what came of it. */
  readonly #shown = new Map<string, Shown | 'believed' | 'other'>();
  readonly #asked = new Map<string, Question>();
  #waiting = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  /** `isTop`: whether a look is the one at the directory that is listed. */
  constructor(top: string, isTop: (look: Look) => boolean) {
    this.#top = top;
    this.#isTop = isTop;
    this.#shown.set(top, 'believed');
  }

  /** Whether more of the listing can be of use. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the directory may be believed by this listing. */
  covers(path: string): boolean {
    return path !== this.#top && this.#shown.get(above(path)) === 'believed';
  }

  /** Whether it shows the directory, or has begun and may do so in a moment. */
  foresees(path: string, now: number): boolean {
    const since = now - (this.#sawTopAt ?? Number.NEGATIVE_INFINITY);
    const shown = this.#shown.get(path);
    if (shown !== undefined) return typeof shown === 'object';
    return !this.#isOver && since <= soonMs;
  }

  /** Resolves with the look at the directory if it can be believed, else with undefined, once that is known. */
  async ask(path: string, judge: Judge): Promise<Look | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const shown = this.#shown.get(path);
    if (typeof shown === 'object') {
      this.#waiting -= shown.look.listing.length;
      return this.#judge(path, shown, judge);
    }
    if (shown !== undefined || this.#isOver || this.#asked.has(path)) return undefined;
    const question = { judge, answer: Promise.withResolvers<Look | undefined>() };
    this.#asked.set(path, question);
    return question.answer.promise;
  }

  /** What was believed of the directory was wrong. */
  distrust(path: string): void {
    this.#other(path);
  }

  show({ path, listing, isWhole }: Section, at: number): void {
    if (this.#isOver || !this.#isOfUse(path)) return;
    const look = lookAt(listing, at);
    if (path === this.#top && this.#sawTopAt === undefined) {
      this.#sawTopAt = at;
      if (look === undefined || !this.#isTop(look)) this.end();
    }
    // A path comes once: somebody makes something look like it.
    else if (this.#shown.has(path)) this.end();
    else if (look === undefined) this.#answer(path, () => this.#other(path));
    else if (this.#asked.has(path)) {
      this.#answer(path, ({ judge }) => this.#judge(path, { look, isWhole }, judge));
    } else {
      this.#shown.set(path, { look, isWhole });
      this.#waiting += listing.length;
      if (this.#waiting > mostWaiting || this.#shown.size > mostShown) this.end();
    }
  }

  /** Nothing more is shown: whoever waits must look for himself. */
  end(): void {
    this.#isOver = true;
    for (const path of this.#asked.keys()) this.#answer(path, () => undefined);
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#failure = { error };
    for (const { answer } of this.#asked.values()) answer.reject(error);
    this.#asked.clear();
  }

  /** Nobody waits any more. */
  drop(): void {
    this.#isOver = true;
    this.#asked.clear();
    this.#shown.clear();
  }

  #answer(path: string, judge: (question: Question) => Look | undefined): void {
    const question = this.#asked.get(path);
    this.#asked.delete(path);
    if (question === undefined) this.#shown.set(path, 'other');
    else question.answer.resolve(judge(question));
  }

  #judge(path: string, { look, isWhole }: Shown, judge: Judge): Look | undefined {
    if (!judge(look, isWhole)) return this.#other(path);
    this.#shown.set(path, 'believed');
    return look;
  }

  #other(path: string): undefined {
    this.#shown.set(path, 'other');
    // In the order in which they were shown: each after the one above it.
    for (const [below, shown] of this.#shown) {
      if (typeof shown !== 'object' || this.#isOfUse(below)) continue;
      this.#waiting -= shown.look.listing.length;
      this.#shown.delete(below);
    }
  }

  #isOfUse(path: string): boolean {
    if (path === this.#top) return true;
    if (this.#sawTopAt === undefined) return false;
    const parent = this.#shown.get(above(path));
    return parent === 'believed' || typeof parent === 'object';
  }
}
