import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FtpServer } from '../../../shared/config/config.ts';
import { RemoteAuth, RemoteProtocol, RemoteUnavailable } from '../../../shared/failure.ts';
import type { FtpRemote } from '../../../shared/remote/ftp/ftp-remote.ts';
import { proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from '../../servers/pure-ftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import type { StartOptions, TestServer } from '../../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../../servers/vsftpd.ts';
import {
  assertComplete,
  byName,
  bytesOf,
  listComplete,
  listOne,
  namesOf,
  neverAborted,
  rawPath,
  remotePath,
  scratch,
  withSession,
  writeFiles,
} from '../fixture.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';
import { ask } from './odd-listing.ts';

const kinds = [
  { name: 'vsftpd', missing: vsftpdMissing, start: (options?: StartOptions) => startVsftpd(options) },
  { name: 'ProFTPD', missing: proftpdMissing, start: (options?: StartOptions) => startProftpd(options) },
  {
    name: 'Pure-FTPd',
    missing: pureFtpdMissing,
    // It has no TLS from the first byte.
    start: ({ tls, ...options }: StartOptions = {}) =>
      startPureFtpd(tls === undefined ? options : { ...options, tls: 'explicit' }),
  },
] as const;

async function serving(
  start: (options?: StartOptions) => Promise<TestServer>,
  options: StartOptions,
  work: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await start(options);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

async function refusedAs(remote: FtpRemote, message: RegExp): Promise<RemoteAuth> {
  try {
    await (await remote.connect(neverAborted())).close();
  } catch (error) {
    assert.ok(error instanceof RemoteAuth, String(error));
    assert.match(error.message, message);
    return error;
  }
  return assert.fail('it connects');
}

for (const { name, missing, start } of kinds) {
  void describe(`${name}: what real servers do`, { skip: skipReason({ name, available: missing }) }, () => {
    it('calls a directory that may be read or entered, but not both, partial', async () => {
      await serving(start, {}, async (server) => {
        const place = await scratch(await ftpFixture(server));
        for (const [directory, mode] of [
          ['enter-only', 0o311],
          ['read-only', 0o444],
        ] as const) {
          const path = join(place.local, directory);
          await mkdir(path);
          await writeFiles(path, ['inside']);
          await chmod(path, mode);
          const listing = await withSession(ftpRemote(server), (s) =>
            listOne(s, `${place.remote}/${directory}`),
          );
          await chmod(path, 0o755);
          assert.equal(listing.status, 'partial', directory);
          assert.equal(listing.reason, 'denied', `${directory}: ${listing.detail}`);
        }
      });
    });

    it('does not list what a directory links to that was replaced while the scan ran', async () => {
      await serving(start, {}, async (server) => {
        const { local, remote } = await scratch(await ftpFixture(server));
        await mkdir(join(local, 'elsewhere'));
        await writeFiles(join(local, 'elsewhere'), ['foreign']);
        await mkdir(join(local, 'd'));
        await withSession(ftpRemote(server), async (session) => {
          await listComplete(session, remote);
          await rm(join(local, 'd'), { recursive: true });
          await symlink('elsewhere', join(local, 'd'));
          const listing = await listOne(session, `${remote}/d`);
          assert.deepEqual([listing.status, listing.entries], ['partial', []]);
          assert.deepEqual(namesOf(await listComplete(session, `${remote}/elsewhere`)), ['foreign']);
        });
      });
    });

    it('lists below a root that is a link', async () => {
      await serving(start, {}, async (server) => {
        const { local, remote } = await scratch(await ftpFixture(server));
        await mkdir(join(local, 'real', 'inner', 'most'), { recursive: true });
        await writeFiles(join(local, 'real', 'inner', 'most'), ['a']);
        await symlink('real', join(local, 'root'));
        await withSession(ftpRemote(server), async (session) => {
          for (const path of ['root', 'root/inner']) await listComplete(session, `${remote}/${path}`);
          assert.deepEqual(namesOf(await listComplete(session, `${remote}/root/inner/most`)), ['a']);
        });
      });
    });

    it('asks for a directory whose name is not UTF-8 by its bytes', async () => {
      await serving(start, {}, async (server) => {
        const { local, remote } = await scratch(await ftpFixture(server));
        const odd = bytesOf('sp\xe9cial \xfe');
        await mkdir(rawPath(local, odd));
        await writeFile(Buffer.concat([rawPath(local, odd), bytesOf('/inner')]), 'x');
        await withSession(ftpRemote(server), async (session) => {
          const [entry] = (await listComplete(session, remote)).entries;
          assert.equal(`${remote}/${entry?.name}`, remotePath(remote, odd));
          assert.deepEqual(namesOf(await listComplete(session, remotePath(remote, odd))), ['inner']);
        });
      });
    });

    it('lists a directory that is too large for a look, and looks at the others', async () => {
      await serving(start, {}, async (server) => {
        const place = await scratch(await ftpFixture(server));
        const names = Array.from({ length: 36_000 }, (_, index) => `${index}-${'x'.repeat(60)}`);
        const [large, small] = [join(place.local, 'large'), join(place.local, 'small')];
        for (const path of [large, small]) await mkdir(path);
        for (const name of names) writeFileSync(join(large, name), '');
        await writeFiles(small, ['one']);
        const paths = ['small', 'large', 'small'].map((path) => `${place.remote}/${path}`);
        await withSession(ftpRemote(server), async (session) => {
          const [first, all, second] = await ask(session, paths);
          assert.ok(
            first?.status === 'complete' && all?.status === 'complete' && second?.status === 'complete',
          );
          assert.deepEqual(namesOf(all), names.toSorted());
          assert.equal(all.probe, undefined);
          // ProFTPD is not looked at before it is known how large a directory is.
          const looked = [first, second].map(({ probe }) => probe !== undefined);
          assert.deepEqual(looked, Array(2).fill(name !== 'ProFTPD'));
        });
      });
    });

    it('reads times in the zone of the server', async () => {
      await serving(start, { timezone: 'America/New_York' }, async (server) => {
        const { local, remote } = await scratch(await ftpFixture(server));
        const now = Date.now();
        const moments = [2, 60, 120].map((days) => Math.floor((now - days * 86_400_000) / 60_000) * 60_000);
        for (const [index, at] of moments.entries()) {
          await writeFiles(local, [`f${index}`]);
          await utimes(join(local, `f${index}`), new Date(at), new Date(at));
        }
        const listing = await withSession(ftpRemote(server), (s) => listComplete(s, remote));
        const entries = byName(listing.entries);
        for (const [index, at] of moments.entries()) {
          assert.equal(entries.get(`f${index}`)?.modifiedAt, at, new Date(at).toISOString());
        }
        if (server.facts.listing === 'list') assert.equal(listing.profile.zone, 'America/New_York');
      });
    });

    it('is busy, and no failed login, when the server takes no more sessions', async () => {
      await serving(start, { connections: 1 }, async (server) => {
        const first = await ftpRemote(server).connect(neverAborted());
        await assert.rejects(ftpRemote(server).connect(neverAborted()), (error) => {
          assert.ok(error instanceof RemoteUnavailable, String(error));
          assert.equal(error.reason, 'busy', error.message);
          return true;
        });
        await first.ping(neverAborted());
        await first.close();
      });
    });

    it('falls silent when the server is stopped, and closes all the same', async () => {
      await serving(start, {}, async (server) => {
        const session = await ftpRemote(server, { responseTimeoutMs: 5_000 }).connect(neverAborted());
        server.pause();
        try {
          await assert.rejects(listOne(session, server.root), (error) => {
            assert.ok(error instanceof RemoteUnavailable, String(error));
            assert.equal(error.reason, 'silent');
            return true;
          });
          assert.deepEqual(await session.close(), { clean: false });
        } finally {
          server.resume();
        }
      });
    });

    it('gives up connecting to a server that is stopped', async () => {
      await serving(start, {}, async (server) => {
        server.pause();
        try {
          await assert.rejects(
            ftpRemote(server, { connectTimeoutMs: 300 }).connect(neverAborted()),
            (error) => {
              assert.ok(error instanceof RemoteUnavailable, String(error));
              assert.equal(error.reason, 'timeout');
              return true;
            },
          );
        } finally {
          server.resume();
        }
      });
    });

    it('refuses an expired certificate', async () => {
      await serving(start, { tls: 'explicit', certificate: 'expired' }, async (server) => {
        const failure = await refusedAs(ftpRemote(server), /has expired/);
        assert.equal(failure.reason, 'certificate');
        assert.match(failure.advice ?? '', /renew/);
      });
    });

    it('refuses unknown authorities, other names and missing TLS, and obeys verify: false', async () => {
      await serving(start, { tls: 'explicit' }, async (server) => {
        const tls: FtpServer['tls'] = { verify: true, minVersion: 'TLSv1.2' };
        const noCa = (overrides: Partial<FtpServer>): FtpRemote => {
          const { ca: _, ...config } = server.config;
          return ftpRemote({ ...server, config }, overrides);
        };
        assert.match((await refusedAs(noCa({ tls }), /authority|self-signed/)).advice ?? '', /tls\.ca/);
        const other = ftpRemote(server, { tls: { ...tls, serverName: 'other.example' } });
        assert.match((await refusedAs(other, /another name/)).advice ?? '', /tls\.serverName/);
        const named = ftpRemote(server, { tls: { ...tls, serverName: 'localhost' } });
        for (const remote of [named, noCa({ tls: { ...tls, verify: false } })]) {
          assertComplete(await withSession(remote, (s) => listOne(s, server.root)));
        }
        const clear = await refusedAs(ftpRemote(server, { protocol: 'ftp' }), /TLS/);
        assert.match(clear.advice ?? '', /protocol: ftps/);
        await assert.rejects(
          ftpRemote(server, { protocol: 'ftps-implicit' }).connect(neverAborted()),
          RemoteProtocol,
        );
      });
    });
  });
}

void describe('Pure-FTPd out of the box', {
  skip: skipReason({ name: 'Pure-FTPd', available: pureFtpdMissing }),
}, () => {
  it('cuts listings at 10,000 lines, and that is seen', async () => {
    const server = await startPureFtpd({ limitRecursion: 'default' });
    try {
      const { local, remote } = await scratch(await ftpFixture(server));
      const names = Array.from({ length: 10_050 }, (_, index) => `f${index}`);
      await writeFiles(local, names);
      const listing = await withSession(ftpRemote(server), (s) => listOne(s, remote));
      assert.deepEqual(
        [listing.status, listing.status === 'partial' && listing.reason],
        ['partial', 'truncated'],
      );
      for (const name of names.slice(9_000)) await rm(join(local, name));
      const shorter = await withSession(ftpRemote(server), (s) => listComplete(s, remote));
      assert.equal(shorter.entries.length, 9_000);
    } finally {
      await server.stop();
    }
  });
});
