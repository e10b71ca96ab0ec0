import { ofKinds } from '../../tree/entries.ts';
import type { CompleteListing } from '../../tree/listing.ts';
import { type DirectoryReader, plain } from './directory-reader.ts';
import type { Look } from './look.ts';
import { DataConnectionFailed } from './passive.ts';
import { above } from './real-places.ts';
import { SectionReader } from './sections.ts';
import { type Judge, Subtree } from './subtree.ts';
import type { Turns } from './turns.ts';

/** A link ends a listing (see `SectionReader`). */
const links = /^l/m;
/** So many listings in a row of which most was of no use, and there are no more. */
const mostUseless = 3;

/** Names in a directory up to which it must be possible to fill in times for an outline to be worth its while. */
const leastFilledIn = 20;

interface Expected {
  /** Whether a look is the one at the directory that is listed. */
  readonly isTop: (look: Look) => boolean;
  /** Whether what is below was never listed. */
  readonly isOutline: boolean;
}

/**
 * Looks at whole subtrees: `LIST -aR` on a data connection costs ProFTPD far less than STAT of each directory, for it sends each line
 * of STAT alone. Of a directory that is known, it only ever shows that it is the same. Of one that was never listed it shows everything
 * but the seconds of times, in one data connection for many.
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

  constructor(reader: DirectoryReader, turns: Turns, { off, clock }: { off: boolean; clock: () => number }) {
    this.#reader = reader;
    this.#turns = turns;
    this.#clock = clock;
    this.#off = off;
  }

  /** A look at the directory that is believed by `judge`, or undefined: then it must be looked at by itself. */
  async look(path: string, judge: Judge): Promise<Look | undefined> {
    const subtree = this.#of(path);
    if (subtree === undefined) return undefined;
    const look = await subtree.ask(path, judge);
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

  /** Nobody asks any more, and nobody waits. */
  drop(): void {
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

  /** What was believed of the directory was wrong. */
  distrust(path: string): void {
    this.#of(path)?.distrust(path);
  }

  /** Told of a look that shows a directory to be the same, below which all is asked for: lists what is there. */
  begin(path: string, { digest, listing }: Look): void {
    if (links.test(listing)) return;
    const isTop = (look: Look): boolean => look.digest === digest;
    this.#begin(path, { isTop, isOutline: false });
  }

  /** Told of the first listing of a directory, below which all is asked for. */
  beginOutline(path: string, listing: CompleteListing, upTo: number): void {
    const { entries } = listing;
    if (upTo < leastFilledIn || ofKinds(entries, 'link').length > 0) return;
    if (ofKinds(entries, 'directory').length === 0) return;
    const isTop = (look: Look): boolean => this.#reader.trust(look, listing) !== undefined;
    this.#begin(path, { isTop, isOutline: true });
  }

  #begin(path: string, expected: Expected): void {
    if (this.#off || !plain.test(path) || this.#byTop.has(path)) return;
    const subtree = new Subtree(path, expected.isTop);
    this.#byTop.set(path, subtree);
    // Where the directory is must be known, so that links can be told from directories below it; a look has shown it.
    const isThere = () => this.#reader.isThere(path);
    this.#turns
      .alone(async () => {
        this.#account();
        const isWanted = (): boolean => !(this.#off || subtree.isOver);
        if (isWanted() && (!expected.isOutline || (await isThere())))
          await this.#list(path, subtree, isWanted);
      })
      .then(
        () => subtree.end(),
        (error: unknown) => subtree.fail(error),
      );
  }

  async #list(path: string, subtree: Subtree, isWanted: () => boolean): Promise<void> {
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
