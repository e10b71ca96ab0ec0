import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListRequest, Session } from '../../../shared/remote/remote.ts';
import type { Listing, Unchanged } from '../../../shared/tree/listing.ts';
import { neverAborted, withSession } from '../fixture.ts';
import { Walk } from '../watcher.ts';
import { aFile, dots, send } from './odd-listing.ts';
import { asked, before, directory, lines, other, paths, proftpd, type Shown, sent } from './odd-proftpd.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

/** So far away that an outline is worth it. */
function far(now: Shown = before, more: Answers = {}): Answers {
  return proftpd(now, {
    OPTS: async ({ say }) => {
      await sleep(20);
      say('200 OK');
    },
    ...more,
  });
}

/** Asks for each directory once the one above it is answered; none was ever listed. */
async function listAll(
  session: Session,
  { wholeSubtree = true }: Pick<ListRequest, 'wholeSubtree'> = {},
  signal = neverAborted(),
): Promise<ReadonlyMap<string, Listing | Unchanged>> {
  const answers = new Map<string, Listing | Unchanged>();
  const walk = new Walk('/t', (path) => ({ path, wholeSubtree }));
  for await (const answer of session.list(walk.requests(), signal)) {
    answers.set(answer.path, answer);
    assert.ok(answer.status !== 'unchanged');
    const below = [...answer.entries].filter(({ kind }) => kind === 'directory');
    walk.answered(below.map(({ name }) => `${answer.path}/${name}`));
  }
  return answers;
}

/** By MLSD alone. */
async function exactly(answers: Answers): Promise<ReadonlyMap<string, Listing | Unchanged>> {
  await using server = await OddFtpServer.start(answers);
  return await withSession(server.remote({ probe: 'off' }), (session) => listAll(session));
}

function plainly(answers: ReadonlyMap<string, Listing | Unchanged>): unknown {
  return new Map(
    [...answers]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, answer]) => [
        path,
        'entries' in answer ? { ...answer, probe: undefined, entries: [...answer.entries] } : answer,
      ]),
  );
}

async function assertExact(answers: Answers): Promise<OddFtpServer> {
  await using server = await OddFtpServer.start(answers);
  const seen = await withSession(server.remote(), (session) => listAll(session));
  assert.deepEqual(plainly(seen), plainly(await exactly(answers)));
  return server;
}

describe('FTP: a first listing of a subtree, outlined', () => {
  it('is what MLSD would show, with two data connections more than directories are worth', async () => {
    const server = await assertExact(far());
    // The first proves the outline; of the last, nobody knows whether it was cut.
    assert.deepEqual(
      server.commands.filter((command) => /^(LIST|MLSD)/.test(command)),
      ['MLSD /t', 'LIST -aR /t', 'MLSD /t/c'],
    );
    // Directories, themselves and in others: /t/a, /t/b, /t/b/in.
    assert.deepEqual(asked(server, 'MDTM', 'MLST', 'STAT'), [2, 4, 0]);
  });

  for (const [what, answers, more] of [
    ['not all of it is asked for', far(), { wholeSubtree: false }],
    ['the server is another', far(before, { GREETING: ({ say }) => say('220 FTP server ready') }), {}],
  ] as const) {
    it(`is not made where ${what}`, async () => {
      await using server = await OddFtpServer.start(answers);
      await withSession(server.remote(), (session) => listAll(session, more));
      assert.deepEqual(asked(server, 'LIST', 'MDTM', 'MLSD'), [0, 0, paths.length]);
    });
  }

  it('is not made with `probe: off`', async () => {
    await using server = await OddFtpServer.start(far());
    await withSession(server.remote({ probe: 'off' }), (session) => listAll(session));
    assert.deepEqual(asked(server, 'LIST', 'MDTM'), [0, 0]);
  });

  const to = (heading: string): string => sent(before).slice(0, sent(before).indexOf(heading));
  const shown: Readonly<Record<string, string>> = {
    'nothing was shown': '',
    'nothing but the first was shown': to('\r\n/t/a:'),
    'it was cut in the second': `${to(aFile)}`,
    'it was cut behind a heading': `${to('\r\n/t/b/in:')}\r\n/t/b/in:\r\n`,
    'it was cut in the middle of a line': sent(before).slice(0, -20),
    'it shows one file less in the first than there is': sent({
      ...before,
      '/t': (before['/t'] ?? []).slice(0, -1),
    }),
    'it shows a file for a directory in the first': sent(before).replace(
      directory('c'),
      aFile.replace('a.csv', 'c'),
    ),
    'it shows a file that is not there': sent({ ...before, '/t/a': [...dots, aFile, other] }),
    'there is a link': sent({
      ...before,
      '/t/a': [...dots, aFile, 'lrwxrwxrwx 1 a b 9 Nov 21  2025 l -> x'],
    }),
    'a name begins with a blank': sent({ ...before, '/t/a': [...dots, aFile.replace('a.csv', ' a.csv')] }),
    'a name could be a time': sent({
      ...before,
      '/t/a': [...dots, aFile.replace('a.csv', '20251121000000 a')],
    }),
    'a line is none of LIST': sent({ ...before, '/t/a': [...dots, 'what is this'] }),
    'a directory has no line of its own': sent({ ...before, '/t/a': [aFile] }),
    'a path comes twice': `${to('\r\n/t/b:')}\r\n/t/a:\r\n${lines(dots)}\r\n/t/b:\r\n${lines(dots)}\r\n/t/c:\r\n`,
    'a heading is of no directory that was shown': `${to('\r\n/t/b:')}\r\n/t/x/y:\r\n${lines(dots)}\r\n/t/b:\r\n${lines(before['/t/b'] ?? [])}\r\n/t/z:\r\n`,
  };
  for (const [what, text] of Object.entries(shown)) {
    it(`loses and invents nothing where ${what}`, async () => {
      const server = await assertExact(
        far(before, {
          LIST: (talk, where) => send(talk, where === '-aR /t' ? text : lines(before[where.slice(4)] ?? [])),
        }),
      );
      assert.ok(server.commands.includes('LIST -aR /t'));
    });
  }

  const spoilt: Readonly<Record<string, Answers>> = {
    'it is refused': { LIST: ({ say }) => say('550 Not here') },
    'a file has gone since': { MDTM: ({ say }, name) => say(`550 ${name}: No such file or directory`) },
    'a time is refused for the moment': { MDTM: ({ say }) => say('450 Busy') },
    'a directory cannot be entered any more': {
      CWD: ({ say, count }) => say(count === 1 ? '550 No such directory' : '250 OK'),
      PWD: ({ say }) => say('257 "/t"'),
    },
    'MLST is refused': { MLST: ({ say }) => say('550 No') },
  };
  for (const [what, more] of Object.entries(spoilt)) {
    it(`is listed by MLSD where ${what}`, async () => {
      const server = await assertExact(far(before, more));
      assert.ok((asked(server, 'MLSD')[0] ?? 0) >= 3);
    });
  }

  it('ends the session where the data connection breaks', async () => {
    await using server = await OddFtpServer.start(
      far(before, {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(to('\r\n/t/c:'), 'reset');
          say('426 Broken');
        },
      }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(listAll(session), { name: 'RemoteUnavailable', reason: 'lost' });
    await session.close();
  });

  it('is given up once it was of no use three times', async () => {
    await using server = await OddFtpServer.start(far(before, { LIST: ({ say }) => say('550 Not here') }));
    await withSession(server.remote(), async (session) => {
      for (let round = 0; round < 5; round += 1) await listAll(session);
    });
    assert.deepEqual(asked(server, 'LIST'), [3]);
  });

  it('is not made of what is beside a directory without directories', async () => {
    const flat: Shown = {
      '/t': [...dots, ...Array.from({ length: 30 }, (_, index) => directory(`d${index}`))],
      ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`/t/d${index}`, [...dots, aFile]])),
    };
    await using server = await OddFtpServer.start(
      far(flat, {
        LIST: (talk, what) => send(talk, lines(flat[what.slice('-aR '.length)] ?? [])),
      }),
    );
    await withSession(server.remote(), (session) => listAll(session));
    const [lists = 0] = asked(server, 'LIST');
    assert.ok(lists <= 2, `${lists} outlines`);
  });

  for (const [what, more] of Object.entries({
    'one reply is missing': {
      MDTM: ({ say, count }) => {
        if (count > 0) say('213 20251121000000');
      },
    },
    'two commands were taken for one': {
      MDTM: ({ say, count }, name) => {
        if (count === 0) say(`550 ${name}: No such file or directory`);
        else if (count > 1) say('213 20251121000000');
      },
    },
    'a time is none': { MDTM: ({ say }) => say('213 yesterday') },
    'the facts of another come': {
      MLST: ({ say }) => say('250-Begin', ' type=dir;modify=20251121000000; /t/b/out', '250 End'),
    },
  } satisfies Record<string, Answers>)) {
    it(`ends the session where ${what}`, async () => {
      await using server = await OddFtpServer.start(far(before, more));
      const session = await server.remote({ responseTimeoutMs: 1_000 }).connect(neverAborted());
      await assert.rejects(listAll(session), (error: Error) =>
        ['RemoteProtocol', 'RemoteUnavailable'].includes(error.name),
      );
      await session.close();
    });
  }

  it('leaves nothing behind for the next list of the session', async () => {
    await using server = await OddFtpServer.start(far());
    await withSession(server.remote(), async (session) => {
      const enough = new AbortController();
      const walk = new Walk('/t', (path) => ({ path, wholeSubtree: true }));
      const aborted = (async () => {
        for await (const _ of session.list(walk.requests(), enough.signal)) enough.abort(new Error('enough'));
      })();
      await assert.rejects(aborted, /enough/);
      assert.deepEqual(plainly(await listAll(session)), plainly(await exactly(far())));
    });
    assert.deepEqual(asked(server, 'LIST'), [1]);
  });

  it('is asked for in pieces that fit into one segment, and in no more than are read at a time', async (t) => {
    const names = Array.from({ length: 180 }, (_, index) => `${'x'.repeat(60)}${index}.csv`);
    const many: Shown = {
      ...before,
      '/t/a': [...dots, ...names.map((name) => aFile.replace('a.csv', name))],
      '/t/b': [...dots, ...names.map((name) => aFile.replace('a.csv', name)), directory('in')],
    };
    const write = t.mock.method(Socket.prototype, 'write');
    await assertExact(far(many));
    const pieces = write.mock.calls
      .map(({ arguments: [text] }) => String(text))
      .filter((text) => text.includes('MDTM '));
    assert.ok(pieces.length > 20 && pieces.every((text) => text.endsWith('\r\n')));
    const longest = Math.max(...pieces.map(({ length }) => length));
    assert.ok(longest > 1_000 && longest <= 1_200, `${longest} bytes`);
  });
});
