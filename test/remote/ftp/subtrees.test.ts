import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDelayRelay } from '../../bench/delay-relay.ts';
import { type ProftpdOptions, proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { neverAborted, scratch } from '../fixture.ts';
import { Watcher } from '../watcher.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';

/** Names that end in a slash are directories; all that a client can list exactly. */
const tree = [
  'top',
  'a/x',
  'a/y',
  'a/in/deep/z',
  'a/empty/',
  'b/x',
  'b/in/x',
  'b/x:/y',
  "b/it's [g]* ~/-aR",
  'b/two  blanks /.hidden',
  'b/ünï/"q"',
  'b/back\\slash/$HOME',
  'c/in/x',
  'z/x',
];
const directories = 15;

interface Stage {
  readonly local: string;
  readonly remote: string;
  /** Looks, and sees exactly what is there; says how many directories a look was enough for. */
  readonly look: () => Promise<number>;
  /** Commands since the last time: `LIST -aR`, STAT, MLSD. */
  readonly asked: () => readonly number[];
}

/** A tree that is some days old and known so well that a look will do. */
async function withTree(
  {
    lines = [],
    files = tree,
    isFar = false,
    ...options
  }: ProftpdOptions & { readonly files?: readonly string[]; readonly isFar?: boolean },
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  using log = new CommandLog();
  const server = await startProftpd({ ...options, lines: [...log.lines, ...lines] });
  // Times are filled in only where that spares round trips.
  const relay = await startDelayRelay(server.config.port, isFar ? 3 : 0);
  try {
    const { local, remote } = await scratch(await ftpFixture(server));
    for (const path of files) make(join(local, path));
    age(local);
    let now = Date.now();
    const probing = await ftpRemote(server, { port: relay.port }, {}, () => now).connect(neverAborted());
    const exact = await ftpRemote(server, { probe: 'off' }).connect(neverAborted());
    const [one, other] = [new Watcher(probing, remote), new Watcher(exact, remote)];
    const look = async (): Promise<number> => {
      now += 100_000;
      const before = one.unchanged;
      log.take();
      const seen = await one.look();
      asked = log.take('LIST -aR', 'STAT', 'MLSD');
      assert.deepEqual(seen, await other.look());
      return one.unchanged - before;
    };
    let asked: readonly number[] = [];
    for (let round = 0; round < 3; round += 1) await look();
    try {
      await play({ local, remote, look, asked: () => asked });
    } finally {
      await Promise.all([probing.close(), exact.close()]);
    }
  } finally {
    await relay.stop();
    await server.stop();
  }
}

function make(path: string): void {
  const directory = path.endsWith('/') ? path : join(path, '..');
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (!path.endsWith('/')) writeFileSync(path, path);
}

/** Three days ago. */
const then = Math.floor(Date.now() / 1_000) - 3 * 86_400;

/** Everything is as old. */
function age(path: string): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) age(join(path, name));
  utimesSync(path, then, then);
}

void describe('ProFTPD: a subtree at once', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
  timeout: 120_000,
}, () => {
  for (const options of [{}, { tls: 'explicit' }] as const) {
    it(`shows by one LIST that nothing has changed${'tls' in options ? ', over TLS' : ''}`, () =>
      withTree(options, async ({ look, asked }) => {
        for (const _ of [1, 2]) {
          assert.equal(await look(), directories);
          // The first directory is looked at by STAT.
          assert.deepEqual(asked(), [1, 1, 0]);
        }
      }));
  }

  const changes: Readonly<Record<string, (at: (path: string) => string) => void>> = {
    'a file is created': (at) => writeFileSync(at('a/in/deep/new'), 'x'),
    'a file is deleted': (at) => rmSync(at('b/in/x')),
    'a file has another size': (at) => {
      writeFileSync(at('c/in/x'), 'another size');
      utimesSync(at('c/in/x'), then, then);
    },
    'a file has another time': (at) => utimesSync(at('a/x'), 1_700_000_000, 1_700_000_000),
    'the last file of all has another time': (at) => utimesSync(at('z/x'), 1_700_000_000, 1_700_000_000),
    'the first file of all has another time': (at) => utimesSync(at('top'), 1_700_000_000, 1_700_000_000),
    'a file is renamed': (at) => renameSync(at('a/y'), at('a/w')),
    'a file is moved': (at) => renameSync(at('a/y'), at('c/in/y')),
    'a directory is created': (at) => mkdirSync(at('a/new/in'), { recursive: true }),
    'a directory with all in it is deleted': (at) => rmSync(at('b'), { recursive: true }),
    'a directory is renamed': (at) => renameSync(at('a/in'), at('a/on')),
    'a directory is moved': (at) => renameSync(at('a/in'), at('c/in/in')),
    'two directories change places': (at) => {
      renameSync(at('a'), at('t'));
      renameSync(at('b'), at('a'));
      renameSync(at('t'), at('b'));
    },
    'a directory becomes a file': (at) => {
      rmSync(at('a/empty'), { recursive: true });
      writeFileSync(at('a/empty'), '');
    },
    'a link takes the place of a directory that is elsewhere now': (at) => {
      renameSync(at('b'), at('z/b'));
      symlinkSync('z/b', at('b'));
    },
    'there is a link': (at) => symlinkSync('/etc', at('b/etc')),
    'a directory cannot be read any more': (at) => chmodSync(at('b/in'), 0o300),
    'a directory cannot be entered any more': (at) => chmodSync(at('b/in'), 0o600),
    'a name has line breaks and looks like a section': (at) => writeFileSync(at('a/x\r\n\r\nb:\r\ny'), ''),
    'the name of a directory looks like a section': (at) => mkdirSync(at('a/in:\r\ndrwxr-xr-x')),
    'the name of a file has a carriage return': (at) => writeFileSync(at('a/Icon\r'), ''),
    'the target of a link looks like a section': (at) => symlinkSync('x\r\n\r\nb:\r\ny', at('a/l')),
  };
  for (const [what, change] of Object.entries(changes)) {
    for (const isFar of [false, true]) {
      it(`hides nothing where ${what}${isFar ? ', far away' : ''}`, () =>
        withTree({ isFar }, async ({ local, look }) => {
          change((path) => join(local, path));
          const enough = await look();
          assert.ok(enough > 0 && enough < directories, `${enough} looks were enough`);
          await look();
          await look();
        }));
    }
  }

  it('what has changed is described name by name the next time, far away', () =>
    withTree({ isFar: true }, async ({ local, look, asked }) => {
      writeFileSync(join(local, 'c/in/x'), 'another size');
      utimesSync(join(local, 'c/in/x'), then, then);
      const exactly: (number | undefined)[] = [];
      for (const enough of [directories - 1, directories - 1, directories]) {
        assert.equal(await look(), enough);
        exactly.push(asked()[2]);
      }
      assert.deepEqual(exactly, [1, 0, 0]);
    }));

  it('is asked for again below what has changed', () =>
    withTree({}, async ({ local, look, asked }) => {
      writeFileSync(join(local, 'new'), '');
      assert.equal(await look(), directories - 1);
      const [lists = 0, stats = 0, exact = 0] = asked();
      assert.ok(lists > 1 && stats <= 5 && exact === 1, String(asked()));
    }));

  /** More than fits into any buffer on the way. */
  const large = Array.from(
    { length: 15_000 },
    (_, index) => `d${100 + (index % 30)}/${'long'.repeat(15)}${index}`,
  );
  for (const options of [{}, { tls: 'explicit' }] as const) {
    it(`is read to its end where the rest is of no use${'tls' in options ? ', over TLS' : ''}: no LIST of ProFTPD may be broken off`, () =>
      withTree({ ...options, files: [...large, 'd100/in/x'] }, async ({ local, look, asked }) => {
        symlinkSync('/etc', join(local, 'd100', 'in', 'etc'));
        utimesSync(join(local, 'd129', large[29]?.slice(5) ?? ''), 1_700_000_000, 1_700_000_000);
        assert.equal(await look(), 30);
        assert.deepEqual(asked(), [1, 31, 2]);
        assert.equal(await look(), 30);
      }));
  }

  it('does not hold up who closes the session, and leaves no doubt that it has ended', async () => {
    const server = await startProftpd();
    try {
      const { local, remote } = await scratch(await ftpFixture(server));
      for (const path of large) make(join(local, path));
      age(local);
      let now = Date.now();
      const session = await ftpRemote(server, {}, {}, () => now).connect(neverAborted());
      const watcher = new Watcher(session, remote);
      for (let round = 0; round < 3; round += 1, now += 100_000) await watcher.look();
      const enough = new AbortController();
      const looking = watcher.look(enough.signal);
      await sleep(150);
      enough.abort(new Error('enough'));
      await assert.rejects(looking, /enough/);
      const from = performance.now();
      assert.deepEqual(await session.close(), { clean: true });
      assert.ok(performance.now() - from < 3_000);
    } finally {
      await server.stop();
    }
  });

  it('is not asked for three times in vain', () =>
    withTree({ lines: ['ListOptions "" strict'] }, async ({ look, asked }) => {
      assert.equal(await look(), directories);
      const [lists = 0, stats] = asked();
      assert.ok(lists <= 4, String(asked()));
      assert.ok(stats !== undefined && stats >= directories - 4, String(asked()));
      await look();
      assert.deepEqual(asked(), [0, directories, 0]);
    }));

  for (const limit of ['maxfiles 12', 'maxdirs 4', 'maxdepth 2']) {
    it(`loses nothing where ProFTPD shows no more than ${limit}`, () =>
      withTree({ lines: [`ListOptions "" ${limit}`] }, async ({ local, look }) => {
        await look();
        writeFileSync(join(local, 'z', 'new'), '');
        rmSync(join(local, 'b', 'in', 'x'));
        await look();
        utimesSync(join(local, 'c', 'in', 'x'), 1_700_000_000, 1_700_000_000);
        await look();
      }));
  }
});
