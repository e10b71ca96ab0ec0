import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Listing, PartialReason } from '../../../shared/tree/listing.ts';
import { nameFromBytes } from '../../../shared/tree/name.ts';
import { type ProftpdOptions, proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from '../../servers/pure-ftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import type { TestServer } from '../../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../../servers/vsftpd.ts';
import {
  bytesOf,
  listComplete,
  listOne,
  namesOf,
  neverAborted,
  rawPath,
  remotePath,
  scratch,
  withSession,
} from '../fixture.ts';
import { Watcher } from '../watcher.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';

/** Each byte 0xFF is followed by a letter, by the end, by itself or by a command of Telnet with or without an option. */
const names = [
  'a\xffb',
  '\xff',
  'a\xff',
  '\xff\xff',
  '\xff\xff\xff',
  'a\xff\xffb',
  '\xff\xfe',
  '\xff\xfbq',
  '\xff\xf4b',
  'a\xff\xf2',
  '\xff\xf0',
  'a\xff\xfe\xffb',
];
/** What is left of some of them where Telnet's commands are taken out. */
const lookalikes = ['a', 'b', 'ab', 'a\xff\xff\xff\xffb', '\xfe'];

const kinds = [
  { name: 'vsftpd', missing: vsftpdMissing, start: () => startVsftpd() },
  { name: 'vsftpd over TLS', missing: vsftpdMissing, start: () => startVsftpd({ tls: 'explicit' }) },
  { name: 'Pure-FTPd', missing: pureFtpdMissing, start: () => startPureFtpd() },
  { name: 'Pure-FTPd over TLS', missing: pureFtpdMissing, start: () => startPureFtpd({ tls: 'explicit' }) },
  { name: 'ProFTPD', missing: proftpdMissing, start: () => startProftpd() },
  { name: 'ProFTPD over TLS', missing: proftpdMissing, start: () => startProftpd({ tls: 'explicit' }) },
  {
    name: 'ProFTPD without encoding',
    missing: proftpdMissing,
    start: () => startProftpd({ lines: ['UseEncoding off'] }),
  },
] as const;

/** Two hours ago: old enough for a look to do. */
const then = Math.floor(Date.now() / 1_000) - 7_200;

/** A directory with a file that has a name of its own, and one directory in it. */
function make(path: Buffer, mark: string): void {
  for (const at of [path, Buffer.concat([path, bytesOf('/\xff')])]) {
    mkdirSync(at);
    writeFileSync(Buffer.concat([at, bytesOf(`/${mark}`)]), mark);
  }
  for (const below of [`/\xff/${mark}`, `/${mark}`, '/\xff', '']) {
    utimesSync(Buffer.concat([path, bytesOf(below)]), then, then);
  }
}

const markOf = (name: string): string => `in-${bytesOf(name).toString('hex')}`;

async function serving(server: TestServer, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await server.stop();
  }
}

/** Walks the tree by listings alone, then by looks until they are enough: the same each time. */
async function walks(server: TestServer, root: string): Promise<ReadonlyMap<string, readonly string[]>> {
  let now = Date.now();
  const exact = await withSession(ftpRemote(server, { probe: 'off' }), (s) => new Watcher(s, root).look());
  const session = await ftpRemote(server, {}, {}, () => now).connect(neverAborted());
  try {
    const watcher = new Watcher(session, root);
    for (let round = 0; round < 4; round += 1, now += 4_000_000) {
      const before = watcher.unchanged;
      assert.deepEqual(await watcher.look(), exact, `round ${round}`);
      if (round === 3) assert.equal(watcher.unchanged - before, exact.size, 'looks are enough');
    }
  } finally {
    await session.close();
  }
  return new Map([...exact].map(([path, { files }]) => [path, files]));
}

for (const { name, missing, start } of kinds) {
  void describe(`${name}: names with the byte 0xFF`, {
    skip: skipReason({ name, available: missing }),
    timeout: 120_000,
  }, () => {
    it('are directories with their own content each, by looks and by listings', async () => {
      const server = await start();
      await serving(server, async () => {
        const { local, remote } = await scratch(await ftpFixture(server));
        const all = [...names, ...lookalikes];
        for (const each of all) {
          make(rawPath(local, bytesOf(each)), markOf(each));
          const file = rawPath(local, bytesOf(`f${each}`));
          writeFileSync(file, 'x');
          utimesSync(file, then, then);
        }
        utimesSync(local, then, then);
        const files = await walks(server, remote);
        const expected = new Map<string, readonly string[]>([
          [remote, all.map((each) => nameFromBytes(bytesOf(`f${each}`))).toSorted()],
        ]);
        for (const each of all) {
          const path = remotePath(remote, bytesOf(each));
          expected.set(path, [markOf(each)]);
          expected.set(remotePath(path, bytesOf('\xff')), [markOf(each)]);
        }
        assert.deepEqual(files, expected);
      });
    });

    if (name.includes('TLS')) return;

    it('are not taken for others', async () => {
      const server = await start();
      await serving(server, async () => {
        const { local, remote } = await scratch(await ftpFixture(server));
        const all = [...names, ...lookalikes];
        for (const each of all) make(rawPath(local, bytesOf(each)), markOf(each));
        for (const each of names) {
          const path = remotePath(remote, bytesOf(each));
          const own = rawPath(local, bytesOf(each));
          rmSync(own, { recursive: true });
          // In a session that knows nothing yet of how the server reads such names.
          await withSession(ftpRemote(server), async (s) =>
            assertPartial(await listOne(s, path), 'not-found'),
          );
          make(own, markOf(each));
          await withSession(ftpRemote(server), async (session) => {
            assert.deepEqual(namesOf(await listComplete(session, path)), [markOf(each), '\udcff'].sort());
            chmodSync(own, 0o000);
            assertPartial(await listOne(session, path), 'denied');
            chmodSync(own, 0o755);
          });
        }
      });
    });
  });
}

function assertPartial(listing: Listing, reason: PartialReason): void {
  const { path, status, entries } = listing;
  assert.deepEqual([status, entries], ['partial', []], path);
  assert.equal(listing.status === 'partial' && listing.reason, reason, path);
}

void describe('ProFTPD with a charset that has the byte 0xFF', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
  timeout: 60_000,
}, () => {
  const words: Readonly<Record<string, string>> = {
    пять: '\xef\xff\xf2\xfc',
    статья: '\xf1\xf2\xe0\xf2\xfc\xff',
    яблоко: '\xff\xe1\xeb\xee\xea\xee',
    я: '\xff',
    яя: '\xff\xff',
  };
  const charsets: Readonly<Record<string, ProftpdOptions['lines']>> = {
    'which the client may leave': ['UseEncoding UTF-8 CP1251'],
    'and no other': ['UseEncoding UTF-8 CP1251 strict'],
  };
  for (const [which, lines = []] of Object.entries(charsets)) {
    it(`${which}: lists its directories, each by itself and all of them`, async () => {
      using log = new CommandLog();
      const server = await startProftpd({ lines: [...log.lines, ...lines] });
      await serving(server, async () => {
        const wireName = (word: string): string =>
          which === 'and no other' ? nameFromBytes(bytesOf(words[word] ?? '')) : word;
        const all = Object.keys(words);
        for (const some of [...all.map((word) => [word]), all]) {
          const { local, remote } = await scratch(await ftpFixture(server));
          for (const word of some) {
            mkdirSync(`${local}/${word}`);
            writeFileSync(`${local}/${word}/${some.indexOf(word)}`, '');
            for (const path of [`/${word}/${some.indexOf(word)}`, `/${word}`])
              utimesSync(`${local}${path}`, then, then);
          }
          utimesSync(local, then, then);
          const expected: [string, readonly string[]][] = [[remote, []]];
          for (const word of some)
            expected.push([`${remote}/${wireName(word)}`, [String(some.indexOf(word))]]);
          const seen = await walks(server, remote);
          assert.deepEqual(seen, new Map(expected));
          // Once a session.
          assert.ok(log.take('CWD farwatch').every((asked) => asked <= 2));
        }
      });
    });
  }
});
