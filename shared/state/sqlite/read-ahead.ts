import type { DirectoryRecord } from '../state.ts';

const smallestPage = 2;
const largestPage = 256;
/** Records read ahead and not asked for yet, and paths given out; beyond, all of them are let go. */
const mostKept = 4_096;

/**
 * Records for somebody who asks for them about in the order of their keys: a statement for each costs several times
 * as much as a page of them. Pages grow as long as half of the last one was asked for. A record is given out once and then
 * read anew: the one that came along with others may be old by then.
 */
export class ReadAhead {
  readonly #read: (from: string, limit: number) => readonly DirectoryRecord[];
  readonly #ahead = new Map<string, DirectoryRecord>();
  readonly #givenOut = new Set<string>();
  #page = smallestPage;
  /** Of the last page: how many it had, and how many were given out since. */
  #had = 0;
  #given = 0;

  constructor(read: (from: string, limit: number) => readonly DirectoryRecord[]) {
    this.#read = read;
  }

  record(path: string): DirectoryRecord | undefined {
    if (!this.#ahead.has(path)) this.#readPage(path);
    const record = this.#ahead.get(path);
    if (this.#ahead.delete(path)) this.#given += 1;
    this.#givenOut.add(path);
    return record;
  }

  #readPage(from: string): void {
    const ofUse = this.#given * 2 >= this.#had;
    this.#page = ofUse ? Math.min(largestPage, this.#page * 2) : smallestPage;
    const records = this.#read(from, this.#page);
    if (this.#ahead.size > mostKept) this.#ahead.clear();
    if (this.#givenOut.size > mostKept) this.#givenOut.clear();
    for (const record of records) {
      if (record.path === from || !this.#givenOut.has(record.path)) this.#ahead.set(record.path, record);
    }
    this.#had = records.length;
    this.#given = 0;
  }
}
