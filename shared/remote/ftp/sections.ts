import { fromWire, toWire } from './wire.ts';

/** One directory as `LIST -R` shows it. */
export interface Section {
  readonly path: string;
  /** Its lines, each with a line feed at its end. */
  readonly listing: string;
}

const nothing = Buffer.alloc(0);
/** Far longer than what is shown of any directory that looks are worth. */
const maxSectionLength = 2 ** 20;
/** Anything but lines, with CR LF at their ends, of files, directories and the like: of links, above all. */
const odd = /(?:^|\n)(?![-dbcps][-rwxsStT]{9}[ +.@]|$)|\r(?!\n)|(?<!\r)\n/;

/**
 * Takes apart what ProFTPD sends for `LIST -aR` of an absolute path: the lines of that directory, then of each below it an
 * empty line, its path and a colon, and its lines; the path begins with the one that was asked for.
 *
 * Names can have line breaks in them, but no slash, so that no name of a file looks like a heading. The target of a link can
 * be any text at all: at a section with a link this ends, for what seems to come after it may be the link's. A directory's own
 * name stands in its heading and can make one section look like two: both are of directories in the one that
 * has the name, so the caller believes nothing of directories in one that has new names.
 *
 * ProFTPD says nothing where it was told to show only so many lines (ListOptions maxfiles): the last section may be cut. It is still
 * of use to whoever looks for the very lines that were all of the directory, since its own time is among them.
 */
export class SectionReader {
  readonly #prefix: string;
  #path: string;
  #rest = nothing;
  #ended = false;

  constructor(top: string) {
    this.#path = top;
    this.#prefix = toWire(top.endsWith('/') ? top : `${top}/`);
  }

  /** Whether nothing of what follows can be used. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  push(chunk: Buffer): readonly Section[] {
    const sections: Section[] = [];
    // Bytes, so that nothing becomes a string before its section is whole.
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    while (!this.#ended) {
      const end = endOfSection(bytes, from);
      const headingEnd = end === -1 ? -1 : bytes.indexOf('\r\n', end + 2);
      if (headingEnd === -1) break;
      const lines = bytes.toString('latin1', from, end);
      const path = this.#pathOf(bytes.toString('latin1', end + 2, headingEnd));
      if (path === undefined || odd.test(lines)) this.#ended = true;
      else {
        sections.push({ path: this.#path, listing: lines.replaceAll('\r\n', '\n') });
        this.#path = path;
        from = headingEnd + 2;
      }
    }
    // Copied, or else the whole piece would be held.
    this.#rest = this.#ended ? nothing : Buffer.from(bytes.subarray(from));
    this.#ended ||= this.#rest.length > maxSectionLength;
    return sections;
  }

  /** The last section, once everything has come in order. */
  end(): Section | undefined {
    const lines = this.#rest.toString('latin1');
    const isWhole = !this.#ended && lines.endsWith('\r\n') && !odd.test(lines);
    this.#ended = true;
    return isWhole ? { path: this.#path, listing: lines.replaceAll('\r\n', '\n') } : undefined;
  }

  #pathOf(heading: string): string | undefined {
    const isHeading = heading.startsWith(this.#prefix) && heading.endsWith(':') && !/[\r\n]/.test(heading);
    return isHeading ? fromWire(heading.slice(0, -1)) : undefined;
  }
}

/** Where the empty line after the section is, or -1: it has not come yet. */
function endOfSection(bytes: Buffer, from: number): number {
  if (bytes[from] === carriageReturn && bytes[from + 1] === lineFeed) return from;
  const end = bytes.indexOf('\r\n\r\n', from);
  return end === -1 ? -1 : end + 2;
}

const carriageReturn = 13;
const lineFeed = 10;
