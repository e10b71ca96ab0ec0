import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProbesFailed } from '../../../shared/remote/probes-failed.ts';
import type { Known } from '../../../shared/remote/remote.ts';
import { proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { neverAborted, scratch, withSession } from '../fixture.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';
import { ask, facts, pure, seen, send, unlisted } from './odd-listing.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

const paths = Array.from({ length: 10 }, (_, index) => `/d${index}`);
const asked = ({ commands }: OddFtpServer, verb: string): number =>
  commands.filter((command) => command.startsWith(verb)).length;

/** Says that it is ProFTPD, which is not asked by STAT for directories that are unknown. */
const proftpd = (more: Answers): Answers =>
  pure({ GREETING: ({ say }) => say('220 ProFTPD Server'), ...more });

/** Asked for by MLSD at once, where others would be looked at. */
const tooLarge: Known = { ...unlisted, entries: 1_000_000 };
/** Whether two commands came together. */
const isBoth = (piece: string): boolean => /^MLSD .*\r\nEPSV\r\n$/.test(piece);

async function assertListed(server: OddFtpServer, known?: Known): Promise<void> {
  const answers = await withSession(server.remote(), (session) => ask(session, paths, known));
  assert.equal(answers.length, paths.length);
  for (const answer of answers) assert.ok(answer.status === 'complete' && answer.entries.length === 2);
}

/** Sends what MLSD shows, and notes whether our side had ended by then. */
const noting =
  (early: boolean[]): NonNullable<Answers[string]> =>
  async (talk) => {
    early.push(await talk.endsEarly());
    await send(talk, facts);
  };

async function until(holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < 200 && !holds(); waited += 1) await sleep(5);
  return holds();
}

describe('FTP: data connections one after another', () => {
  it('are asked for as soon as the data before has ended, without waiting for the reply', async () => {
    let early = 0;
    await using server = await OddFtpServer.start(
      pure({
        MLSD: async ({ say, data, count }) => {
          say('150 Opening');
          await data(facts);
          const isLast = count === paths.length - 1;
          if (!isLast && (await until(() => asked(server, 'EPSV') > count + 1))) early += 1;
          say('226 Transfer complete');
        },
      }),
    );
    await assertListed(server, tooLarge);
    assert.ok(early >= paths.length - 4, `${early} times, all but where nothing was waiting`);
    assert.equal(asked(server, 'EPSV'), paths.length);
    assert.ok(server.pieces.every((piece) => !isBoth(piece)));
  });

  const spoilt: Answers = {
    'the server is not ready for another yet': async ({ say, listen, count }) =>
      count % 2 === 1 ? say('450 EPSV: data transfer in progress') : said(say, await listen()),
    'nobody listens there any more': async ({ say, listen, count }) =>
      said(say, count % 2 === 1 ? await deadPort() : await listen()),
  };
  for (const [what, EPSV] of Object.entries(spoilt)) {
    it(`are asked for again where ${what}`, async () => {
      await using server = await OddFtpServer.start(
        proftpd({
          EPSV,
          MLSD: async ({ say, data }) => {
            say('150 Opening');
            await data(facts);
            await sleep(20);
            say('226 Transfer complete');
          },
        }),
      );
      await assertListed(server);
      assert.ok(asked(server, 'EPSV') > paths.length);
    });
  }
});

describe('ProFTPD: data connections that end early', () => {
  it('are asked for in one piece with the command before, and end on our side first', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: noting(early),
      }),
    );
    await assertListed(server);
    assert.deepEqual(
      early,
      paths.map(() => true),
    );
    assert.ok(server.pieces.filter(isBoth).length >= paths.length - 4, server.pieces.join());
    assert.equal(asked(server, 'EPSV'), paths.length);
  });

  it('show all where the replies come before the data', async () => {
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: ({ say, data }) => {
          say('150 Opening', '226 Transfer complete');
          void sleep(30).then(() => data(facts));
        },
      }),
    );
    await assertListed(server);
  });

  it('end as before where the server reads the command for the next one too soon', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        EPSV: async ({ say, listen, count }) => {
          if (count !== 1) said(say, await listen());
        },
        MLSD: async (talk) => {
          const { say, data, count } = talk;
          early.push(await talk.endsEarly());
          say('150 Opening');
          if (count === 0) say('450 EPSV: data transfer in progress');
          await data(facts);
          say('226 Transfer complete');
        },
      }),
    );
    await assertListed(server);
    assert.deepEqual(
      early,
      paths.map((_, index) => index === 0),
    );
    assert.equal(server.pieces.filter(isBoth).length, 1);
  });

  it('show all where something between cuts off what one side has ended', async () => {
    await using server = await OddFtpServer.start(
      proftpd({ MLSD: async (talk) => send(talk, (await talk.endsEarly()) ? '' : facts) }),
    );
    await assertListed(server);
    assert.equal(asked(server, 'MLSD'), paths.length + 1);
  });

  it('end as before once one has broken', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: async (talk) => {
          const isEarly = await talk.endsEarly();
          early.push(isEarly);
          talk.say('150 Opening');
          await talk.data(facts.slice(0, isEarly ? 50 : facts.length), isEarly ? 'reset' : 'in order');
          talk.say('226 Transfer complete');
        },
      }),
    );
    await assertListed(server);
    assert.deepEqual(early, [true, ...paths.map(() => false)]);
  });

  it('are done without once something has swallowed the command for the next one', async () => {
    let early = 0;
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: async (talk) => {
          if (await talk.endsEarly()) early += 1;
          await send(talk, facts);
        },
        EPSV: async ({ say, listen }) => {
          if (!isBoth(server.pieces.at(-1) ?? '')) said(say, await listen());
        },
      }),
    );
    const remote = server.remote({ responseTimeoutMs: 500 });
    await assert.rejects(
      withSession(remote, (session) => ask(session, paths)),
      ProbesFailed,
    );
    assert.equal(early, 1);
    const without = await remote.connect(neverAborted(), { probe: false });
    try {
      for (const answer of await ask(without, paths)) assert.equal(answer.status, 'complete');
    } finally {
      await without.close();
    }
    assert.equal(early, 1);
  });

  it('count for nothing where they take long, as something between may wait only so long', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: async (talk) => {
          early.push(await talk.endsEarly());
          talk.say('150 Opening');
          await talk.data(facts.slice(0, 50), 'later');
          await sleep(400);
          await talk.data(early.length === 1 ? '' : facts.slice(50));
          talk.say('226 Transfer complete');
        },
      }),
    );
    const remote = server.remote({ responseTimeoutMs: 900 });
    const [answer, ...others] = await withSession(remote, (session) => ask(session, paths.slice(0, 2)));
    assert.ok(answer?.status === 'complete' && answer.entries.length === 2);
    assert.equal(others.length, 1);
    assert.deepEqual(early, [true, false, false]);
  });

  it('are not worth it for a large directory', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: noting(early),
      }),
    );
    await assertListed(server, tooLarge);
    assert.deepEqual(
      early,
      paths.map(() => false),
    );
  });

  it('are for MLSD alone: a LIST that goes wrong may cost the session', async () => {
    const early: boolean[] = [];
    const { FEAT: _, ...answers } = proftpd({
      LIST: async (talk) => {
        early.push(await talk.endsEarly());
        await send(talk, seen.map((line) => `${line}\r\n`).join(''));
      },
    });
    await using server = await OddFtpServer.start(answers);
    await assertListed(server);
    assert.deepEqual(
      early,
      paths.map(() => false),
    );
  });

  it('stay early where a directory shows nothing in any way', async () => {
    const early: boolean[] = [];
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: async (talk, path) => {
          early.push(await talk.endsEarly());
          await send(talk, path === paths[2] ? '' : facts);
        },
      }),
    );
    const answers = await withSession(server.remote(), (session) => ask(session, paths));
    const entries = answers.map((answer) => (answer.status === 'unchanged' ? -1 : answer.entries.length));
    assert.deepEqual(
      entries,
      paths.map((_, index) => (index === 2 ? 0 : 2)),
    );
    assert.equal(early.filter((was) => !was).length, 1);
  });

  it('are kept for the next one where a directory is refused', async () => {
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: (talk, path) =>
          path === paths[2] ? talk.say(`550 ${path}: No such file or directory`) : send(talk, facts),
      }),
    );
    const answers = await withSession(server.remote(), (session) => ask(session, paths));
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual(
      statuses,
      paths.map((_, index) => (index === 2 ? 'partial' : 'complete')),
    );
    assert.equal(asked(server, 'EPSV'), paths.length);
  });

  for (const begun of [[], ['150 Opening']] as const) {
    it(`are not waited for where the server takes its leave${begun.length > 0 ? ' after it has begun' : ''}`, async () => {
      await using server = await OddFtpServer.start(
        proftpd({ MLSD: ({ say }) => say(...begun, '421 Service not available'), EPSV: onlyOnce }),
      );
      const listed = withSession(server.remote({ responseTimeoutMs: 2_000 }), (session) =>
        ask(session, paths),
      );
      await assert.rejects(listed, /ended the session/);
    });
  }
});

describe('ProFTPD itself: data connections that end early', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
}, () => {
  for (const options of [{}, { tls: 'explicit' }] as const) {
    it(`are all it needs, for small and for large directories${'tls' in options ? ', over TLS' : ''}`, async () => {
      using log = new CommandLog();
      const server = await startProftpd({ ...options, lines: log.lines });
      try {
        const { local, remote } = await scratch(await ftpFixture(server));
        // The large one is more than fits into any buffer on the way.
        const counts = Array.from({ length: 40 }, (_, index) => (index === 20 ? 20_000 : index));
        for (const [index, count] of counts.entries()) {
          mkdirSync(join(local, String(index)));
          for (let file = 0; file < count; file += 1)
            writeFileSync(join(local, String(index), `${'long'.repeat(20)}${file}`), '');
        }
        const answers = await withSession(ftpRemote(server), async (session) => {
          log.take();
          return ask(
            session,
            counts.map((_, index) => `${remote}/${index}`),
          );
        });
        const entries = new Map(
          answers.map((answer) => [
            answer.path,
            answer.status === 'complete' ? answer.entries.length : answer,
          ]),
        );
        assert.deepEqual(entries, new Map(counts.map((count, index) => [`${remote}/${index}`, count])));
        // None was refused, and none was asked for again.
        assert.deepEqual(log.take('MLSD', 'EPSV'), [counts.length, counts.length]);
      } finally {
        await server.stop();
      }
    });
  }
});

const onlyOnce: Answers[string] = async ({ say, listen, count }) => {
  if (count === 0) said(say, await listen());
};

function said(say: (line: string) => void, port: number): void {
  say(`229 Entering Extended Passive Mode (|||${port}|)`);
}

async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address === null || typeof address === 'string' ? 0 : address.port;
}
