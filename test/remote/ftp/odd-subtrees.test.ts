import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteUnavailable } from '../../../shared/failure.ts';
import { lookAt } from '../../../shared/remote/ftp/look.ts';
import type { Known, ListRequest, Session } from '../../../shared/remote/remote.ts';
import { neverAborted, withSession } from '../fixture.ts';
import { Walk } from '../watcher.ts';
import { aFile, ask, dots, send, unlisted } from './odd-listing.ts';
import { asked, before, directory, lines, other, paths, proftpd, type Shown, sent } from './odd-proftpd.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

function digestOf(shown: readonly string[]): string {
  const look = lookAt(shown.map((line) => `${line}\n`).join(''), Date.now());
  assert.ok(look);
  return look.digest;
}

function known(path: string): Known {
  return {
    ...unlisted,
    probe: { digest: digestOf(before[path] ?? []), since: null },
  };
}

function childrenOf(directory: string): readonly string[] {
  return paths.filter((path) => path.slice(0, path.lastIndexOf('/')) === directory);
}

/** Asks for each directory once the one above it is answered. */
async function* answers(
  session: Session,
  { wholeSubtree = true, ...more }: Partial<Known> & Pick<ListRequest, 'wholeSubtree'> = {},
  signal = neverAborted(),
) {
  const walk = new Walk('/t', (path) => ({
    path,
    known: { ...known(path), ...more },
    wholeSubtree: wholeSubtree && path !== '/t/a',
  }));
  for await (const answer of session.list(walk.requests(), signal)) {
    yield answer;
    walk.answered(childrenOf(answer.path));
  }
}

/** Statuses in the order of the paths. */
async function askAll(...asking: Parameters<typeof answers>) {
  const all = await Array.fromAsync(answers(...asking));
  return paths.map((path) => all.find((answer) => answer.path === path)?.status);
}

const unchanged = paths.map(() => 'unchanged');

describe('FTP: a subtree listed at once', () => {
  it('answers for all of its directories', async () => {
    await using server = await OddFtpServer.start(proftpd());
    assert.deepEqual(await withSession(server.remote(), (session) => askAll(session)), unchanged);
    assert.deepEqual(asked(server, 'LIST', 'STAT', 'MLSD'), [1, 1, 0]);
    assert.ok(server.commands.includes('LIST -aR /t'));
  });

  it('says of what it shows what STAT would say', async () => {
    await using server = await OddFtpServer.start(proftpd());
    await withSession(server.remote(), async (session) => {
      for await (const answer of answers(session)) {
        if (answer.path !== '/t/b') continue;
        assert.ok(answer.status === 'unchanged');
        assert.deepEqual(
          [answer.directories.map(({ name }) => name), answer.fileCount, answer.files()],
          [['in'], 1, ['a.csv']],
        );
      }
    });
  });

  for (const [what, more, asks] of [
    ['not all of it is asked for', { wholeSubtree: false }, proftpd()],
    ['a look was never trusted', { probe: { digest: known('/t').probe?.digest ?? '', since: 5 } }, proftpd()],
    ['nothing but a listing will do', { unchangedSuffices: false }, proftpd()],
    ['there are too many entries for looks', { entries: 5_000 }, proftpd()],
    ['the server is another', {}, proftpd(before, { GREETING: ({ say }) => say('220 Pure-FTPd') })],
  ] as const) {
    it(`is not asked for where ${what}`, async () => {
      await using server = await OddFtpServer.start(asks);
      await withSession(server.remote(), (session) => askAll(session, more));
      assert.deepEqual(asked(server, 'LIST'), [0]);
    });
  }

  it('is not asked for where there is a link, which would be the end of it', async () => {
    const linked = [...(before['/t'] ?? []), 'lrwxrwxrwx 1 a b 9 Nov 21  2025 l -> x'];
    await using server = await OddFtpServer.start(proftpd({ ...before, '/t': linked }));
    const top = { ...known('/t'), probe: { digest: digestOf(linked), since: null } };
    const walk = new Walk('/t', (path) => ({
      path,
      known: path === '/t' ? top : known(path),
      wholeSubtree: true,
    }));
    await withSession(server.remote(), async (session) => {
      for await (const answer of session.list(walk.requests(), neverAborted())) {
        assert.equal(answer.status, 'unchanged');
        walk.answered(childrenOf(answer.path));
      }
    });
    assert.ok(!server.commands.includes('LIST -aR /t'));
  });

  it('is not asked for with `probe: off`', async () => {
    await using server = await OddFtpServer.start(proftpd());
    await withSession(server.remote({ probe: 'off' }), (session) => askAll(session));
    assert.deepEqual(asked(server, 'LIST'), [0]);
  });

  const cut = sent(before).indexOf('\r\n/t/b/in');
  const spoilt: Readonly<Record<string, Answers>> = {
    'it is refused': { LIST: ({ say }) => say('550 Not here') },
    'it is refused for the moment': { LIST: ({ say }) => say('450 Busy') },
    'nothing comes': { LIST: (talk) => send(talk, '') },
    'it shows one directory alone': { LIST: (talk) => send(talk, lines(before['/t'] ?? [])) },
    'its headings say where things are from here': {
      LIST: (talk) => send(talk, sent(before).replaceAll('/t/', '')),
    },
    'it breaks and the server knows nothing of it': {
      LIST: async ({ say, data }) => {
        say('150 Here it comes');
        await data(sent(before).slice(0, cut + 4));
        say('226 Done');
      },
    },
    'there is no data connection': { EPSV: ({ say }) => say('500 No'), PASV: ({ say }) => say('500 No') },
    'nobody listens for it': {
      EPSV: ({ say }) => say('229 Extended (|||1|)'),
      PASV: ({ say }) => say('500 No'),
    },
    'it is one of another place': { LIST: (talk) => send(talk, sent(before).replaceAll('/t/', '/s/')) },
  };
  for (const [what, more] of Object.entries(spoilt)) {
    it(`is looked at by STAT where ${what}`, async () => {
      await using server = await OddFtpServer.start(proftpd(before, more));
      await withSession(server.remote(), async (session) => {
        for (let round = 0; round < 4; round += 1) assert.deepEqual(await askAll(session), unchanged);
      });
      assert.ok((asked(server, 'STAT')[0] ?? 0) > 0);
    });
  }

  const broken: Readonly<Record<string, Answers>> = {
    'the data connection breaks': {
      LIST: async ({ say, data }) => {
        say('150 Here it comes');
        await data(sent(before).slice(0, cut + 4), 'reset');
        say('426 Broken');
      },
    },
    'the server takes back what it has sent': {
      LIST: async ({ say, data }) => {
        say('150 Here it comes');
        await data(sent(before));
        await sleep(20);
        say('451 Not all of it');
      },
    },
  };
  for (const [what, more] of Object.entries(broken)) {
    it(`ends the session, in which ProFTPD would answer wrongly from now on, where ${what}`, async () => {
      await using server = await OddFtpServer.start(proftpd(before, more));
      const session = await server.remote().connect(neverAborted());
      await assert.rejects(askAll(session), { name: 'RemoteUnavailable', reason: 'lost' });
      await assert.rejects(askAll(session), { name: 'RemoteUnavailable' });
      await session.close();
    });
  }

  it('so does the LIST of one directory, where there is no MLSD', async () => {
    await using server = await OddFtpServer.start(
      proftpd(before, {
        FEAT: ({ say }) => say('211 No features'),
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(lines(dots), 'reset');
          say('426 Broken');
        },
      }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(ask(session, ['/t']), { name: 'RemoteUnavailable', reason: 'lost' });
    assert.deepEqual(asked(server, 'LIST'), [1]);
    await session.close();
  });

  it('is given up once it was of no use three times', async () => {
    await using server = await OddFtpServer.start(
      proftpd(before, { LIST: ({ say }) => say('550 Not here') }),
    );
    await withSession(server.remote(), async (session) => {
      for (let round = 0; round < 9; round += 1) assert.deepEqual(await askAll(session), unchanged);
    });
    const [lists = 0] = asked(server, 'LIST');
    assert.ok(lists >= 3 && lists <= 6, `${lists}`);
  });

  const hidden: Readonly<Record<string, readonly [Shown, Shown, readonly string[]]>> = {
    'a directory that has changed': [
      { ...before, '/t/b': [...dots, other, directory('in')] },
      { ...before, '/t/b': [...dots, other, directory('in')] },
      ['/t/b'],
    ],
    'what is in one that has changed': [
      // The name may stand for something else by now: the section is the same, what STAT says is not.
      { ...before, '/t': [...dots, directory('a'), directory('b'), directory('c'), directory('d')] },
      {
        ...before,
        '/t': [...dots, directory('a'), directory('b'), directory('c'), directory('d')],
        '/t/a': [...dots, other],
        '/t/b': dots,
      },
      ['/t', '/t/a', '/t/b'],
    ],
    'what is in one further down that has changed': [
      { ...before, '/t/b': [...dots, other, directory('in')] },
      { ...before, '/t/b': [...dots, other, directory('in')], '/t/b/in': [...dots, aFile] },
      ['/t/b', '/t/b/in'],
    ],
    'what the target of a link makes up': [
      {
        '/t': before['/t'] ?? [],
        '/t/a': [
          ...dots,
          `lrwxrwxrwx 1 a b 9 Nov 21  2025 l -> x\r\n\r\n/t/c:\r\n${dots.join('\r\n')}\r\n${other}`,
        ],
        '/t/b': before['/t/b'] ?? [],
        '/t/b/in': dots,
      },
      { ...before, '/t/a': [...dots, other], '/t/c': dots },
      ['/t/a', '/t/c'],
    ],
  };
  for (const [what, [shown, now, changed]] of Object.entries(hidden)) {
    it(`does not hide ${what}`, async () => {
      await using server = await OddFtpServer.start(
        proftpd(now, { LIST: (talk) => send(talk, sent(shown)) }),
      );
      const statuses = await withSession(server.remote(), (session) => askAll(session));
      assert.deepEqual(
        statuses,
        paths.map((path) => (changed.includes(path) ? 'complete' : 'unchanged')),
      );
    });
  }

  it('is believed of nothing that comes after a directory that was there already', async () => {
    const twice = `${sent({ '/t': before['/t'] ?? [], '/t/a': before['/t/a'] ?? [] })}${'\r\n/t/a:\r\n'}${lines(dots)}\r\n/t/c:\r\n${lines(before['/t/c'] ?? [])}\r\n/t/d:\r\n`;
    await using server = await OddFtpServer.start(
      proftpd({ ...before, '/t/c': dots }, { LIST: (talk) => send(talk, twice) }),
    );
    const statuses = await withSession(server.remote(), (session) => askAll(session));
    assert.equal(statuses[paths.indexOf('/t/c')], 'complete');
  });

  it('ends the session where that ends meanwhile', async () => {
    for (const end of [
      ({ drop }: { drop: () => void }) => drop(),
      ({ say }: { say: (line: string) => void }) => say('421 Enough'),
    ]) {
      await using server = await OddFtpServer.start(
        proftpd(before, {
          LIST: async (talk) => {
            talk.say('150 Here it comes');
            await talk.data(sent(before).slice(0, cut), 'later');
            end(talk);
          },
        }),
      );
      const session = await server.remote().connect(neverAborted());
      await assert.rejects(askAll(session), RemoteUnavailable);
      await session.close();
    }
  });

  it('ends the session where the server falls silent in the middle', async () => {
    await using server = await OddFtpServer.start(
      proftpd(before, {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(sent(before).slice(0, cut), 'later');
        },
      }),
    );
    const session = await server.remote({ responseTimeoutMs: 500 }).connect(neverAborted());
    await assert.rejects(askAll(session), { name: 'RemoteUnavailable', reason: 'silent' });
    await session.close();
  });

  it('is foreseen by the session while it comes, and nothing else is', async () => {
    await using server = await OddFtpServer.start(
      proftpd(before, {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data('', 'later');
          await sleep(50);
          seen.push(foresight());
          await data(sent(before).slice(0, cut + 4), 'later');
          await sleep(50);
          seen.push(foresight());
          await data(sent(before).slice(cut + 4));
          say('226 Done');
        },
      }),
    );
    const seen: (readonly string[])[] = [];
    const live = await server.remote().connect(neverAborted());
    const foresight = () => [...paths, '/t/d', '/s'].filter((path) => live.foresees?.(path) === true);
    assert.deepEqual(await askAll(live), unchanged);
    assert.deepEqual(seen, [[], ['/t/b', '/t/c', '/t/d']]);
    assert.deepEqual(foresight(), []);
    await live.close();
  });

  it('is not asked for where nobody wants it any more by the time that there is a data connection', async () => {
    const enough = new AbortController();
    await using server = await OddFtpServer.start(
      proftpd(before, {
        EPSV: async ({ say, listen }) => {
          const port = await listen();
          enough.abort(new Error('enough'));
          say(`229 Extended (|||${port}|)`);
        },
      }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(askAll(session, {}, enough.signal), /enough/);
    await session.ping(neverAborted());
    assert.deepEqual(asked(server, 'EPSV', 'LIST'), [1, 0]);
    assert.deepEqual(await askAll(session), unchanged);
    assert.deepEqual(asked(server, 'LIST'), [1]);
    await session.close();
  });

  it('is not asked for where nobody wants it any more by the time that the look comes', async () => {
    const enough = new AbortController();
    const answers = proftpd();
    await using server = await OddFtpServer.start({
      ...answers,
      STAT: async (talk, argument) => {
        if (talk.count === 0) {
          enough.abort(new Error('enough'));
          await sleep(50);
        }
        await answers.STAT?.(talk, argument);
      },
    });
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(askAll(session, {}, enough.signal), /enough/);
    // Whatever the look would lead to has its turn before the second.
    for (let turn = 0; turn < 2; turn += 1) await session.ping(neverAborted());
    assert.deepEqual(asked(server, 'STAT', 'LIST'), [1, 0]);
    await session.close();
  });

  it('is left alone when nobody wants it any more', async () => {
    const enough = new AbortController();
    await using server = await OddFtpServer.start(
      proftpd(before, {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(sent(before).slice(0, cut), 'later');
          await sleep(100);
          enough.abort(new Error('enough'));
          await data('');
          say('226 Done');
        },
      }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(askAll(session, {}, enough.signal), /enough/);
    await session.ping(neverAborted());
    assert.deepEqual(asked(server, 'STAT', 'MLSD'), [1, 0]);
    assert.deepEqual(await askAll(session, { wholeSubtree: false }), unchanged);
    assert.deepEqual(asked(server, 'STAT'), [1 + paths.length]);
    await session.close();
  });

  it('does not hold up who closes the session', async () => {
    await using server = await OddFtpServer.start(
      proftpd(before, {
        LIST: async ({ say, data }) => {
          say('150 Here it comes');
          await data(sent(before).slice(0, cut), 'later');
        },
      }),
    );
    const session = await server.remote().connect(neverAborted());
    const enough = new AbortController();
    const asking = askAll(session, {}, enough.signal);
    setTimeout(() => enough.abort(new Error('enough')), 100);
    await assert.rejects(asking, /enough/);
    const from = performance.now();
    await session.close();
    assert.ok(performance.now() - from < 3_000);
  });
});
