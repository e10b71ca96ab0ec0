import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SftpServer } from '../../shared/config/config.ts';
import { RemoteAuth, RemoteUnavailable } from '../../shared/failure.ts';
import { openCredentialed } from '../../shared/remote/credentialed.ts';
import { RefreshingRemote } from '../../shared/remote/refreshing-remote.ts';
import type { KnownHosts } from '../../shared/remote/remote.ts';
import { never } from '../changes/samples.ts';
import { type RotatingServer, startRotatingServer } from './rotating-server.ts';

const reference = { source: 'secret', value: 'partner' } as const;
const unknown: KnownHosts = { get: async () => undefined, remember: async (_address, seen) => seen };

/** A remote that has read `first`, and finds `later` where it reads again. */
async function remoteReading(
  server: SftpServer,
  first: string,
  later: () => Promise<string>,
): Promise<{ remote: RefreshingRemote; readAgain: () => number }> {
  let times = 0;
  const current = await openCredentialed(server, async () => first, unknown);
  const remote = new RefreshingRemote(current, () => {
    times += 1;
    return openCredentialed(server, later, unknown);
  });
  return { remote, readAgain: () => times };
}

async function withServer(run: (server: RotatingServer) => Promise<void>): Promise<void> {
  const server = await startRotatingServer('new');
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

test('a rotated password logs in at the second try, and at the first one from then on', () =>
  withServer(async (server) => {
    const { remote, readAgain } = await remoteReading(server.config(reference), 'old', async () => 'new');
    const before = remote.credentials;
    await (await remote.connect(never)).close();
    assert.equal(server.logins(), 2);
    assert.notEqual(remote.credentials, before);
    await (await remote.connect(never)).close();
    assert.equal(server.logins(), 3);
    assert.equal(readAgain(), 1);
  }));

test('a password that stayed the same is not tried again', () =>
  withServer(async (server) => {
    const { remote } = await remoteReading(server.config(reference), 'wrong', async () => 'wrong');
    await assert.rejects(remote.connect(never), isRefused);
    assert.equal(server.logins(), 1);
  }));

test('two wrong passwords are one error and no third try', () =>
  withServer(async (server) => {
    const { remote, readAgain } = await remoteReading(server.config(reference), 'wrong', async () => 'too');
    await assert.rejects(remote.connect(never), isRefused);
    assert.equal(server.logins(), 2);
    assert.equal(readAgain(), 1);
  }));

test('where the password cannot be read again, the login stays refused', () =>
  withServer(async (server) => {
    const { remote } = await remoteReading(server.config(reference), 'old', async () => {
      throw new RemoteUnavailable('lost', 'Secrets Manager did not answer');
    });
    await assert.rejects(remote.connect(never), (error) => {
      isRefused(error);
      assert.ok(error instanceof RemoteAuth);
      assert.match(error.advice ?? '', /cannot be read again either: Secrets Manager did not answer/);
      return true;
    });
    assert.equal(server.logins(), 1);
  }));

test('a wrong host key or no server at all is no reason to read secrets again', () =>
  withServer(async (server) => {
    const other = server.config(reference, { hostKey: `SHA256:${'A'.repeat(43)}` });
    const strange = await remoteReading(other, 'old', async () => 'new');
    await assert.rejects(strange.remote.connect(never), { name: 'RemoteAuth', reason: 'host-key' });
    assert.equal(strange.readAgain(), 0);
    assert.equal(server.logins(), 1);

    const away = await remoteReading(server.config(reference, { port: 1 }), 'old', async () => 'new');
    await assert.rejects(away.remote.connect(never), { name: 'RemoteUnavailable' });
    assert.equal(away.readAgain(), 0);
  }));

function isRefused(error: unknown): true {
  assert.ok(error instanceof RemoteAuth, String(error));
  assert.equal(error.reason, 'login');
  return true;
}
