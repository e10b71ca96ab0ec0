import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readableName } from '../../shared/tree/name.ts';
import { writeSparse } from '../sparse-file.ts';
import { buildTree, hostileTree } from '../tree-builder.ts';
import { ftpLogin, plainLogin, sftpLogin } from './clients.ts';
import { startOpenSsh } from './openssh.ts';
import { startProftpd } from './proftpd.ts';
import { startPureFtpd } from './pure-ftpd.ts';
import { type KindOptions, type ServerKind, serverKinds, skipReason } from './server-kinds.ts';
import type { ServerFacts, StartOptions, TestServer } from './test-server.ts';
import { startVsftpd, vsftpdMissing } from './vsftpd.ts';

async function started(t: TestContext, server: Promise<TestServer>): Promise<TestServer> {
  const running = await server;
  t.after(() => running.stop());
  return running;
}

const isPiece = (name: string) => name === 'new' || name === 'line' || name === 'carriage';
const hasControlCharacter = (name: string) => [...Buffer.from(name)].some((byte) => byte < 32);

/** The hostile tree's own entries as the plain libraries show them, by what is known of the server. */
function shown(paths: readonly string[], facts: ServerFacts): readonly string[] {
  const lost = {
    exact: () => false,
    broken: (name: string) => /[\r\n]/.test(name),
    omitted: hasControlCharacter,
  }[facts.newlineInName];
  const brokenLinks = facts.brokenLinks === 'shown' ? [] : ['link-to-nothing', 'link-to-itself'];
  return paths
    .filter((path) => !path.includes('/') && !lost(path) && !brokenLinks.includes(path))
    .map(readableName)
    .sort();
}

function everyServer(title: string, work: (t: TestContext, kind: ServerKind) => Promise<void>): void {
  describe(title, () => {
    for (const kind of serverKinds) {
      it(kind.name, { skip: skipReason(kind), timeout: 300_000 }, (t) => work(t, kind));
    }
  });
}

everyServer('a test server lists the hostile tree', async (t, kind) => {
  const server = await started(t, kind.start());
  assert.equal(server.name, kind.name);
  const tree = hostileTree(server.localRoot);
  const client = await plainLogin(server);
  t.after(() => client.close().catch(() => undefined));
  const names = (await client.names(server.root)).filter(
    (name) => !(server.facts.newlineInName === 'broken' && isPiece(name)),
  );
  // ProFTPD's MLSD keeps a carriage return; the other broken ones cut the line there.
  const expected = shown(
    tree.entries.map(({ path }) => path),
    server.facts,
  );
  assert.deepEqual(
    names.filter((name) => name !== 'carriage\rreturn' || expected.includes(name)).sort(),
    expected,
  );
  const root = server.root === '/' ? '' : server.root;
  if (server.facts.enforcesPermissions)
    assert.deepEqual(await client.names(`${root}/locked`).catch(() => []), locked(server));
});

/** vsftpd answers LIST of an unreadable directory with the directory itself. */
function locked(server: TestServer): readonly string[] {
  return server.name.startsWith('vsftpd') ? ['locked'] : [];
}

everyServer('a test server survives killed sessions', async (t, kind) => {
  const server = await started(t, kind.start());
  const client = await plainLogin(server);
  t.after(() => client.close().catch(() => undefined));
  await client.names(server.root);
  await server.killSessions();
  await assert.rejects(async () => {
    for (;;) await client.names(server.root);
  });
  const again = await plainLogin(server);
  assert.deepEqual(await again.names(server.root), []);
  await again.close();
});

everyServer('a paused test server is silent until it is resumed', async (t, kind) => {
  const server = await started(t, kind.start());
  const client = await plainLogin(server);
  t.after(() => client.close().catch(() => undefined));
  server.pause();
  let resumed = false;
  const answeredAfterResume = client.names(server.root).then(
    () => resumed,
    () => resumed && !server.facts.sessionsOutlivePause,
  );
  await sleep(150);
  resumed = true;
  server.resume();
  assert.equal(await answeredAfterResume, true);
  await (await plainLogin(server)).close();
});

everyServer('a crashed test server comes back as it was', async (t, kind) => {
  const server = await started(t, kind.start());
  await server.crash();
  await assert.rejects(plainLogin(server), /ECONNREFUSED/);
  await server.restart();
  const client = await plainLogin(server);
  assert.deepEqual(await client.names(server.root), []);
  await client.close();
});

everyServer('a stopped test server leaves nothing behind', async (_t, kind) => {
  const server = await kind.start();
  const client = await plainLogin(server);
  await server.stop();
  await client.close().catch(() => undefined);
  assert.equal(existsSync(dirname(server.localRoot)), false);
  await assert.rejects(plainLogin(server), /ECONNREFUSED/);
  await server.stop();
});

everyServer('a test server dies with its test', async (_t, kind) => {
  // A process that starts the server, says where it is, and is killed without a chance to clean up.
  const script = `
    import { serverKinds } from ${JSON.stringify(new URL('server-kinds.ts', import.meta.url).href)};
    import { plainLogin } from ${JSON.stringify(new URL('clients.ts', import.meta.url).href)};
    const server = await serverKinds.find(({ name }) => name === ${JSON.stringify(kind.name)}).start();
    await plainLogin(server);
    console.log(JSON.stringify([server.config.port, server.localRoot]));
    setInterval(() => undefined, 1000);`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', script];
  const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(owner, 'exit').then(() =>
    Promise.reject(new Error('it ended before its server had started')),
  );
  const [line] = await Promise.race([once(owner.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  const [port, localRoot] = z.tuple([z.number(), z.string()]).parse(JSON.parse(String(line)));
  owner.kill('SIGKILL');
  // Until then the test's own time-out is the limit.
  while (existsSync(dirname(localRoot))) await sleep(20);
  // A moment later, or when a server of another test has given the port back.
  while (await answers(port)) await sleep(100);
});

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('a test server keeps to its number of sessions', () => {
  for (const kind of serverKinds) {
    it(kind.name, { skip: skipReason(kind), timeout: 300_000 }, async (t) => {
      const options: KindOptions = { connections: 1 };
      const server = await started(t, kind.start(options));
      const first = await plainLogin(server);
      t.after(() => first.close().catch(() => undefined));
      await first.names(server.root);
      if (server.facts.limitsSessions) await assert.rejects(plainLogin(server));
      else await (await plainLogin(server)).close();
    });
  }
});

describe('FTPS test servers', () => {
  const kinds: readonly (readonly [
    string,
    (options: StartOptions & { tls: 'explicit' }) => Promise<TestServer>,
  ])[] = [
    ['vsftpd', startVsftpd],
    ['ProFTPD', startProftpd],
    ['Pure-FTPd', startPureFtpd],
  ];
  for (const [name, start] of kinds) {
    const kind = serverKinds.find((candidate) => candidate.name === `${name} (ftps)`);
    assert.ok(kind);
    it(`${name} shows an expired certificate when asked to`, { skip: skipReason(kind) }, async (t) => {
      const server = await started(t, start({ tls: 'explicit', certificate: 'expired' }));
      await assert.rejects(ftpLogin(server), /certificate has expired/);
    });
    it(`${name} takes no login in the clear`, { skip: skipReason(kind) }, async (t) => {
      const server = await started(t, start({ tls: 'explicit' }));
      await assert.rejects(ftpLogin({ ...server, config: { ...server.config, protocol: 'ftp' } }));
    });
  }
});

describe('Pure-FTPd as it comes', () => {
  const kind = serverKinds.find(({ name }) => name === 'Pure-FTPd (ftp)');
  assert.ok(kind);
  it('cuts a listing at 10,000 entries, and shows all with the limit lifted', {
    skip: skipReason(kind),
  }, async (t) => {
    const counts = [];
    for (const limitRecursion of ['default', 'lifted'] as const) {
      const server = await started(t, startPureFtpd({ limitRecursion }));
      buildTree(server.localRoot, { files: 10_100, directories: 0, seed: 1 });
      const client = await ftpLogin(server);
      counts.push((await client.names(server.root)).length);
      await client.close();
      assert.equal(server.facts.truncatesAt, limitRecursion === 'default' ? 10_000 : null);
    }
    assert.deepEqual(counts, [9_998, 10_100]);
  });
});

describe('vsftpd in another zone', () => {
  it('lists local times', {
    skip: skipReason({ name: 'vsftpd (ftp)', available: vsftpdMissing }),
  }, async (t) => {
    const shownBy: string[] = [];
    for (const timezone of ['UTC', 'Asia/Kolkata']) {
      const server = await started(t, startVsftpd({ timezone }));
      assert.equal(server.facts.listZone, timezone);
      writeSparse(`${server.localRoot}/recent`, 1, Math.floor(Date.now() / 1000) - 86_400);
      const { ftp } = await ftpLogin(server);
      shownBy.push((await ftp.list(server.root))[0]?.rawModifiedAt ?? '');
      ftp.close();
    }
    assert.equal(new Set(shownBy).size, 2);
  });
});

describe('OpenSSH', () => {
  const kind = serverKinds.find(({ name }) => name === 'OpenSSH (sftp)');
  assert.ok(kind);
  it('takes the key as well as the password', { skip: skipReason(kind) }, async (t) => {
    const server = await started(t, startOpenSsh());
    const { password, ...withoutPassword } = server.config;
    const client = await sftpLogin({ ...server, config: withoutPassword });
    assert.deepEqual(await client.names(server.root), []);
    await client.close();
    const wrong = { ...server, config: { ...withoutPassword, password: `${password}x` } };
    await assert.rejects(sftpLogin(wrong), /authentication/i);
  });
});
