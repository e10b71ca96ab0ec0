import { hash } from 'node:crypto';
import type { Entry } from '../../tree/entry.ts';
import type { ListClock } from './list-clock.ts';
import type { Reply } from './reply-reader.ts';
import { parseUnixLine } from './unix-line.ts';
import { fromWire } from './wire.ts';

/** A change of what the digest is made of changes this, and every probe is taken anew. */
const version = '1';

/** What `STAT -a .` showed of a directory. */
export interface Look {
  /** 24 hex digits: of all lines but those of `..` and, of other directories, all but the names. */
  readonly digest: string;
  /** Times as if the server were in UTC. */
  readonly directories: readonly Pick<Entry, 'name' | 'modifiedAt'>[];
  readonly fileCount: number;
  /** Lines as LIST would have sent them, without those around them. */
  readonly lines: readonly string[];
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
  const lines = unindented(reply.message.split('\n').slice(1, -1));
  const directories: Pick<Entry, 'name' | 'modifiedAt'>[] = [];
  const clock: ListClock = { now: at, toUtc: Date.UTC };
  let fileCount = 0;
  let self: string | undefined;
  let text = version;
  for (const line of lines) {
    const kind = line[0];
    if (kind !== 'd') {
      if (kind === '-') fileCount += 1;
      text += `\n${line}`;
      continue;
    }
    const parsed = parseUnixLine(line, clock);
    if (parsed === undefined) return undefined;
    const { name, modifiedAt } = parsed;
    if (name === '.') self = line;
    else if (name !== '..') {
      directories.push({ name: fromWire(name), modifiedAt });
      text += `\n${name}/`;
    }
  }
  if (self === undefined) return undefined;
  return {
    digest: hash('sha256', `${text}\n${self}`).slice(0, 24),
    directories,
    fileCount,
    lines,
    at,
  };
}

function unindented(lines: readonly string[]): readonly string[] {
  return lines.every((line) => line.startsWith(' ')) ? lines.map((line) => line.slice(1)) : lines;
}

export function filesOf({ lines, at }: Look): readonly string[] {
  const clock: ListClock = { now: at, toUtc: Date.UTC };
  return lines.flatMap((line) => {
    const name = line.startsWith('-') ? parseUnixLine(line, clock)?.name : undefined;
    return name === undefined ? [] : [fromWire(name)];
  });
}

/** The same as the data of LIST. */
export function dataOf({ lines }: Look): Buffer {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
}
