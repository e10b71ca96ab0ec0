import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { RemoteUnavailable } from '../../../shared/failure.ts';
import { ProbesFailed } from '../../../shared/remote/probes-failed.ts';
import type { Known, Session } from '../../../shared/remote/remote.ts';
import type { Listing, Unchanged } from '../../../shared/tree/listing.ts';
import type { Probe } from '../../../shared/tree/probe.ts';
import { neverAborted, withSession } from '../fixture.ts';
import { aFile, ask, dots, facts, pure, seen, send, unlisted, vsftpd } from './odd-listing.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

async function probeOf(session: Session, path: string): Promise<Probe> {
  const [listing] = await ask(session, [path], unlisted);
  assert.ok(listing?.status === 'complete' && listing.probe !== undefined, JSON.stringify(listing));
  return listing.probe;
}

const statuses = (answers: readonly (Listing | Unchanged)[]) => answers.map(({ status }) => status);
const paths = Array.from({ length: 30 }, (_, index) => `/d${index}`);

async function trusted(): Promise<Known> {
  await using server = await OddFtpServer.start(pure());
  const { digest } = await withSession(server.remote(), (session) => probeOf(session, '/d'));
  return { ...unlisted, probe: { digest, since: null } };
}

describe('FTP: answers to STAT that will do', () => {
  it('tell an unchanged directory without a data connection, and where the way leads on', async () => {
    const known = await trusted();
    await using server = await OddFtpServer.start(pure());
    const answers = await withSession(server.remote(), (session) => ask(session, paths, known));
    assert.deepEqual(statuses(answers), Array(30).fill('unchanged'));
    const [first] = answers;
    assert.ok(first?.status === 'unchanged');
    assert.deepEqual(
      first.directories.map(({ name }) => name),
      ['deeper'],
    );
    assert.deepEqual([first.fileCount, first.files()], [1, ['a.csv']]);
    assert.ok(!server.commands.some((command) => /^(EPSV|PASV|MLSD)/.test(command)));
  });

  it('are told apart wherever a packet ends', async () => {
    const known = await trusted();
    const text = ['213-STAT', ...seen, '213 End.', ''].join('\r\n');
    await using server = await OddFtpServer.start(
      pure({ STAT: ({ raw, count }) => raw(text.slice(0, count + 1), text.slice(count + 1)) }),
    );
    const many = Array.from({ length: text.length - 1 }, (_, index) => `/d${index}`);
    const answers = await withSession(server.remote(), (session) => ask(session, many, known));
    assert.deepEqual(statuses(answers), Array(text.length - 1).fill('unchanged'));
  });

  it('are not asked for with `probe: off`, nor of a server that is not known to bear it', async () => {
    const known = await trusted();
    for (const [answers, overrides] of [
      [pure(), { probe: 'off' }],
      [pure({ GREETING: ({ say }) => say('220 Another') }), {}],
    ] as const) {
      await using server = await OddFtpServer.start(answers);
      const got = await withSession(server.remote(overrides), (session) => ask(session, paths, known));
      assert.deepEqual(statuses(got), Array(30).fill('complete'));
      assert.ok(!server.commands.some((command) => command.startsWith('STAT')));
    }
  });

  it('are no answer to who must have a listing, or had it in other terms', async () => {
    const known = await trusted();
    await using server = await OddFtpServer.start(pure());
    for (const more of [
      { unchangedSuffices: false },
      { profile: 'list UTC +0' },
      { entries: 1_000_000 },
      { probe: { digest: known.probe?.digest ?? '', since: 1_700_000_000 } },
    ]) {
      const answers = await withSession(server.remote(), (s) => ask(s, ['/d'], { ...known, ...more }));
      assert.deepEqual(statuses(answers), ['complete'], JSON.stringify(more));
    }
  });

  it('are the listing itself where LIST has the same lines', async () => {
    await using server = await OddFtpServer.start(vsftpd());
    const answers = await withSession(server.remote(), (session) => ask(session, paths));
    assert.deepEqual(statuses(answers), Array(30).fill('complete'));
    for (const answer of answers) {
      assert.ok(answer.status === 'complete');
      assert.deepEqual([...answer.entries].map(({ name }) => name).sort(), ['a.csv', 'deeper']);
      assert.equal(answer.probe?.since, null);
    }
    const listed = server.commands.filter((command) => command.startsWith('LIST')).length;
    assert.ok(listed >= 1 && listed < 30, `${listed} exact ones to prove it`);
  });
});

describe('FTP: answers to STAT that will not do', () => {
  const spoilt: readonly (readonly [string, Answers, number])[] = [
    ['a refusal for the moment', { STAT: ({ say }) => say('450 Busy') }, 4],
    ['a command that is not known', { STAT: ({ say }) => say('502 No STAT here') }, 4],
    ['nothing at all', { STAT: ({ say }) => say('213-STAT', '213 End.') }, 4],
    ['one line', { STAT: ({ say }) => say('211 All is well') }, 4],
    ['no line of the directory itself', { STAT: ({ say }) => say('213-STAT', aFile, '213 End.') }, 4],
    [
      'a name with a line feed',
      { STAT: ({ raw }) => raw(`213-STAT\r\n${dots.join('\r\n')}\r\n${aFile}\nb\r\n213 End.\r\n`) },
      4,
    ],
    ['fewer entries than MLSD', { STAT: ({ say }) => say('213-STAT', ...dots, aFile, '213 End.') }, 4],
    [
      'more entries than MLSD',
      { STAT: ({ say }) => say('213-STAT', ...seen, aFile.replace('a.csv', 'b.csv'), '213 End.') },
      4,
    ],
    ['other sizes', { STAT: ({ say }) => say('213-STAT', ...seen.map(bigger), '213 End.') }, 4],
  ];
  for (const [what, answers, most] of spoilt) {
    it(`${what}: every directory is listed, none gets a probe, and STAT is given up`, async () => {
      const known = await trusted();
      await using server = await OddFtpServer.start(pure(answers));
      await withSession(server.remote(), async (session) => {
        for (const path of paths) {
          const [listing] = await ask(session, [path], known);
          assert.ok(listing?.status === 'complete', `${path}: ${listing?.status}`);
          assert.equal(listing.entries.length, 2);
          assert.equal(listing.probe, undefined);
        }
      });
      const asked = server.commands.filter((command) => command.startsWith('STAT')).length;
      assert.ok(asked <= most, `asked ${asked} times`);
    });
  }

  it('of the directory before, which a failed CWD leaves: nobody is told of that one', async () => {
    const known = await trusted();
    await using server = await OddFtpServer.start(
      pure({
        CWD: ({ say }, path) => (path === '/gone' ? say('550 No such directory') : say('250 OK')),
        MLSD: (talk, path) => (path === '/gone' ? talk.say('550 No such directory') : send(talk, facts)),
      }),
    );
    const [first, gone] = await withSession(server.remote(), (s) => ask(s, ['/d', '/gone'], known));
    assert.equal(first?.status, 'unchanged');
    assert.ok(gone?.status === 'partial');
    assert.equal(gone.reason, 'not-found');
  });

  it('of another directory than the one that was asked for', async () => {
    const known = await trusted();
    const at: string[] = [];
    await using server = await OddFtpServer.start(
      pure({
        CWD: ({ say }, path) => {
          at.push(path === '/d/deeper' ? '/elsewhere' : path);
          say('250 OK');
        },
        PWD: ({ say }) => say(`257 "${at.at(-1)}"`),
      }),
    );
    await withSession(server.remote(), async (session) => {
      assert.deepEqual(statuses(await ask(session, ['/d'], known)), ['unchanged']);
      assert.notDeepEqual(statuses(await ask(session, ['/d/deeper'], known)), ['unchanged']);
    });
  });
});

describe('FTP: answers out of step', () => {
  const outOfStep: readonly (readonly [string, Answers])[] = [
    ['one reply for two commands', { CWD: ({ say, count }) => (count === 7 ? undefined : say('250 OK')) }],
    ['two replies for one command', { PWD: ({ say }) => say('257 "/"', '257 "/"') }],
    ['a reply of another kind', { STAT: ({ say }) => say('227 Entering Passive Mode (127,0,0,1,1,1)') }],
    [
      'a reply too many at the end',
      { STAT: ({ say, count }) => say('213-STAT', ...seen, '213 End.', ...(count === 29 ? ['250 OK'] : [])) },
    ],
  ];
  for (const [what, answers] of outOfStep) {
    it(`${what}: the session is over, and says why`, async () => {
      const known = await trusted();
      await using server = await OddFtpServer.start(pure(answers));
      const session = await server.remote().connect(neverAborted());
      const twice = async () => {
        await ask(session, paths, known);
        await ask(session, paths, known);
      };
      await assert.rejects(twice(), (error) => {
        assert.ok(error instanceof ProbesFailed, String(error));
        assert.match(error.advice ?? '', /probe: off/);
        return true;
      });
      await session.close();
    });
  }

  it('421 in the middle is the end of the session, and nothing to hold against probes', async () => {
    const known = await trusted();
    await using server = await OddFtpServer.start(
      pure({ PWD: ({ say, count }) => say(count === 11 ? '421 Shutting down' : '257 "/d"') }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(ask(session, paths, known), (error) => {
      assert.ok(error instanceof RemoteUnavailable && !(error instanceof ProbesFailed), String(error));
      return true;
    });
    await session.close();
  });

  it('no more directories are asked for than are soon listed, one data connection after another', async () => {
    let [taken, answered, most] = [0, 0, 0];
    async function* requests() {
      for (let index = 0; index < 60; index += 1) {
        taken += 1;
        most = Math.max(most, taken - answered);
        yield { path: `/t${index}` };
      }
    }
    await using server = await OddFtpServer.start(pure({ GREETING: ({ say }) => say('220 ProFTPD Server') }));
    await withSession(server.remote(), async (session) => {
      for await (const _ of session.list(requests(), neverAborted())) answered += 1;
    });
    assert.equal(answered, 60);
    assert.ok(most <= 8, `${most} at a time`);
  });

  it('commands do not wait until those before them are acknowledged', async (t) => {
    const set = t.mock.method(Socket.prototype, 'setNoDelay');
    await using server = await OddFtpServer.start(pure());
    await withSession(server.remote(), async () => undefined);
    assert.deepEqual(
      set.mock.calls.map(({ arguments: [on] }) => on),
      [true],
    );
  });

  it('no more bytes of commands are on their way than the server bears', async () => {
    const known = await trusted();
    let behind = 0;
    let most = 0;
    const long = Array.from({ length: 40 }, (_, index) => `/${'x'.repeat(100)}${index}`);
    await using server = await OddFtpServer.start(
      pure({
        GREETING: ({ say }) => say('220 ProFTPD Server'),
        STAT: async ({ say }) => {
          const sent = server.commands.reduce((sum, command) => sum + command.length + 2, 0);
          most = Math.max(most, sent - behind);
          await new Promise((resolve) => setTimeout(resolve, 2));
          say('212-Status of .:', ...seen.map((line) => ` ${line}`), '212 End of status');
          behind += 131;
        },
      }),
    );
    await withSession(server.remote(), (session) => ask(session, long, known));
    assert.ok(most > 1_300 && most <= 3_900, `${most} bytes`);
  });
});

function bigger(line: string): string {
  return line.replace(' 5 Nov', ' 6 Nov');
}
