import type { Entry } from '../../tree/entry.ts';
import { OutOfStep } from './control.ts';
import { type Ask, plain } from './directory-reader.ts';
import type { Look } from './look.ts';
import { parsedLook } from './look-comparison.ts';
import { Described, factsEnd, type ParsedMlsd } from './mlsd.ts';
import type { Reply } from './reply-reader.ts';
import { toWire } from './wire.ts';

/** So many bytes of commands are sent together at most: others have their turn in between. */
const mostBytes = 1_800;

/** What the look shows; undefined where anything in it is not a file or a directory, or has a name that a command could change. */
export function describable(look: Look): readonly Entry[] | undefined {
  const { entries, malformed } = parsedLook(look);
  if (malformed !== undefined || entries.length !== look.entryCount) return undefined;
  const all = [...entries];
  return all.every(isDescribable) ? all : undefined;
}

function isDescribable({ name, kind }: Entry): boolean {
  return (kind === 'file' || kind === 'directory') && plain.test(name);
}

/**
 * What MLSD would have shown of the names in a directory, `.` too; undefined where one is refused, gone perhaps since the look.
 * `directory`: its path as it is sent.
 */
export async function describeAll(
  directory: string,
  names: readonly string[],
  by: { readonly ask: Ask; readonly leave: boolean },
): Promise<ParsedMlsd | undefined> {
  const described = new Described();
  const enter = `CWD ${directory}`;
  const leave = by.leave ? ['CWD /'] : [];
  const asked = ['.', ...names];
  const commands = asked.map((name) => `MLST ${toWire(name)}`);
  const parts = inParts(commands, mostBytes - enter.length);
  const answers = await Promise.all(parts.map((part) => by.ask([enter, ...part, ...leave])));
  const replies = answers.flatMap((answer) => answer.slice(0, answer.length - leave.length));
  if (replies.some(({ code }) => code >= 300)) return undefined;
  const facts = answers.flatMap((answer) => answer.slice(1, answer.length - leave.length));
  for (const [index, reply] of facts.entries()) {
    const name = asked[index] ?? '';
    const { line, end } = factsIn(reply, name);
    described.add(name, line, end);
  }
  return described.done();
}

/** At least one command a part, and no more than fit into so many bytes. */
export function inParts(commands: readonly string[], bytes: number): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let left = 0;
  for (const command of commands) {
    const cost = command.length + 2;
    left -= cost;
    if (left < 0 || parts.length === 0) {
      parts.push([]);
      left = bytes - cost;
    }
    parts.at(-1)?.push(command);
  }
  return parts;
}

/** The facts, behind a blank, are the second line; then what was asked for, or (ProFTPD) where it is. */
export function factsIn(
  reply: Reply,
  name: string,
): { readonly line: string; readonly end: number; readonly facts: string } {
  const line = reply.message.split('\n', 2)[1]?.slice(1) ?? '';
  const end = factsEnd(line);
  const shown = line.slice(end + 1);
  const asked = toWire(name);
  const isAsked = shown === asked || (shown.startsWith('/') && (name === '.' || shown.endsWith(`/${asked}`)));
  if (end === -1 || !isAsked || reply.bareLines === true) throw new OutOfStep(reply);
  return { line, end, facts: line.slice(0, end) };
}
