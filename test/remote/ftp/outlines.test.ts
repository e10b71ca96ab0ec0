import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { Session } from '../../../shared/remote/remote.ts';
import type { Listing } from '../../../shared/tree/listing.ts';
import { startDelayRelay } from '../../bench/delay-relay.ts';
import { type ProftpdOptions, proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { neverAborted, scratch } from '../fixture.ts';
import { Walk } from '../watcher.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';

/** Names that end in a slash are directories. */
const plainly = [
  'top',
  'a/x',
  'a/y',
  'a/in/deep/z',
  'a/empty/',
  'b/x',
  'b/in/x',
  'b/it (2) @=+,.x/y',
  'b/ünï/ö',
  'c/in/x',
  'z/x',
];
const plainDirectories = 12;

interface Seen {
  readonly listings: ReadonlyMap<string, Listing>;
  /** `LIST -aR`, MDTM, MLSD. */
  readonly asked: readonly number[];
}

/** Lists all for the first time, and exactly as MLSD alone does. */
async function firstListing(
  { lines = [], files = plainly, ...options }: ProftpdOptions & { readonly files?: readonly string[] },
  spoil: (at: (path: string) => string) => void = () => undefined,
): Promise<Seen> {
  using log = new CommandLog();
  const server = await startProftpd({ ...options, lines: [...log.lines, ...lines] });
  // An outline is worth it only far away.
  const relay = await startDelayRelay(server.config.port, 3);
  try {
    const { local, remote } = await scratch(await ftpFixture(server));
    for (const [index, path] of files.entries()) make(join(local, path), index);
    spoil((path) => join(local, path));
    const outlining = await ftpRemote(server, { port: relay.port }).connect(neverAborted());
    const exact = await ftpRemote(server, { probe: 'off' }).connect(neverAborted());
    try {
      log.take();
      const listings = await listAll(outlining, remote);
      const asked = log.take('LIST -aR', 'MDTM', 'MLSD');
      const exactly = await listAll(exact, remote);
      assert.deepEqual(plain(listings), plain(exactly));
      return { listings, asked };
    } finally {
      await Promise.all([outlining.close(), exact.close()]);
    }
  } finally {
    await relay.stop();
    await server.stop();
  }
}

async function listAll(session: Session, root: string): Promise<ReadonlyMap<string, Listing>> {
  const listings = new Map<string, Listing>();
  const walk = new Walk(root, (path) => ({ path, wholeSubtree: true }));
  for await (const answer of session.list(walk.requests(), neverAborted())) {
    assert.ok(answer.status !== 'unchanged');
    listings.set(answer.path, answer);
    const below = [...answer.entries].filter(({ kind }) => kind === 'directory');
    walk.answered(below.map(({ name }) => `${answer.path}/${name}`));
  }
  return listings;
}

/** To be compared. */
function plain(listings: ReadonlyMap<string, Listing>): unknown {
  return new Map(
    [...listings]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, listing]) => [path, { ...listing, probe: undefined, entries: [...listing.entries] }]),
  );
}

/** Each with a time of its own, to the second. */
function make(path: string, index: number): void {
  mkdirSync(path.endsWith('/') ? path : dirname(path), { recursive: true, mode: 0o755 });
  if (path.endsWith('/')) return;
  writeFileSync(path, path.slice(0, index));
  const time = 1_600_000_000 + 12_345_678 * index;
  utimesSync(path, time, time);
}

void describe('ProFTPD: first listings', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
  timeout: 120_000,
}, () => {
  for (const options of [
    {},
    { tls: 'explicit' },
    { timezone: 'Asia/Tokyo', lines: ['TimesGMT off'] },
  ] as const) {
    it(`are exact by one LIST and times ${JSON.stringify(options)}`, async () => {
      const { listings, asked } = await firstListing(options);
      assert.equal(listings.size, plainDirectories);
      // All files but those of the first directory, which proves the outline, and the last, which may have been cut.
      assert.deepEqual(asked, [1, plainly.filter((path) => !path.endsWith('/')).length - 2, 2]);
    });
  }

  for (const limit of [
    'maxfiles 1',
    'maxfiles 7',
    'maxfiles 12',
    'maxfiles 13',
    'maxdirs 4',
    'maxdepth 2',
    'strict',
  ]) {
    it(`lose nothing with ListOptions ${limit}`, async () => {
      const { listings } = await firstListing({ lines: [`ListOptions "" ${limit}`] });
      assert.equal(listings.size, plainDirectories);
    });
  }

  it('lose nothing with all limits that could cut a listing of many', async () => {
    const files = Array.from({ length: 60 }, (_, index) => `d${index % 4}/e${index % 3}/f${index}`);
    for (let limit = 1; limit < 90; limit += 8) {
      await firstListing({ files, lines: [`ListOptions "" maxfiles ${limit}`] });
    }
  });

  it('show nothing that is hidden', async () => {
    const { listings } = await firstListing({
      lines: ['<Directory />', 'HideFiles "^(x|in)$"', '</Directory>'],
    });
    assert.ok(listings.size < plainDirectories);
  });

  for (const name of [
    'x\r\n\r\nb:\r\ny',
    'Icon\r',
    'x\n-rw-r--r-- 1 a b 5 Nov 21  2025 y',
    " it's [g]* ~/",
    '-aR',
    '20251121000000 x',
    ' x',
    'two  blanks',
    'back\\slash',
    '$HOME',
    '"q"',
  ]) {
    it(`are exact with the name ${JSON.stringify(name)}`, async () => {
      await firstListing({ files: [...plainly, `a/${name}`, `b/in/${name.replaceAll('/', '')}d/x`] });
    });
  }

  it('are exact where the name of a directory looks like a heading', async () => {
    await firstListing({}, (at) => {
      mkdirSync(at('a/in:\r\ndrwxr-xr-x'));
      mkdirSync(at(`a/in:\r\n\r\n${at('b').replace(/^\//, '')}`), { recursive: true });
    });
  });

  it('are exact with links, broken ones and those that look like a heading', async () => {
    await firstListing({}, (at) => {
      symlinkSync('/etc', at('b/etc'));
      symlinkSync('nowhere', at('c/broken'));
      symlinkSync('../b', at('a/b'));
      symlinkSync('x\r\n\r\nb:\r\ny', at('a/in/l'));
    });
  });
});
