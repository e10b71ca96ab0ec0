import { hash } from 'node:crypto';
import type { Entry } from '../../tree/entry.ts';
import { utcClock } from './list-clock.ts';
import type { Reply } from './reply-reader.ts';
import { parseUnixLine } from './unix-line.ts';
import { fromWire } from './wire.ts';

/** A change of what the digest is made of changes this, and every probe is taken anew. */
const version = '2';

/** What `STAT -a .` showed of a directory. */
export interface Look {
  /** 24 hex digits: of all lines but those of `..` and, of other directories, all but the names. */
  readonly digest: string;
  /** Times as if the server were in UTC. */
  readonly directories: readonly Pick<Entry, 'name' | 'modifiedAt'>[];
  readonly fileCount: number;
  /** All lines but those of `.` and `..`. */
  readonly entryCount: number;
  /** Lines as LIST would have sent them, each with a line feed at its end. */
  readonly listing: string;
  /** When it was received. */
  readonly at: number;
}

/**
 * Reads a successful reply to STAT: lines as of `ls -l`, ProFTPD's with a blank before each. The directory's own line,
 * `.`, must be among them: it proves that a directory was read, and its time changes whenever a name comes or goes.
 * Times of the directories in it change with what is in them, and are left out. Undefined where that is
 * not what the server says, or where a name has a line break.
 */
export function parseLook(reply: Reply, at: number): Look | undefined {
  if (reply.bareLines === true) return undefined;
  const { message } = reply;
  const first = message.indexOf('\n') + 1;
  return lookAt(unindented(message.slice(first, Math.max(first, message.lastIndexOf('\n') + 1))), at);
}

/** The look that these lines are, each with a line feed at its end. */
export function lookAt(listing: string, at: number): Look | undefined {
  const clock = utcClock(at);
  const directories: Pick<Entry, 'name' | 'modifiedAt'>[] = [];
  let fileCount = 0;
  let entryCount = 0;
  let self: string | undefined;
  let text = version;
  // Most lines are files: they are digested as they stand, in runs from one directory to the next.
  let runFrom = 0;
  for (let from = 0; from < listing.length; ) {
    const end = listing.indexOf('\n', from) + 1;
    const kind = listing.charCodeAt(from);
    entryCount += 1;
    if (kind === fileLetter) fileCount += 1;
    else if (kind === directoryLetter) {
      text += listing.slice(runFrom, from);
      runFrom = end;
      const line = listing.slice(from, end - 1);
      const parsed = parseUnixLine(line, clock);
      if (parsed === undefined) return undefined;
      const { name, modifiedAt } = parsed;
      if (name === '.' || name === '..') {
        entryCount -= 1;
        if (name === '.') self = line;
      } else {
        directories.push({ name: fromWire(name), modifiedAt });
        text += `${name}/\n`;
      }
    }
    from = end;
  }
  if (self === undefined) return undefined;
  const digest = hash('sha256', `${text}${listing.slice(runFrom)}${self}`).slice(0, 24);
  return { digest, directories, fileCount, entryCount, listing, at };
}

const fileLetter = '-'.charCodeAt(0);
const directoryLetter = 'd'.charCodeAt(0);

function unindented(listing: string): string {
  const indented = listing.startsWith(' ') && !/\n[^ ]/.test(listing);
  return indented ? listing.slice(1).replaceAll('\n ', '\n') : listing;
}

export function filesOf({ listing, at }: Look): readonly string[] {
  const clock = utcClock(at);
  return listing.split('\n').flatMap((line) => {
    const name = line.startsWith('-') ? parseUnixLine(line, clock)?.name : undefined;
    return name === undefined ? [] : [fromWire(name)];
  });
}

/** The same as the data of LIST. */
export function dataOf({ listing }: Look): Buffer {
  return Buffer.from(listing.replaceAll('\n', '\r\n'), 'latin1');
}
