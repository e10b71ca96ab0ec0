import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookAt } from '../../../shared/remote/ftp/look.ts';
import type { Session } from '../../../shared/remote/remote.ts';
import type { Listing, Unchanged } from '../../../shared/tree/listing.ts';
import { neverAborted, withSession } from '../fixture.ts';
import { aFile, dots, send, unlisted } from './odd-listing.ts';
import { asked, directory, lines, other, proftpd, type Shown } from './odd-proftpd.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

const files = [...dots, aFile, other];
const now: Shown = { '/': [...dots, directory('t')], '/t': files };

function filesOf(count: number): readonly string[] {
  return [
    ...dots,
    ...Array.from({ length: count }, (_, index) => aFile.replace('a.csv', `${'x'.repeat(60)}${index}.csv`)),
  ];
}

/** So far away that a data connection takes longer than some replies. */
function far(shown: Shown = now, more: Answers = {}): Answers {
  return proftpd(shown, {
    FEAT: async ({ say }) => {
      await sleep(20);
      say('211-Features:', ' EPSV', ' MLST type*;size*;modify*;unique*;', '211 End');
    },
    MLST: ({ say }, name) =>
      say('250-Begin', ` ${facts(name)} ${name === '.' ? '/t' : `/t/${name}`}`, '250 End'),
    ...more,
  });
}

function facts(name: string): string {
  return `type=${name === '.' ? 'cdir' : 'file'};size=5;modify=20251121000000;`;
}

/** Seen the same a minute ago, and listed exactly then. */
async function again(
  session: Session,
  shown: readonly string[] = files,
): Promise<Listing | Unchanged | undefined> {
  const since = Math.floor(Date.now() / 1_000) - 100;
  const look = lookAt(lines(shown).replaceAll('\r', ''), Date.now());
  assert.ok(look);
  const known = { ...unlisted, entries: 2, probe: { digest: look.digest, since } };
  async function* requests() {
    yield { path: '/t', known };
  }
  const [answer] = await Array.fromAsync(session.list(requests(), neverAborted()));
  return answer;
}

describe('ProFTPD far away: a directory that looks as it did at its last exact listing', () => {
  it('is described name by name, as MLSD would, and trusted from now on', async () => {
    await using server = await OddFtpServer.start(far());
    await withSession(server.remote(), async (session) => {
      const answer = await again(session);
      assert.ok(answer?.status === 'complete');
      assert.equal(answer.probe?.since, null);
      await using exact = await OddFtpServer.start(far());
      const exactly = await withSession(exact.remote({ probe: 'off' }), (other) => again(other));
      assert.ok(exactly?.status === 'complete');
      assert.deepEqual([...answer.entries], [...exactly.entries]);
      assert.deepEqual(asked(exact, 'MLSD'), [1]);
    });
    assert.deepEqual(asked(server, 'STAT', 'MLST', 'MLSD'), [1, 3, 0]);
  });

  const changed: Readonly<Record<string, Answers>> = {
    'a file has another size by then': {
      MLST: ({ say }, name) =>
        say('250-Begin', ` ${facts(name).replace('size=5', 'size=6')} /t/${name}`, '250 End'),
    },
    'a file is a directory by then': {
      MLST: ({ say }, name) =>
        say('250-Begin', ` ${facts(name).replace('=file', '=dir')} /t/${name}`, '250 End'),
    },
    'a file is gone by then': {
      MLST: ({ say, count }, name) => {
        if (count === 1) say(`550 ${name}: No such file or directory`);
        else say('250-Begin', ` ${facts(name)} /t/${name}`, '250 End');
      },
    },
    'it is a link by then': {
      // Of the root, of the look, of the description.
      PWD: ({ say, count }) => say(['257 "/"', '257 "/t"'][count] ?? '257 "/elsewhere/t"'),
    },
    'it cannot be entered by then': {
      CWD: ({ say, count }) => say(count === 1 ? '550 No such directory' : '250 OK'),
      PWD: ({ say }) => say('257 "/t"'),
      STAT: ({ say }) => say('212-Status', ...files.map((line) => ` ${line}`), '212 End'),
    },
    'its name links to another by then, which the one above tells': {
      MLSD: (talk, path) => {
        const shown =
          path === '/' ? ['type=dir;unique=1; t'] : ['type=cdir;unique=1; .', 'type=file;size=5; a.csv'];
        return send(talk, lines(shown));
      },
      MLST: ({ say }, name) =>
        say('250-Begin', ` unique=2;${facts(name)} ${name === '.' ? '/t' : `/t/${name}`}`, '250 End'),
    },
  };
  for (const [what, more] of Object.entries(changed)) {
    it(`is listed by MLSD where ${what}`, async () => {
      await using server = await OddFtpServer.start(far(now, more));
      await withSession(server.remote(), async (session) => {
        // Where the one above it is, is known.
        if (what.includes('link')) await root(session);
        assert.equal((await again(session))?.status, 'complete');
      });
      assert.ok((asked(server, 'MLST')[0] ?? 0) > 0, 'it was described first');
      assert.deepEqual(asked(server, 'MLSD').at(-1), 1 + (what.includes('link') ? 1 : 0));
    });
  }

  async function root(session: Session): Promise<void> {
    async function* requests() {
      yield { path: '/', known: { ...unlisted, entries: 2, probe: null } };
    }
    await Array.fromAsync(session.list(requests(), neverAborted()));
  }

  for (const [what, answers, shown] of [
    ['near by', proftpd({ '/t': filesOf(600) }), filesOf(600)],
    ['where it looks otherwise', far({ '/t': [...files, aFile.replace('a.csv', 'c.csv')] }), files],
    [
      'where there are directories in it',
      far({ '/t': [...files, 'drwxr-xr-x 2 a b 1 Nov 21  2025 d'] }),
      [...files, 'drwxr-xr-x 2 a b 1 Nov 21  2025 d'],
    ],
  ] as const) {
    it(`is listed by MLSD ${what}`, async () => {
      await using server = await OddFtpServer.start(answers);
      await withSession(server.remote(), (session) => again(session, shown));
      assert.deepEqual(asked(server, 'MLST', 'MLSD'), [0, 1]);
    });
  }

  it('ends the session where the facts of another come', async () => {
    await using server = await OddFtpServer.start(
      far(now, { MLST: ({ say }, name) => say('250-Begin', ` ${facts(name)} /t/x${name}x`, '250 End') }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(again(session), { name: 'RemoteProtocol' });
    await session.close();
  });

  it('is asked for in pieces of whole commands that fit into one segment', async (t) => {
    const many = filesOf(90);
    const write = t.mock.method(Socket.prototype, 'write');
    await using server = await OddFtpServer.start(far({ '/t': many }));
    await withSession(server.remote(), (session) => again(session, many));
    assert.deepEqual(asked(server, 'MLST', 'MLSD'), [91, 0]);
    const pieces = write.mock.calls
      .map(({ arguments: [text] }) => String(text))
      .filter((text) => text.includes('MLST x'));
    assert.ok(pieces.length > 4 && pieces.every((text) => text.endsWith('\r\n')));
    const longest = Math.max(...pieces.map(({ length }) => length));
    assert.ok(longest > 1_000 && longest <= 1_200, `${longest} bytes`);
  });
});
