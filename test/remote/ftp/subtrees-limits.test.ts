import assert from 'node:assert/strict';
import { rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { neverAborted, scratch } from '../fixture.ts';
import { Watcher } from '../watcher.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';
import { age, directories, make, withTree } from './known-tree.ts';

void describe('ProFTPD: the limits of looks at subtrees', {
  skip: skipReason({ name: 'ProFTPD', available: proftpdMissing }),
  timeout: 120_000,
}, () => {
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
