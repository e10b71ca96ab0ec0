import { type Ask, plain } from './directory-reader.ts';
import type { Look } from './look.ts';
import { parsedLook } from './look-comparison.ts';
import { Described, factsEnd, type ParsedMlsd } from './mlsd.ts';
import { OutOfStep } from './out-of-step.ts';
import type { Reply } from './reply-reader.ts';
import { toWire } from './wire.ts';

/** So many bytes of commands are sent together at most: others have their turn in between. */
const mostBytes = 1_800;

/** What the look names; undefined where anything in it is not a file or a directory, or has a name that a command could change. */
export function describable(look: Look): readonly string[] | undefined {
  const { entries, malformed } = parsedLook(look);
  if (malformed !== undefined || entries.length !== look.entryCount) return undefined;
  const names: string[] = [];
  for (const { name, kind } of entries) {
    if ((kind !== 'file' && kind !== 'directory') || !plain.test(name)) return undefined;
    names.push(name);
  }
  return names;
}

/**
 * What MLSD would have shown of the names in a directory, `.` too; undefined where one is refused, gone perhaps since the look.
 * `directory`: its path as it is sent. `isThere`: whether PWD says that it is no link.
 */
export async function describeAll(
  directory: string,
  names: readonly string[],
  { ask, leave, isThere }: Describing,
): Promise<ParsedMlsd | undefined> {
  const described = new Described();
  const before = isThere === undefined ? [`CWD ${directory}`] : [`CWD ${directory}`, 'PWD'];
  const behind = leave ? ['CWD /'] : [];
  const parts = inParts(['.', ...names], mostBytes - directory.length);
  const answers = await Promise.all(
    parts.map((part) => ask([...before, ...part.map((name) => `MLST ${toWire(name)}`), ...behind])),
  );
  for (const [part, answer] of answers.entries()) {
    const replies = answer.slice(0, answer.length - behind.length);
    const [, where] = replies;
    if (where === undefined || replies.some(({ code }) => code >= 300) || isThere?.(where) === false)
      return undefined;
    for (const [index, reply] of replies.slice(before.length).entries()) {
      addTo(described, parts[part]?.[index] ?? '', reply);
    }
  }
  return described.done();
}

interface Describing {
  readonly ask: Ask;
  /** Whether to leave the directory again. */
  readonly leave: boolean;
  readonly isThere?: (where: Reply) => boolean;
}

/** At least one name a part, and no more than fit into so many bytes of commands. */
function inParts(names: readonly string[], bytes: number): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let left = 0;
  for (const name of names) {
    const cost = 'MLST \r\n'.length + toWire(name).length;
    left -= cost;
    if (left < 0 || parts.length === 0) {
      parts.push([]);
      left = bytes - cost;
    }
    parts.at(-1)?.push(name);
  }
  return parts;
}

/** The facts, behind a blank, are the second line; then what was asked for, or (ProFTPD) where it is. */
function addTo(described: Described, name: string, reply: Reply): void {
  const line = reply.message.split('\n', 2)[1]?.slice(1) ?? '';
  const end = factsEnd(line);
  const shown = line.slice(end + 1);
  const asked = toWire(name);
  const isAsked = shown === asked || (shown.startsWith('/') && (name === '.' || shown.endsWith(`/${asked}`)));
  if (end === -1 || !isAsked || reply.bareLines === true) throw new OutOfStep(reply);
  described.add(name, line, end);
}
