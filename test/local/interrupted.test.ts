import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { giveToTestUser } from '../servers/account.ts';
import { plainLogin } from '../servers/clients.ts';
import { proftpdMissing, startProftpd, startProftpdSftp } from '../servers/proftpd.ts';
import { type ServerKind, skipReason } from '../servers/server-kinds.ts';
import type { StartOptions, TestServer } from '../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../servers/vsftpd.ts';
import { buildTree } from '../tree-builder.ts';
import { families } from './families.ts';
import { Home, logIn } from './home.ts';
import { Mirror, sizes, treeOnDisk } from './mirror.ts';
import { assertOneFailure, Scene } from './scene.ts';
import { serverEntry } from './server-entry.ts';

/** Enough to last beyond the first changes; ftp-srv takes 40 ms for each. */
const directories: Readonly<Record<string, number>> = { 'ftp-srv (ftp)': 200 };

for (const kind of families) {
  describe(kind.name, { concurrency: 2 }, () => {
    it('falls silent in mid-scan', async (t) => {
      await losesNothing(t, kind, {
        harm: async (server) => server.pause(),
        heal: async (server) => {
          server.resume();
          await server.killSessions();
        },
      });
    });

    it('is killed in mid-scan', async (t) => {
      await losesNothing(t, kind, {
        harm: (server) => server.crash(),
        heal: (server) => server.restart(),
      });
    });
  });
}

interface Accident {
  readonly harm: (server: TestServer) => Promise<void>;
  readonly heal: (server: TestServer) => Promise<void>;
}

/** The accident comes when the first changes are printed; what they and the next run say must be the tree. */
async function losesNothing(t: TestContext, kind: ServerKind, { harm, heal }: Accident): Promise<void> {
  const server = await kind.start();
  t.after(() => server.stop());
  const home = new Home(t);
  mkdirSync(join(server.localRoot, 'tree'));
  buildTree(server.localRoot, { files: 4_000, directories: directories[kind.name] ?? 4_000, seed: 7 });
  giveToTestUser(server.localRoot);
  const configure = (timeouts: object) =>
    home.configure({
      servers: { partner: serverEntry(home, server, { ...timeouts, idleTimeout: '1s', connections: 1 }) },
      // One directory at a time: seconds of work are left when the first changes are printed.
      watches: { tree: { server: 'partner', root: server.root, initial: 'emit', scale: { inFlight: 1 } } },
      outputs: [{ type: 'stdout' }],
    });
  // To be waited for, yet beyond what a server takes on a machine that has much else to do.
  configure({ connectTimeout: '10s', responseTimeout: '5s' });
  const running = home.start('run', '--once', '--log-level', 'warn');
  await running.until('the first changes', () => running.stdout.includes('\n'));
  await harm(server);
  const broken = await running.ended;
  assert.equal(broken.code, 1, broken.stderr);
  const errors = logIn(broken.stderr).filter((line) => line.level === 'error');
  assert.equal(errors.length, 1, broken.stderr);
  assert.match(String(errors[0]?.['advice']), /\w/);
  await heal(server);

  // Changed while nobody could look.
  writeFileSync(join(server.localRoot, 'fresh.csv'), 'fresh');
  giveToTestUser(join(server.localRoot, 'fresh.csv'));
  configure({});
  const good = await home.once();
  assert.equal(good.code, 0, good.stderr);
  const all = [...broken.changes, ...good.changes];
  assert.ok(all.every((change) => change.type === 'created'));
  assert.ok(broken.changes.length > 0 && good.changes.length > 1, 'the accident came in mid-scan');
  assert.equal(new Set(all.map((change) => change.path)).size, all.length, 'each path once');
  assert.deepEqual(sizes(new Mirror().apply(all).tree), sizes(treeOnDisk(server.localRoot, server.root)));
  assert.equal((await home.once()).stdout, '');
}

const limited = [
  { name: 'vsftpd (ftp)', missing: vsftpdMissing, start: startVsftpd },
  { name: 'ProFTPD (ftp)', missing: proftpdMissing, start: startProftpd },
  {
    name: 'ProFTPD (sftp)',
    missing: proftpdMissing,
    start: (options: StartOptions) => startProftpdSftp(options),
  },
] as const;

describe('too many connections', { concurrency: 3 }, () => {
  for (const { name, missing, start } of limited) {
    it(name, { skip: skipReason({ name, available: missing }) }, async (t) => {
      const scene = new Scene(t, await start({ connections: 1 }));
      scene.configure({ connections: 1 });
      await scene.silent();
      const expected = scene.edit();
      const other = await plainLogin(scene.server);
      t.after(() => other.close());
      assertOneFailure(await scene.home.once(), /session|connection/i);
      await other.close();
      await scene.reports(expected);
    });
  }
});
