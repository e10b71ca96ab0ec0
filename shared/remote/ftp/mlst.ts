import { OutOfStep } from './control.ts';
import { type Ask, plain } from './directory-reader.ts';
import type { Look } from './look.ts';
import { parsedLook } from './look-comparison.ts';
import { Described, factsEnd, type ParsedMlsd } from './mlsd.ts';
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

/** What MLSD would have shown of the names in a directory, `.` too; undefined where one is refused, gone perhaps since the look. */
export async function describeAll(
  path: string,
  names: readonly string[],
  by: { readonly ask: Ask; readonly leave: boolean },
): Promise<ParsedMlsd | undefined> {
  const described = new Described();
  const parts = inParts(['.', ...names], mostBytes - toWire(path).length);
  const answers = await Promise.all(parts.map((part) => askFor(path, part, by)));
  for (const [part, replies] of answers.entries()) {
    if (replies === undefined) return undefined;
    for (const [index, reply] of replies.entries()) addTo(described, parts[part]?.[index] ?? '', reply);
  }
  return described.done();
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

async function askFor(
  path: string,
  names: readonly string[],
  { ask, leave }: { readonly ask: Ask; readonly leave: boolean },
): Promise<readonly Reply[] | undefined> {
  const commands = names.map((name) => `MLST ${toWire(name)}`);
  const replies = await ask([`CWD ${toWire(path)}`, ...commands, ...(leave ? ['CWD /'] : [])]);
  const refused = replies.some(({ code }, index) => code >= 300 && index <= names.length);
  return refused ? undefined : replies.slice(1, 1 + names.length);
}

/** The facts, behind a blank, are the second line, and what was asked for. */
function addTo(described: Described, name: string, reply: Reply): void {
  const line = reply.message.split('\n', 2)[1]?.slice(1) ?? '';
  const end = factsEnd(line);
  if (end === -1 || line.slice(end + 1) !== toWire(name) || reply.bareLines === true)
    throw new OutOfStep(reply);
  described.add(name, line, end);
}
