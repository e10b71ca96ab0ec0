import type { Entry } from '../../tree/entry.ts';
import { OutOfStep } from './control.ts';
import type { Ask } from './directory-reader.ts';
import { utcClock } from './list-clock.ts';
import type { ListOffsets } from './list-offsets.ts';
import { Entries } from './listing-lines.ts';
import type { Look } from './look.ts';
import { aheadMs } from './look-comparison.ts';
import { Described, type ParsedMlsd, parseTime } from './mlsd.ts';
import { describable, factsIn, inParts } from './mlst.ts';
import type { Reply } from './reply-reader.ts';
import { parseUnixLine } from './unix-line.ts';
import { toWire } from './wire.ts';

/** So many bytes of commands are sent together at most: others have their turn in between, and each piece travels whole. */
const mostBytes = 1_100;
/** Behind UTC, or before it, by any zone. */
const zonesMs = 14 * 3_600_000;

/** All of a directory but the seconds of its times. */
export interface Outline {
  readonly self: Entry;
  /** Files and directories, nothing else. */
  readonly entries: readonly Entry[];
}

/** How what comes is held against what LIST has shown. */
export interface Check {
  readonly ask: Ask;
  readonly offsets: ListOffsets;
  /** Whether PWD says that we are in the directory. */
  readonly isThere: (where: Reply) => boolean;
}

/**
 * The outline that a look is, which must be known to show the whole directory. Undefined where it is none, or where a file may have
 * been written lately: its size and its time must be of the same moment.
 */
export function outlineOf(look: Look, offsets: ListOffsets): Outline | undefined {
  const entries = describable(look);
  const line = /^d[^\n]* \.$/m.exec(look.listing)?.[0];
  const self = line && parseUnixLine(line, utcClock(look.at));
  if (entries === undefined || !self) return undefined;
  const isOld = ({ modifiedAt, precision }: Entry): boolean =>
    precision === 'day' || isLongAgo((modifiedAt ?? look.at) + zonesMs, look.at);
  const files = entries.filter(({ kind }) => kind === 'file');
  return files.every((file) => offsets.tells(file) && isOld(file)) ? { self, entries } : undefined;
}

/** Whether it is long ago by any zone and any clock that is looked after. */
function isLongAgo(time: number, now: number): boolean {
  return time < now - aheadMs;
}

/**
 * What MLSD would show: the times of files come by MDTM, which costs a server far less than MLST, the facts of directories by
 * MLST. `directory`: its path as it is sent. Undefined where something is refused, is elsewhere, or has another time than LIST has shown: it has changed since.
 */
export async function fillIn(
  directory: string,
  look: Look,
  { self, entries }: Outline,
  { ask, isThere, offsets }: Check,
): Promise<ParsedMlsd | undefined> {
  const enter = [`CWD ${directory}`, 'PWD'];
  const commands = entries.map(
    ({ kind, name }) => `${kind === 'directory' ? 'MLST' : 'MDTM'} ${toWire(name)}`,
  );
  const parts = inParts(['MLST .', ...commands], mostBytes - enter.join('\r\n').length);
  const answers = await Promise.all(parts.map((part) => ask([...enter, ...part])));
  for (const [entered, where] of answers) {
    if (entered === undefined || where === undefined || isRefusal(entered) || !isThere(where))
      return undefined;
  }
  const [own, ...replies] = answers.flatMap((answer) => answer.slice(enter.length));
  if (own === undefined || isRefusal(own) || replies.some(isRefusal)) return undefined;
  const ownTime = timeIn(factsIn(own, '.').facts);
  if (ownTime === null || (offsets.tells(self) && !offsets.fits(self, ownTime))) return undefined;
  const filled = new Entries();
  const described = new Described(filled);
  addFacts(described, '.', own);
  for (const [index, entry] of entries.entries()) {
    const reply = replies[index];
    if (reply === undefined) throw new Error('no reply');
    if (entry.kind === 'directory') {
      if (!/(?:^|;)type=dir;/i.test(addFacts(described, entry.name, reply))) return undefined;
    } else {
      const modifiedAt = parseTime(reply.message.slice('213 '.length).trim());
      if (modifiedAt === null) throw new OutOfStep(reply);
      if (!offsets.fits(entry, modifiedAt) || !isLongAgo(modifiedAt, look.at)) return undefined;
      filled.add({ ...entry, modifiedAt, precision: 'second' });
    }
  }
  // MLST follows links: these are not the facts of what LIST has shown where a link has taken its place.
  return { ...described.done(), uniqueDirectories: new Map() };
}

function addFacts(described: Described, name: string, reply: Reply): string {
  const { line, end, facts } = factsIn(reply, name);
  described.add(name, line, end);
  return facts;
}

function timeIn(facts: string): number | null {
  return parseTime(/(?:^|;)modify=([^;]*);/i.exec(facts)?.[1] ?? '');
}

function isRefusal({ code }: Reply): boolean {
  return code >= 400;
}
