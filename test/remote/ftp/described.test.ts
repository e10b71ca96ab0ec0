import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ProbesFailed } from '../../../shared/remote/probes-failed.ts';
import type { Listing, Unchanged } from '../../../shared/tree/listing.ts';
import { pureFtpdMissing, startPureFtpd } from '../../servers/pure-ftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { neverAborted, scratch, withSession } from '../fixture.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';
import { aFile, ask, dots, pure, seen, send, unlisted } from './odd-listing.ts';
import { type Answers, OddFtpServer } from './odd-server.ts';

const own = 'type=cdir;modify=20251121000000;unique=g1;';
const factsOf: Readonly<Record<string, string>> = {
  'a.csv': 'type=file;size=5;modify=20251121000107;unique=g2;',
  deeper: 'type=dir;modify=20251121000208;unique=g3;',
};
const listed = [`${own} .`, ...Object.entries(factsOf).map(([name, facts]) => `${facts} ${name}`)];

/** Pure-FTPd with `..` in its listings, as it counts its lines. */
function describing(more: Answers = {}): Answers {
  return pure({
    OPTS: ({ say }) => say('200 OK'),
    MLST: ({ say }, name) => {
      const facts = name === '.' ? own : factsOf[name];
      if (facts === undefined) say("550 Can't check for file existence");
      else say('250-Begin', ` ${facts} ${name}`, '250 End.');
    },
    MLSD: (talk) => counted(talk, [...listed, 'type=pdir;modify=20251121000000; ..']),
    ...more,
  });
}

async function counted(talk: Parameters<typeof send>[0], lines: readonly string[]): Promise<void> {
  talk.say('150 Accepted data connection');
  await talk.data(lines.map((line) => `${line}\r\n`).join(''));
  talk.say('226-Options: -a -l ', `226 ${lines.length} matches total`);
}

const paths = Array.from({ length: 30 }, (_, index) => `/d${index}`);
const asked = ({ commands }: OddFtpServer, verb: string): number =>
  commands.filter((command) => command.startsWith(verb)).length;

function assertExact(answers: readonly (Listing | Unchanged)[]): void {
  for (const answer of answers) {
    assert.ok(answer.status === 'complete', JSON.stringify(answer));
    assert.deepEqual(
      [...answer.entries].map(({ name, kind, size, modifiedAt }) => [name, kind, size, modifiedAt]),
      [
        ['a.csv', 'file', 5, Date.UTC(2025, 10, 21, 0, 1, 7)],
        ['deeper', 'directory', null, Date.UTC(2025, 10, 21, 0, 2, 8)],
      ],
    );
  }
}

describe('FTP: directories described by MLST', () => {
  it('are what MLSD would show, with one data connection for all of them', async () => {
    await using server = await OddFtpServer.start(describing());
    const answers = await withSession(server.remote(), (session) => ask(session, paths));
    assert.equal(answers.length, 30);
    assertExact(answers);
    assert.ok(answers.every((answer) => answer.status === 'complete' && answer.probe !== undefined));
    assert.deepEqual([asked(server, 'MLSD'), asked(server, 'MLST')], [1, 29 * 3]);
  });

  it('are listed on a data connection while nothing shows that STAT is not cut', async () => {
    const cut = [...dots, aFile];
    await using server = await OddFtpServer.start(
      describing({
        STAT: ({ say }) => say('213-STAT', ...cut, '213 End.'),
        MLSD: async (talk) => {
          talk.say('150 Accepted data connection');
          await talk.data(`${listed.map((line) => `${line}\r\n`).join('')}`);
          talk.say('226-Options: -a -l ', '226 Output truncated to 3 matches');
        },
      }),
    );
    const answers = await withSession(server.remote(), (session) => ask(session, paths));
    for (const answer of answers) {
      assert.ok(answer.status === 'partial');
      assert.equal(answer.reason, 'truncated');
    }
    assert.equal(asked(server, 'MLST'), 0);
  });

  it('are listed on a data connection where the server does not say that it cut nothing', async () => {
    await using server = await OddFtpServer.start(
      describing({ MLSD: (talk) => send(talk, listed.map((line) => `${line}\r\n`).join('')) }),
    );
    assertExact(await withSession(server.remote(), (session) => ask(session, paths)));
    assert.deepEqual([asked(server, 'MLSD'), asked(server, 'MLST')], [30, 0]);
  });

  const refusals: Answers = {
    'one of them is gone since the look': ({ say }, name) =>
      name === 'a.csv' ? say('550 No such file') : say('250-Begin', ` ${own} ${name}`, '250 End.'),
    'MLST is not known': ({ say }) => say('502 Not here'),
  };
  for (const [what, MLST] of Object.entries(refusals)) {
    it(`are listed on a data connection where ${what}`, async () => {
      await using server = await OddFtpServer.start(describing({ MLST }));
      assertExact(await withSession(server.remote(), (session) => ask(session, paths)));
      assert.equal(asked(server, 'MLSD'), 30);
    });
  }

  for (const [what, line] of [
    ['a link', 'lrwxrwxrwx 1 a b 5 Nov 21  2025 a.csv -> b.csv'],
    ['a name that a command could change', '-rw-r--r-- 1 a b 5 Nov 21  2025 a"b"'],
  ] as const) {
    it(`are listed on a data connection where there is ${what}`, async () => {
      await using server = await OddFtpServer.start(
        describing({ STAT: ({ say }) => say('213-STAT', ...seen, line, '213 End.') }),
      );
      assertExact(await withSession(server.remote(), (session) => ask(session, paths)));
      assert.deepEqual([asked(server, 'MLSD'), asked(server, 'MLST')], [30, 0]);
    });
  }

  it('end the session where a reply is about another name', async () => {
    await using server = await OddFtpServer.start(
      describing({ MLST: ({ say }) => say('250-Begin', ' type=file;size=5; other.csv', '250 End.') }),
    );
    const session = await server.remote().connect(neverAborted());
    await assert.rejects(ask(session, paths), ProbesFailed);
    await session.close();
  });

  it('are not believed where the directory is another than its parent showed', async () => {
    await using server = await OddFtpServer.start(describing());
    await withSession(server.remote(), async (session) => {
      assertExact(await ask(session, ['/d']));
      // Its parent says g3, it says of itself g1.
      const [child] = await ask(session, ['/d/deeper']);
      assert.ok(child?.status === 'partial', JSON.stringify(child));
      assert.equal(child.reason, 'not-found');
    });
  });

  it('are never, on ProFTPD, which can cut each directory elsewhere', async () => {
    await using server = await OddFtpServer.start(
      describing({
        GREETING: ({ say }) => say('220 ProFTPD Server'),
        STAT: ({ say }) => say('212-Status of .:', ...seen.map((line) => ` ${line}`), '212 End of status'),
      }),
    );
    const probe = { digest: '0'.repeat(24), since: null };
    assertExact(await withSession(server.remote(), (s) => ask(s, paths, { ...unlisted, probe })));
    assert.deepEqual([asked(server, 'MLSD'), asked(server, 'MLST')], [30, 0]);
  });
});

void describe('Pure-FTPd itself', {
  skip: skipReason({ name: 'Pure-FTPd', available: pureFtpdMissing }),
}, () => {
  it('that shows twenty lines loses nothing in a directory that is cut, whatever was described before', async () => {
    const server = await startPureFtpd({ limitRecursion: 20 });
    try {
      const { local, remote } = await scratch(await ftpFixture(server));
      // With `.` and `..`, eighteen files are the very twenty lines.
      const counts = Array.from({ length: 60 }, (_, index) => [3, 17, 18, 5, 19, 30, 0, 8][index % 8] ?? 0);
      for (const [index, count] of counts.entries()) {
        mkdirSync(join(local, `d${index}`));
        for (let file = 0; file < count; file += 1) writeFileSync(join(local, `d${index}`, `f${file}`), 'x');
      }
      const answers = await withSession(ftpRemote(server), (session) =>
        ask(
          session,
          counts.map((_, index) => `${remote}/d${index}`),
        ),
      );
      assert.equal(answers.length, counts.length);
      for (const answer of answers) {
        const count = counts[Number(/\d+$/.exec(answer.path)?.[0])] ?? 0;
        // Twenty lines are cut as well as twenty-one, since nobody can tell.
        if (count + 2 >= 20) assert.ok(answer.status === 'partial' && answer.reason === 'truncated');
        else assert.ok(answer.status === 'complete' && answer.entries.length === count, answer.path);
      }
    } finally {
      await server.stop();
    }
  });

  it('is not sent more over TLS than it reads at a time, or it would never answer', async () => {
    const server = await startPureFtpd({ tls: 'explicit' });
    try {
      const { local, remote } = await scratch(await ftpFixture(server));
      const names = Array.from({ length: 80 }, (_, index) => `${index}-${'x'.repeat(200)}`);
      for (const name of names) {
        mkdirSync(join(local, name));
        for (const file of ['a', 'b', 'c', 'd', 'e']) writeFileSync(join(local, name, file + name), 'x');
      }
      const answers = await withSession(ftpRemote(server, { responseTimeoutMs: 3_000 }), (session) =>
        ask(
          session,
          names.map((name) => `${remote}/${name}`),
        ),
      );
      assert.equal(answers.length, names.length);
      for (const answer of answers) assert.ok(answer.status === 'complete' && answer.entries.length === 5);
    } finally {
      await server.stop();
    }
  });
});
