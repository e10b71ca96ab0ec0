import { type Look, lookAt } from './look.ts';
import { above } from './real-places.ts';
import type { Section } from './sections.ts';

/** Characters of lines that may wait to be asked for. */
const mostWaiting = 2 ** 20;
/** Directories of one listing that are remembered at all. */
const mostShown = 50_000;
/** A listing that takes longer may take very much longer. */
const soonMs = 1_000;

export type IsSame = (look: Look) => boolean;

interface Question {
  readonly isSame: IsSame;
  readonly answer: PromiseWithResolvers<Look | undefined>;
}

/**
 * What one `LIST -aR` shows below a directory that is the same as it was, for those who ask for its directories one by one. One of them
 * is the same only where the one above it is the same too, in the same listing, up to the one that was listed: so its
 * name stands for the same directory as before, none of its siblings has a new name that could look like its heading (see
 * `SectionReader`), and no link has taken its place.
 */
export class Subtree {
  readonly #top: string;
  readonly #isTop: IsSame;
  /** When the first section came: that of the directory that is listed. */
  #sawTopAt: number | undefined;
  /** Each directory that was shown, until it is asked for, and what came of it. */
  readonly #shown = new Map<string, Look | 'same' | 'other'>();
  readonly #asked = new Map<string, Question>();
  #waiting = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  /** `isTop`: whether a look is the one at the directory that is listed. */
  constructor(top: string, isTop: IsSame) {
    this.#top = top;
    this.#isTop = isTop;
    this.#shown.set(top, 'same');
  }

  /** Whether more of the listing can be of use. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the directory may be found the same by this listing. */
  covers(path: string): boolean {
    return path !== this.#top && this.#shown.get(above(path)) === 'same';
  }

  /** Whether it has begun, and shows the directory or may do so in a moment. */
  foresees(path: string, now: number): boolean {
    if (this.#sawTopAt === undefined || now - this.#sawTopAt > soonMs) return false;
    return typeof this.#shown.get(path) === 'object' || !(this.#isOver || this.#shown.has(path));
  }

  /** Resolves with the look at the directory if it is the same, else with undefined, once that is known. */
  async ask(path: string, isSame: IsSame): Promise<Look | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const shown = this.#shown.get(path);
    if (typeof shown === 'object') {
      this.#waiting -= shown.listing.length;
      return this.#judge(path, shown, isSame);
    }
    if (shown !== undefined || this.#isOver || this.#asked.has(path)) return undefined;
    const question = { isSame, answer: Promise.withResolvers<Look | undefined>() };
    this.#asked.set(path, question);
    return question.answer.promise;
  }

  show({ path, listing }: Section, at: number): void {
    if (this.#isOver || !this.#isOfUse(path)) return;
    const look = lookAt(listing, at);
    if (path === this.#top && this.#sawTopAt === undefined) {
      this.#sawTopAt = at;
      if (look === undefined || !this.#isTop(look)) this.end();
    }
    // A path comes once: somebody makes something look like it.
    else if (this.#shown.has(path)) this.end();
    else if (look === undefined) this.#answer(path, () => this.#other(path));
    else if (this.#asked.has(path)) this.#answer(path, ({ isSame }) => this.#judge(path, look, isSame));
    else {
      this.#shown.set(path, look);
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

  #judge(path: string, look: Look, isSame: IsSame): Look | undefined {
    if (!isSame(look)) return this.#other(path);
    this.#shown.set(path, 'same');
    return look;
  }

  #other(path: string): undefined {
    this.#shown.set(path, 'other');
    // In the order in which they were shown: each after the one above it.
    for (const [below, shown] of this.#shown) {
      if (typeof shown !== 'object' || this.#isOfUse(below)) continue;
      this.#waiting -= shown.listing.length;
      this.#shown.delete(below);
    }
  }

  #isOfUse(path: string): boolean {
    if (path === this.#top) return true;
    if (this.#sawTopAt === undefined) return false;
    const parent = this.#shown.get(above(path));
    return parent === 'same' || typeof parent === 'object';
  }
}
