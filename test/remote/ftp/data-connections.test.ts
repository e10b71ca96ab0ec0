import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withSession } from '../fixture.ts';
import { ask, facts, pure } from './odd-listing.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

const paths = Array.from({ length: 10 }, (_, index) => `/d${index}`);
const asked = ({ commands }: OddFtpServer, verb: string): number =>
  commands.filter((command) => command.startsWith(verb)).length;

/** Says that it is ProFTPD, which is not asked by STAT for directories that are unknown. */
const proftpd = (more: Answers): Answers =>
  pure({ GREETING: ({ say }) => say('220 ProFTPD Server'), ...more });

async function assertListed(server: OddFtpServer): Promise<void> {
  const answers = await withSession(server.remote(), (session) => ask(session, paths));
  assert.equal(answers.length, paths.length);
  for (const answer of answers) assert.ok(answer.status === 'complete' && answer.entries.length === 2);
}

async function until(holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < 200 && !holds(); waited += 1) await sleep(5);
  return holds();
}

describe('FTP: data connections one after another', () => {
  it('are asked for as soon as the data before has ended, without waiting for the reply', async () => {
    let early = 0;
    await using server = await OddFtpServer.start(
      proftpd({
        MLSD: async ({ say, data, count }) => {
          say('150 Opening');
          await data(facts);
          const isLast = count === paths.length - 1;
          if (!isLast && (await until(() => asked(server, 'EPSV') > count + 1))) early += 1;
          say('226 Transfer complete');
        },
      }),
    );
    await assertListed(server);
    assert.ok(early >= paths.length - 4, `${early} times, all but where nothing was waiting`);
    assert.equal(asked(server, 'EPSV'), paths.length);
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
