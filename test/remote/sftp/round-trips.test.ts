import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import ssh2, { type Connection } from 'ssh2';
import { encodeInit } from '../../../shared/remote/sftp/codec.ts';
import { greetAtOnce, logInAtOnce, signAtOnce } from '../../../shared/remote/sftp/round-trips.ts';
import { newSshKey } from '../../servers/keys.ts';
import { listen } from '../../servers/ports.ts';

async function serverFor(t: TestContext, serve: (connection: Connection) => void): Promise<number> {
  const server = new ssh2.Server({ hostKeys: [newSshKey().privateKey] }, (connection) => {
    connection.on('error', () => undefined);
    serve(connection);
  });
  const listener = createServer((socket) => server.injectSocket(socket));
  t.after(() => listener.close());
  return listen(listener, 0);
}

function clientOf(t: TestContext, port: number, debug: (line: string) => void = () => undefined) {
  const ssh = new ssh2.Client();
  t.after(() => ssh.destroy());
  const begin = () => {
    const sock = connect({ host: '127.0.0.1', port });
    const { privateKey } = newSshKey();
    ssh.connect({ sock, username: 'somebody', privateKey, authHandler: ['publickey'], debug });
  };
  return { ssh, begin };
}

describe('round trips that ssh2 makes', { timeout: 300_000 }, () => {
  for (const answer of ['accept', 'reject'] as const) {
    it(`signs at once: a server that would ${answer}`, async (t) => {
      const attempts: (readonly [string, boolean])[] = [];
      const port = await serverFor(t, (connection) => {
        connection.on('authentication', (attempt) => {
          attempts.push([attempt.method, attempt.method === 'publickey' && attempt.signature !== undefined]);
          if (answer === 'accept') attempt.accept();
          else attempt.reject(['publickey']);
        });
      });
      const { ssh, begin } = clientOf(t, port);
      signAtOnce(ssh);
      const ended = answer === 'accept' ? once(ssh, 'ready') : once(ssh, 'error');
      begin();
      await ended;
      assert.deepEqual(attempts, [['publickey', true]]);
    });
  }

  for (const isMeant of [true, false]) {
    it(`logs in ${isMeant ? 'before' : 'after'} that service is granted`, async (t) => {
      const port = await serverFor(t, (connection) => {
        connection.on('authentication', (attempt) => attempt.accept());
      });
      const said: string[] = [];
      const { ssh, begin } = clientOf(t, port, (line) => said.push(line));
      logInAtOnce(ssh, () => isMeant);
      signAtOnce(ssh);
      const ready = once(ssh, 'ready');
      begin();
      await ready;
      const sent = said.flatMap((line, at) => (/Sending USERAUTH_REQUEST/.test(line) ? [at] : []));
      const granted = said.findIndex((line) => /Received SERVICE_ACCEPT/.test(line));
      assert.equal(sent.length, 1, said.join('\n'));
      assert.equal((sent[0] ?? 0) < granted, isMeant, said.join('\n'));
    });
  }

  it('greets before the subsystem is granted, and is understood', async (t) => {
    const granted = Promise.withResolvers<void>();
    const received = Promise.withResolvers<Buffer>();
    const port = await serverFor(t, (connection) => {
      connection.on('authentication', (attempt) => attempt.accept());
      connection.on('session', (accept) => {
        accept().on('subsystem', (grant) => {
          grant()?.once('data', received.resolve);
          granted.resolve();
        });
      });
    });
    const said: string[] = [];
    const { ssh, begin } = clientOf(t, port, (line) => said.push(line));
    const ready = once(ssh, 'ready');
    begin();
    await ready;
    assert.equal(greetAtOnce(ssh, encodeInit()), true);
    const opened = Promise.withResolvers<unknown>();
    ssh.subsys('sftp', opened.resolve);
    assert.equal(await opened.promise, undefined);
    await granted.promise;
    assert.deepEqual(await received.promise, encodeInit());
    const at = (what: RegExp) => said.findIndex((line) => what.test(line));
    assert.ok(at(/Outbound: Sending CHANNEL_DATA/) < at(/Inbound: CHANNEL_SUCCESS/), said.join('\n'));
    assert.ok(at(/Inbound: CHANNEL_SUCCESS/) > 0);
  });
});
