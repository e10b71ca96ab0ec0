import { hash } from 'node:crypto';
import { rankOf } from '../../tree/columns.ts';
import type { Entry } from '../../tree/entry.ts';
import { nameWithin } from '../../tree/name.ts';
import { isDots, type ListedName, type NamePage } from './codec.ts';

/** A change of what fingerprints are made of, or of what a listing makes of the same pages, changes this. */
const version = 1;
/** A larger directory is collected as its pages come. */
const mostHeldBytes = 64 * 1024;
/** Of an entry that does not say what it is. */
const untyped = 0xff;
/** Of an entry in `numbers` and `bytes`, besides its name. */
const factBytes = 17;

/** One for all, as nobody else runs while it is filled: two columns of numbers, one of kinds, and the names. */
const memory = new ArrayBuffer(4 * mostHeldBytes);
const numbers = new Float64Array(memory);
const bytes = new Uint8Array(memory);

/**
 * What a whole directory shows, told by a fingerprint of its pages in the order that they came in: nothing of it has to be
 * put into columns, sorted and digested if the fingerprint is the one of the last complete listing. It covers what that
 * listing was made of, and so is as exact. A server that names the same entries in another order costs the rest of the work.
 */
export class Look {
  readonly pages: NamePage[] = [];
  readonly directories: Pick<Entry, 'name' | 'modifiedAt'>[] = [];
  fileCount = 0;
  #held = 0;
  #digests = '';
  /** Something does not say what it is, and is asked for one by one. */
  #isTyped = true;

  /** False where it is too much to be held. */
  add(page: NamePage): boolean {
    this.#held += page.bytes.length;
    if (this.#held > mostHeldBytes || page.count * (factBytes + 1) > mostHeldBytes) return false;
    this.pages.push(page);
    this.#digests += this.#digestOf(page);
    return true;
  }

  /** 24 hex digits; undefined: there is none. */
  get digest(): string | undefined {
    if (!this.#isTyped) return undefined;
    const digest = this.pages.length === 1 ? this.#digests : hash('sha256', this.#digests, 'hex');
    return digest.slice(0, 24);
  }

  files(): readonly string[] {
    const names: string[] = [];
    for (const page of this.pages) {
      page.each(({ kind, start, end }) => {
        if (kind === 'file') names.push(nameWithin(page.bytes, start, end));
      });
    }
    return names;
  }

  #digestOf(page: NamePage): string {
    const { count } = page;
    const source = page.bytes;
    let index = 0;
    let at = factBytes * count;
    page.each((listed) => {
      const { start, end } = listed;
      this.#count(source, listed);
      // Of a directory that changes with every entry in it, and of the parent too.
      const isFile = listed.kind === 'file';
      numbers[index] = isFile ? (listed.size ?? Number.NaN) : 0;
      numbers[count + index] = listed.kind === 'directory' ? 0 : (listed.modifiedAt ?? Number.NaN);
      bytes[2 * 8 * count + index] = listed.kind === undefined ? untyped : rankOf(listed.kind);
      index += 1;
      for (let from = start; from < end; from += 1, at += 1) bytes[at] = source[from] ?? 0;
      bytes[at] = 0;
      at += 1;
    });
    bytes[at] = version;
    return hash('sha256', bytes.subarray(0, at + 1), 'hex');
  }

  #count(source: Buffer, { kind, start, end, modifiedAt }: ListedName): void {
    if (kind === 'file') this.fileCount += 1;
    else if (kind === undefined) this.#isTyped = false;
    else if (kind === 'directory' && !isDots(source, start, end)) {
      this.directories.push({ name: nameWithin(source, start, end), modifiedAt });
    }
  }
}
