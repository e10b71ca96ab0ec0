import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FtpServer } from '../../../shared/config/config.ts';
import { type Failure, RemoteAuth, RemoteProtocol, RemoteUnavailable } from '../../../shared/failure.ts';
import type { Session } from '../../../shared/remote/remote.ts';
import type { Listing } from '../../../shared/tree/listing.ts';
import { listAll, listOne, namesOf, neverAborted, withSession } from '../fixture.ts';
import { type Answers, type Conversation, OddFtpServer } from './odd-server.ts';

const file = (name: string): string => `-rw-r--r-- 1 a b 1 Nov 21  2025 ${name}\r\n`;
const dots = 'drwxr-xr-x 2 a b 1 Nov 21  2025 .\r\ndrwxr-xr-x 2 a b 1 Nov 21  2025 ..\r\n';
const dos = (name: string): string => `07-20-26  09:52AM                    1 ${name}\r\n`;

/** A listing in order. */
async function send({ say, data }: Conversation, text: string, last = '226 Done'): Promise<void> {
  say('150 Here it comes');
  await data(text);
  say(last);
}

const withMlsd: Answers = { FEAT: ({ say }) => say('211-Features:', ' mlst Type*;Size*;', '211 End') };

async function listings(answers: Answers, ...paths: readonly string[]): Promise<readonly Listing[]> {
  await using server = await OddFtpServer.start(answers);
  return await withSession(server.remote(), async (session) => {
    const all: Listing[] = [];
    for (const path of paths) all.push(await listOne(session, path));
    return all;
  });
}

async function connectFailure(answers: Answers, overrides = {}): Promise<Failure> {
  await using server = await OddFtpServer.start(answers);
  try {
    await server.remote(overrides).connect(neverAborted());
  } catch (error) {
    assert.ok(
      error instanceof RemoteUnavailable || error instanceof RemoteAuth || error instanceof RemoteProtocol,
      String(error),
    );
    assert.ok(error.advice);
    assert.ok(!`${error.message} ${error.advice}`.includes('secret'), 'no secrets');
    return error;
  }
  return assert.fail('it connects');
}

const outcome = (listing: Listing | undefined): string =>
  listing?.status === 'complete' ? `complete ${namesOf(listing).join()}` : `${listing?.reason}`;

describe('FTP: what an empty listing proves', () => {
  it('nothing where the server shows `.` otherwise', async () => {
    let cwd = '';
    const [full, empty] = await listings(
      {
        CWD: ({ say }, path) => {
          cwd = path;
          say('250 OK');
        },
        LIST: (talk) => send(talk, cwd === '/empty' ? '' : dots + file('a')),
      },
      '/full',
      '/empty',
    );
    assert.equal(outcome(full), 'complete a');
    assert.equal(outcome(empty), 'unproved');
  });

  it('nothing before the server showed anything, and `/` is asked', async () => {
    let cwd = '';
    const [empty] = await listings(
      {
        CWD: ({ say }, path) => {
          cwd = path;
          say('250 OK');
        },
        LIST: (talk) => send(talk, cwd === '/' ? dots : ''),
      },
      '/empty',
    );
    assert.equal(outcome(empty), 'unproved');
  });

  it('nothing where nothing is shown anywhere', async () => {
    const [empty] = await listings({ LIST: (talk) => send(talk, '') }, '/empty');
    assert.equal(outcome(empty), 'unproved');
  });

  it('that it is empty where the server never shows `.`', async () => {
    let cwd = '';
    const [empty, full, again] = await listings(
      {
        CWD: ({ say }, path) => {
          cwd = path;
          say('250 OK');
        },
        LIST: (talk) => send(talk, cwd === '/empty' ? '' : file('a')),
      },
      '/empty',
      '/full',
      '/empty',
    );
    assert.deepEqual([empty, full, again].map(outcome), ['complete ', 'complete a', 'complete ']);
  });

  it('that it is empty on Windows', async () => {
    const [empty] = await listings(
      { SYST: ({ say }) => say('215 Windows_NT'), LIST: (talk) => send(talk, '') },
      '/empty',
    );
    assert.equal(outcome(empty), 'complete ');
  });

  it('that it cannot be read, where the reply says so', async () => {
    const [xonly] = await listings(
      { LIST: (talk) => send(talk, '', '226 Transfer done (but failed to open directory).') },
      '/xonly',
    );
    assert.equal(outcome(xonly), 'denied');
  });

  it('nothing over MLSD, if the directory cannot be entered', async () => {
    const [ronly] = await listings(
      {
        ...withMlsd,
        MLSD: (talk) => send(talk, 'type=cdir; .\r\n'),
        CWD: ({ say }) => say('550 Permission denied'),
      },
      '/ronly',
    );
    assert.equal(outcome(ronly), 'denied');
  });
});

describe('FTP: which listing is used', () => {
  it('plain LIST where `-a` is taken for a name, by a refusal or by silence', async () => {
    for (const refusal of ['550 -a: no such file', undefined]) {
      const found = await listings(
        {
          LIST: (talk, argument) => {
            if (argument === '') return send(talk, file('a'));
            if (refusal === undefined) return send(talk, '');
            talk.say(refusal);
            return undefined;
          },
        },
        '/one',
        '/two',
      );
      assert.deepEqual(found.map(outcome), ['complete a', 'complete a']);
    }
  });

  it('MLSD stays MLSD after a refusal', async () => {
    await using server = await OddFtpServer.start({
      ...withMlsd,
      MLSD: (talk, path) =>
        path === '/gone' ? talk.say('550 No such directory') : send(talk, 'type=file;size=1; a\r\n'),
    });
    await withSession(server.remote(), async (session) => {
      assert.equal(session.capabilities.command, 'mlsd');
      assert.equal(outcome(await listOne(session, '/gone')), 'not-found');
      assert.equal(outcome(await listOne(session, '/here')), 'complete a');
    });
    assert.deepEqual(
      server.commands.filter((command) => command.startsWith('LIST')),
      [],
    );
  });

  it('lines of Windows', async () => {
    const [listing] = await listings({ LIST: (talk) => send(talk, dos('a') + dos(' b')) }, '/');
    assert.equal(outcome(listing), 'complete  b,a');
  });

  it('PASV where EPSV is not known, at the host that we talk to', async () => {
    await using server = await OddFtpServer.start({
      EPSV: ({ say }) => say('500 What?'),
      LIST: (talk) => send(talk, dots + file('a')),
    });
    await withSession(server.remote(), async (session) => {
      assert.equal(outcome(await listOne(session, '/')), 'complete a');
      assert.equal(outcome(await listOne(session, '/')), 'complete a');
    });
    assert.equal(server.commands.filter((command) => command === 'EPSV').length, 1);
  });
});

describe('FTP: listings that are cut', () => {
  it('are truncated when the reply says so', async () => {
    const last = '226 Output truncated to 10000 matches';
    const [listing] = await listings({ LIST: (talk) => send(talk, dots + file('a'), last) }, '/');
    assert.equal(outcome(listing), 'truncated');
  });

  it('are truncated at exactly 10,000 lines', async () => {
    for (const [count, expected] of [
      [9_998, 'truncated'],
      [10_000, 'truncated'],
    ] as const) {
      const text = dots + Array.from({ length: count }, (_, index) => file(`f${index}`)).join('');
      const [listing] = await listings({ LIST: (talk) => send(talk, text) }, '/');
      assert.equal(outcome(listing), expected);
      assert.equal(listing?.entries.length, count);
    }
  });

  it('are lost when the data connection breaks, however the reply is', async () => {
    const [listing] = await listings(
      {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(dots + file('a'), 'reset');
          say('226 Done');
        },
      },
      '/',
    );
    assert.equal(outcome(listing), 'lost');
  });

  it('are lost after three refusals to transfer', async () => {
    await using server = await OddFtpServer.start({ LIST: ({ say }) => say('425 No data connection') });
    await withSession(server.remote(), async (session) => {
      assert.equal(outcome(await listOne(session, '/')), 'lost');
    });
    assert.equal(server.commands.filter((command) => command === 'LIST -a').length, 3);
  });

  it('are made again after 425, 426, 450 and 451', async () => {
    for (const code of [425, 426, 450, 451]) {
      const [listing] = await listings(
        {
          LIST: async (talk) => {
            if (talk.count > 0) return send(talk, dots + file('a'));
            if (code === 425) return talk.say('425 Try again');
            talk.say('150 Here it comes');
            await talk.data(dots);
            talk.say(`${code} Broke off`);
          },
        },
        '/',
      );
      assert.equal(outcome(listing), 'complete a', String(code));
    }
  });

  it('are lost where every port collides, and EPSV is not given up', async () => {
    const [listing] = await listings(
      {
        PASV: ({ say }) => assert.fail(String(say)),
        EPSV: ({ say }) => say('450 Address already in use'),
      },
      '/',
    );
    assert.equal(outcome(listing), 'lost');
  });

  it('are malformed when a line cannot be read, and say which', async () => {
    const [listing] = await listings({ LIST: (talk) => send(talk, `${dots}${file('a')}gibberish\r\n`) }, '/');
    assert.equal(outcome(listing), 'malformed');
    assert.match(listing?.status === 'partial' ? listing.detail : '', /gibberish/);
    assert.deepEqual(listing && [...listing.entries].map(({ name }) => name), ['a']);
  });
});

describe('FTP: directories that are not there', () => {
  it('are told from unreadable ones by the parent, where the words are the same', async () => {
    let cwd = '/';
    const parent = `${dots}drwx------ 2 a b 1 Nov 21  2025 locked\r\n${file('plain')}`;
    const found = await listings(
      {
        CWD: ({ say }, path) => {
          if (path !== '/p') return say('550 Failed to change directory.');
          cwd = path;
          say('250 OK');
        },
        LIST: (talk) => send(talk, cwd === '/p' ? parent : ''),
      },
      '/p/locked',
      '/p/gone',
      '/p/plain',
      '/p/gone/deeper',
    );
    assert.deepEqual(found.map(outcome), ['denied', 'not-found', 'not-found', 'not-found']);
  });

  it('are never asked for by a name with a line break', async () => {
    await using server = await OddFtpServer.start();
    await withSession(server.remote(), async (session) => {
      assert.equal(outcome(await listOne(session, '/a\r\nDELE b')), 'refused');
      assert.equal(outcome(await listOne(session, '/nul\0')), 'refused');
    });
    assert.ok(!server.commands.some((command) => /DELE|^CWD|^LIST/.test(command)));
  });

  it('are not taken for others whose names the server makes of them', async () => {
    for (const answers of [{}, withMlsd]) {
      const [listing] = await listings(
        {
          ...answers,
          PWD: ({ say }) => say('257 "/glob1"'),
          LIST: (talk) => send(talk, dots + file('wrong')),
          MLSD: (talk) => send(talk, 'type=file;size=1; wrong\r\n'),
        },
        '/glob[1]',
      );
      assert.equal(outcome(listing), 'refused');
      assert.deepEqual(listing?.entries, []);
    }
  });

  it('are not taken for the directory that a link leads to by now', async () => {
    const [parent, replaced] = await listings(
      {
        ...withMlsd,
        MLSD: (talk, path) =>
          send(
            talk,
            path === '/'
              ? 'type=cdir;unique=1; .\r\ntype=dir;unique=2; d\r\n'
              : 'type=cdir;unique=3; .\r\ntype=file;size=1; elsewhere\r\n',
          ),
      },
      '/',
      '/d',
    );
    assert.equal(outcome(parent), 'complete d');
    assert.equal(outcome(replaced), 'not-found');
  });
});

describe('FTP: sessions that end', () => {
  const failing = async (
    answers: Answers,
    work: (session: Session) => Promise<unknown>,
    overrides: Partial<FtpServer> = {},
  ): Promise<Failure> => {
    await using server = await OddFtpServer.start(answers);
    const session = await server.remote(overrides).connect(neverAborted());
    try {
      await work(session);
    } catch (error) {
      assert.ok(error instanceof RemoteUnavailable || error instanceof RemoteProtocol, String(error));
      await assert.rejects(session.ping(neverAborted()), (again) => again === error);
      await session.close();
      return error;
    }
    return assert.fail('nothing went wrong');
  };
  const reason = (failure: Failure): string =>
    failure instanceof RemoteUnavailable ? failure.reason : failure.name;

  it('are lost by 421 and by a closed connection, between and within listings', async () => {
    const bye: Answers[string] = ({ say }) => say('421 Idle too long');
    const drop: Answers[string] = ({ drop: end }) => end();
    const within: Answers[string] = async (talk) => {
      talk.say('150 Here it comes');
      await talk.data(dots);
      talk.drop();
    };
    for (const answers of [{ CWD: bye }, { CWD: drop }, { LIST: bye }, { LIST: drop }, { LIST: within }]) {
      assert.equal(reason(await failing(answers, (session) => listOne(session, '/'))), 'lost');
    }
    assert.equal(reason(await failing({ NOOP: bye }, (session) => session.ping(neverAborted()))), 'lost');
  });

  it('are silent when nothing comes, between and within listings', async () => {
    const nothing = (): void => undefined;
    const begun: Answers[string] = ({ say }) => say('150 Here it comes');
    const noReply: Answers[string] = async ({ say, data }) => {
      say('150 Here it comes');
      await data(dots);
    };
    // The login must not take as long, even on a machine that has much else to do.
    const failures = [{ CWD: nothing }, { LIST: nothing }, { LIST: begun }, { LIST: noReply }].map(
      (answers) => failing(answers, (session) => listOne(session, '/'), { responseTimeoutMs: 3_000 }),
    );
    assert.deepEqual((await Promise.all(failures)).map(reason), Array(4).fill('silent'));
  });

  it('live on while data trickles, however long that takes', async () => {
    await using server = await OddFtpServer.start({
      LIST: async ({ say, data }) => {
        say('150 Here it comes');
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
          await data(file(name), 'later');
          await sleep(600);
        }
        await data(dots);
        say('226 Done');
      },
    });
    await withSession(server.remote({ responseTimeoutMs: 3_000 }), async (session) => {
      assert.equal(outcome(await listOne(session, '/')), 'complete a,b,c,d,e,f');
    });
  });

  it('close in the end although nobody answers, and say that it was not clean', async () => {
    await using server = await OddFtpServer.start({ QUIT: () => undefined });
    const session = await server.remote().connect(neverAborted());
    assert.deepEqual(await session.close(), { clean: false });
  });

  it('close cleanly when the server closes instead of an answer', async () => {
    await using server = await OddFtpServer.start({ QUIT: ({ drop }) => drop() });
    const session = await server.remote().connect(neverAborted());
    assert.deepEqual(await session.close(), { clean: true });
  });

  it('go on after an abort in mid-listing', async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using server = await OddFtpServer.start({
      LIST: async (talk) => {
        begun.resolve();
        await go.promise;
        await send(talk, dots + file('a'));
      },
    });
    const session = await server.remote().connect(neverAborted());
    const abort = new AbortController();
    const reasonOfAbort = new Error('enough');
    const requests = (async function* () {
      yield { path: '/' };
    })();
    const first = session.list(requests, abort.signal).next();
    await begun.promise;
    abort.abort(reasonOfAbort);
    await assert.rejects(first, (error) => error === reasonOfAbort);
    go.resolve();
    assert.equal(outcome((await listAll(session, ['/'])).get('/')), 'complete a');
    assert.deepEqual(await session.close(), { clean: true });
  });
});

describe('FTP: logins that fail', () => {
  const replies: readonly (readonly [Answers, string])[] = [
    [{ PASS: ({ say }) => say('530 Login incorrect.') }, 'RemoteAuth login'],
    [{ PASS: ({ say }) => say('530 Login authentication failed') }, 'RemoteAuth login'],
    [{ PASS: ({ say }) => say('430 Invalid username or password') }, 'RemoteAuth login'],
    [{ PASS: ({ say }) => say('421 Too many failed login attempts, password?') }, 'RemoteAuth login'],
    [{ PASS: ({ say }) => say('332 Need account') }, 'RemoteAuth login'],
    [{ USER: ({ say }) => say('530 Non-anonymous sessions must use encryption.') }, 'RemoteAuth login'],
    // vsftpd, Pure-FTPd, OVH, ProFTPD
    [{ GREETING: ({ say }) => say('421 There are too many connected users, please try later.') }, 'busy'],
    [{ GREETING: ({ say }) => say('421 8 users (the maximum) are already logged in, sorry') }, 'busy'],
    [{ GREETING: ({ say }) => say('421 Too many connections (8) from this IP') }, 'busy'],
    [{ PASS: ({ say }) => say("421 I can't accept more than 3 connections as the same user") }, 'busy'],
    [
      {
        PASS: ({ say }) =>
          say('530 Sorry, the maximum number of clients (2) for this user already connected.'),
      },
      'busy',
    ],
    [{ GREETING: ({ say }) => say('120 Ready in 5 minutes') }, 'busy'],
    [{ GREETING: ({ say }) => say('554 No service for you') }, 'refused'],
    [{ GREETING: ({ drop }) => drop() }, 'lost'],
    [{ PASS: ({ drop }) => drop() }, 'lost'],
    [{ FEAT: ({ say }) => say('421 Shutting down') }, 'busy'],
  ];
  for (const [index, [answers, expected]] of replies.entries()) {
    it(`${index + 1}: ${expected}`, async () => {
      const failure = await connectFailure(answers);
      const said =
        failure instanceof RemoteUnavailable
          ? failure.reason
          : failure instanceof RemoteAuth
            ? `RemoteAuth ${failure.reason}`
            : failure.name;
      assert.equal(said, expected, failure.message);
    });
  }

  it('for want of an answer in time', async () => {
    const failure = await connectFailure({ PASS: () => undefined }, { connectTimeoutMs: 300 });
    assert.ok(failure instanceof RemoteUnavailable);
    assert.equal(failure.reason, 'timeout');
  });

  it('for want of TLS, without a password in the clear', async () => {
    await using server = await OddFtpServer.start();
    await assert.rejects(server.remote({ protocol: 'ftps' }).connect(neverAborted()), RemoteProtocol);
    assert.ok(!server.commands.some((command) => /^(USER|PASS)/.test(command)));
  });

  it('for a host that nobody knows', async () => {
    await using server = await OddFtpServer.start();
    await assert.rejects(server.remote({ host: 'nobody.invalid' }).connect(neverAborted()), (error) => {
      assert.ok(error instanceof RemoteUnavailable, String(error));
      assert.equal(error.reason, 'unknown-host');
      return true;
    });
  });
});
