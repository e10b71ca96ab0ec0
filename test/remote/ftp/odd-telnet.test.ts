import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Listing } from '../../../shared/tree/listing.ts';
import { nameFromBytes } from '../../../shared/tree/name.ts';
import { bytesOf, listOne, namesOf, withSession } from '../fixture.ts';
import { dots, send } from './odd-listing.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

/** What servers make of the byte 0xFF. */
interface Habits {
  readonly greeting: string;
  /** `bsd` takes out what begins with a single one, ProFTPD only what it knows as a command of Telnet. */
  readonly reads: 'as it is' | 'bsd' | 'proftpd';
  readonly says: 'as it is' | 'doubled';
  readonly refusal: 'names it' | 'no such file' | 'failed';
  readonly lists: 'LIST' | 'MLSD';
}

const asItIs = (argument: string): string => argument;
const readers: Readonly<Record<Habits['reads'], (argument: string) => string>> = {
  'as it is': asItIs,
  bsd: (argument) =>
    argument.replace(/\xff(?:[\xfb-\xfe]?.|$)/gs, (command) => (command === '\xff\xff' ? '\xff' : '')),
  proftpd: (argument) =>
    argument.replace(/\xff(?:\xff|[\xfb-\xfe].?|[\xf2\xf4])/gs, (command) =>
      command === '\xff\xff' ? '\xff' : '',
    ),
};
/** What would take the end of the command with it, or be answered. */
const harm = /\xff(?:[\xf0-\xfe]|$)/;

const markOf = (name: string): string => `in-${bytesOf(name).toString('hex')}`;

/** The directories are all in `/`, and each has another in it. */
function answers(names: readonly string[], { greeting, reads, says, refusal, lists }: Habits): Answers {
  let at = '/';
  const directories = new Map<string, readonly (readonly [name: string, letter: string, type: string])[]>();
  directories.set(
    '/',
    names.map((name) => [name, 'd', 'dir']),
  );
  for (const name of names) {
    directories.set(`/${name}`, [
      ['c', 'd', 'dir'],
      [markOf(`/${name}`), '-', 'file'],
    ]);
    directories.set(`/${name}/c`, [[markOf(`/${name}/c`), '-', 'file']]);
  }
  const read = readers[reads];
  const say = says === 'doubled' ? (text: string) => text.replaceAll('\xff', '\xff\xff') : asItIs;
  const refusals = {
    'names it': (path: string) => `${path}: No such file or directory`,
    'no such file': () => 'No such file or directory',
    failed: () => 'Failed to change directory.',
  };
  const linesOf = (path: string): readonly string[] => {
    const inside = directories.get(path) ?? [];
    return lists === 'LIST'
      ? [...dots, ...inside.map(([name, letter]) => `${letter}rwxr-xr-x 1 a b 5 Nov 21  2025 ${name}`)]
      : ['type=cdir; .', ...inside.map(([name, , type]) => `type=${type}; ${name}`)];
  };
  const goTo = (argument: string): string | undefined => {
    const path = `/${read(argument).replace(/^\/|\/$/g, '')}`;
    if (!directories.has(path)) return `550 ${say(refusals[refusal](path))}`;
    at = path;
    return undefined;
  };
  const list: Answers[string] = async (talk, argument) => {
    const refused = lists === 'MLSD' && argument !== '' ? goTo(argument) : undefined;
    if (refused === undefined) await send(talk, `${linesOf(at).join('\r\n')}\r\n`);
    else talk.say(refused);
  };
  return {
    GREETING: (talk) => talk.say(`220 ${greeting}`),
    FEAT: (talk) =>
      talk.say('211-Features:', ...(lists === 'MLSD' ? [' MLST type*;size*;modify*;'] : []), '211 End'),
    CWD: (talk, argument) => talk.say(goTo(argument) ?? '250 OK'),
    PWD: (talk) => talk.say(`257 "${say(at)}"`),
    LIST: list,
    MLSD: list,
  };
}

const anyName = fc
  .array(fc.constantFrom('a', 'b', '\xff', '\xff', '\xfe', '\xf4'), { minLength: 1, maxLength: 4 })
  .map((bytes) => bytes.join(''));
const habits = fc.record({
  greeting: fc.constant('Odd server'),
  reads: fc.constantFrom('as it is', 'bsd', 'proftpd'),
  says: fc.constantFrom('as it is', 'doubled'),
  refusal: fc.constantFrom('names it', 'no such file', 'failed'),
  lists: fc.constantFrom('LIST', 'MLSD'),
});
const proftpd = fc.record({
  greeting: fc.constant('ProFTPD Server'),
  reads: fc.constantFrom('as it is', 'proftpd'),
  says: fc.constant('as it is'),
  refusal: fc.constantFrom('names it', 'no such file'),
  lists: fc.constant('MLSD'),
}) satisfies fc.Arbitrary<Habits>;

/** Asks for every directory and for some that are not there, from below or from above. */
async function holds(names: readonly string[], missing: readonly string[], down: boolean, kind: Habits) {
  await using server = await OddFtpServer.start(answers(names, kind));
  const seen = new Map<string, Listing>();
  const both = [...names, ...missing].flatMap((each) => [`/${each}`, `/${each}/c`]);
  await withSession(server.remote({ probe: 'off' }), async (session) => {
    for (const path of down ? both : both.toReversed()) {
      seen.set(path, await listOne(session, nameFromBytes(bytesOf(path))));
    }
  });
  if (kind.reads !== 'as it is') {
    for (const command of server.commands) assert.doesNotMatch(command.replaceAll('\xff\xff', ''), harm);
  }
  for (const [path, listing] of seen) {
    const isThere = names.includes(path.split('/')[1] ?? '');
    const reason = listing.status === 'partial' ? listing.reason : 'complete';
    if (isThere) assert.equal(reason, isAskable(path, kind) ? 'complete' : 'refused', JSON.stringify(path));
    else assert.match(reason, /not-found|refused/, JSON.stringify(path));
    const inside = path.endsWith('/c') ? [markOf(path)] : ['c', markOf(path)];
    assert.deepEqual(namesOf(listing), reason === 'complete' ? inside : [], JSON.stringify(path));
  }
}

/** Whether the server can be asked for it, and shows that it understood. */
function isAskable(path: string, { greeting, reads, says, refusal }: Habits): boolean {
  if (!path.includes('\xff')) return true;
  const isSafe = !/\xff[\xf0-\xff]/.test(path);
  if (reads !== 'as it is') return says === 'as it is' || (isSafe && reads === 'proftpd');
  return isSafe || (greeting.startsWith('ProFTPD') && refusal === 'names it');
}

describe('FTP: names with the byte 0xFF on servers that nobody has measured', () => {
  const some = fc.uniqueArray(anyName, { maxLength: 7 });
  for (const [what, kinds] of Object.entries({ 'any server': habits, ProFTPD: proftpd })) {
    it(`are never taken for others, and do no harm: ${what}`, () =>
      fc.assert(
        fc.asyncProperty(some, some, fc.boolean(), kinds, (names, asked, down, kind) =>
          holds(
            names,
            asked.filter((each) => !names.includes(each)),
            down,
            kind,
          ),
        ),
        { numRuns: 200 },
      ));
  }
});
