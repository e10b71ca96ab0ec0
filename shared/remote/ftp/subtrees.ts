import { type DirectoryReader, plain } from './directory-reader.ts';
import type { Look } from './look.ts';
import { DataConnectionFailed } from './passive.ts';
import { above } from './real-places.ts';
import { SectionReader } from './sections.ts';
import { type IsSame, Subtree } from './subtree.ts';
import type { Turns } from './turns.ts';

/** A link ends a listing (see `SectionReader`). */
const links = /^l/m;
/** So many listings in a row of which most was of no use, and there are no more. */
const mostUseless = 3;

/**
 * Looks at whole subtrees: `LIST -aR` on a data connection costs ProFTPD far less than STAT of each directory, for it sends each line
 * of STAT alone. It only ever shows that a directory is the same; of all others nothing is known by it.
 */
export class Subtrees {
  readonly #reader: DirectoryReader;
  readonly #turns: Turns;
  readonly #clock: () => number;
  readonly #byTop = new Map<string, Subtree>();
  #useful = 0;
  #useless = 0;
  #uselessInARow = 0;
  #off: boolean;
  #closing = false;
  #generation = 0;

  constructor(reader: DirectoryReader, turns: Turns, { off, clock }: { off: boolean; clock: () => number }) {
    this.#reader = reader;
    this.#turns = turns;
    this.#clock = clock;
    this.#off = off;
  }

  /** A look at the directory that is the same by `isSame`, or undefined: then it must be looked at by itself. */
  async look(path: string, isSame: IsSame): Promise<Look | undefined> {
    const subtree = this.#of(path);
    if (subtree === undefined) return undefined;
    const look = await subtree.ask(path, isSame);
    if (look === undefined) this.#useless += 1;
    else {
      this.#useful += 1;
      this.#reader.seenWithin(path);
    }
    return look;
  }

  /** Whether a listing that is under way shows the directory, or will soon. */
  foresees(path: string): boolean {
    return this.#of(path)?.foresees(path, this.#clock()) ?? false;
  }

  /** The session ends: no listing is waited for. */
  close(): void {
    this.#closing = true;
    this.drop();
  }

  /** Another one after each `drop`. */
  get generation(): number {
    return this.#generation;
  }

  /** Nobody asks any more, and nobody waits. */
  drop(): void {
    this.#generation += 1;
    for (const subtree of this.#byTop.values()) subtree.drop();
    this.#byTop.clear();
  }

  #of(path: string): Subtree | undefined {
    for (let at = path; ; at = above(at)) {
      const subtree = this.#byTop.get(at);
      if (subtree !== undefined) return subtree.covers(path) ? subtree : undefined;
      if (at === '/') return undefined;
    }
  }

  /**
   * Told of a look that shows a directory to be the same, below which all is asked for: lists what is there. `asked`: the
   * generation that the directory was asked for in; whoever asks in another must not be told what was shown before.
   */
  begin(path: string, { digest, listing }: Look, asked: number): void {
    if (
      asked !== this.#generation ||
      this.#off ||
      !plain.test(path) ||
      this.#byTop.has(path) ||
      links.test(listing)
    )
      return;
    const subtree = new Subtree(path, (look) => look.digest === digest);
    this.#byTop.set(path, subtree);
    this.#turns
      .alone(() => this.#list(path, subtree))
      .then(
        () => subtree.end(),
        (error: unknown) => subtree.fail(error),
      );
  }

  async #list(path: string, subtree: Subtree): Promise<void> {
    this.#account();
    const isWanted = (): boolean => !(this.#off || subtree.isOver);
    if (!isWanted()) return;
    const sections = new SectionReader(path);
    try {
      const inOrder = await this.#reader.listBelow(path, isWanted, (chunk) => {
        const at = this.#clock();
        if (!subtree.isOver) for (const section of sections.push(chunk)) subtree.show(section, at);
        if (sections.hasEnded && !subtree.isOver) subtree.end();
        return !this.#closing;
      });
      const last = inOrder ? sections.end() : undefined;
      if (last !== undefined) subtree.show(last, this.#clock());
    } catch (error) {
      // Looks need no data connection: they may be all that is needed today.
      if (!(error instanceof DataConnectionFailed)) throw error;
      this.#off = true;
    }
  }

  #account(): void {
    if (this.#useful > this.#useless) this.#uselessInARow = 0;
    else if (this.#useless > 0) this.#uselessInARow += 1;
    this.#useful = 0;
    this.#useless = 0;
    if (this.#uselessInARow >= mostUseless) this.#off = true;
  }
}
