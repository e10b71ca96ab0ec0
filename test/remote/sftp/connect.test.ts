import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SftpServer } from '../../../shared/config/config.ts';
import { InvalidInput, RemoteAuth, RemoteProtocol, RemoteUnavailable } from '../../../shared/failure.ts';
import type { SftpCredentials } from '../../../shared/remote/sftp/credentials.ts';
import { SftpRemote } from '../../../shared/remote/sftp/sftp-remote.ts';
import { newSshKey } from '../../servers/keys.ts';
import { opensshMissing, startOpenSsh } from '../../servers/openssh.ts';
import { listen } from '../../servers/ports.ts';
import { proftpdMissing, startProftpdSftp } from '../../servers/proftpd.ts';
import { sftpServerConfig } from '../../servers/server-config.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import { listOne, neverAborted, requestsFor } from '../fixture.ts';
import { MemoryKnownHosts, sftpCredentials } from '../server-fixture.ts';
import { configAt, oddPassword, startOddServer, status } from './odd-server.ts';

const withOpenSsh = { skip: skipReason({ name: 'OpenSSH (sftp)', available: opensshMissing }) };
const withProftpd = { skip: skipReason({ name: 'ProFTPD (sftp)', available: proftpdMissing }) };
const password: SftpCredentials = { password: oddPassword };

function connectTo(server: SftpServer, credentials = password, knownHosts = new MemoryKnownHosts()) {
  return new SftpRemote(server, credentials, knownHosts).connect(neverAborted());
}

function unavailable(reason: RemoteUnavailable['reason']) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RemoteUnavailable, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.ok(error.advice);
    return true;
  };
}

/** A plain TCP server that greets with `greet`. */
async function startPlain(t: TestContext, greet: (socket: Socket) => void): Promise<SftpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    greet(socket);
  });
  const port = await listen(server, 0);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return configAt(port);
}

describe('the channel', { timeout: 300_000 }, () => {
  it('is the only one of its connection: some servers take no second', async (t) => {
    const server = await startOddServer({
      channels: 1,
      answer: (request) => request.reply(status(request, 'noSuchFile')),
    });
    t.after(() => server.close());
    const session = await connectTo(server.config);
    t.after(() => session.close());
    assert.equal((await listOne(session, '/none')).status, 'partial');
  });
});

describe('the host key', { timeout: 300_000 }, () => {
  it('is stored at the first connection and enforced from then on', async (t) => {
    const knownHosts = new MemoryKnownHosts();
    const first = await startOddServer({ config: { hostKey: 'trust-on-first-use' } });
    const { port } = first.config;
    await (await connectTo(first.config, password, knownHosts)).close();
    await (await connectTo(first.config, password, knownHosts)).close();
    assert.deepEqual([...knownHosts.keys], [[`127.0.0.1:${port}`, first.hostKey.fingerprint]]);
    await first.close();

    const second = await startOddServer({ port, config: { hostKey: 'trust-on-first-use' } });
    t.after(() => second.close());
    await assert.rejects(connectTo(second.config, password, knownHosts), (error) => {
      assert.ok(error instanceof RemoteAuth, String(error));
      assert.equal(error.reason, 'host-key');
      assert.ok(error.message.includes(first.hostKey.fingerprint), error.message);
      assert.ok(error.message.includes(second.hostKey.fingerprint), error.message);
      assert.ok(error.advice?.includes(`hostKey: ${second.hostKey.fingerprint}`), error.advice);
      return true;
    });
    assert.deepEqual(second.logins, [], 'an unknown server gets no credentials');
    assert.equal(knownHosts.keys.get(`127.0.0.1:${port}`), first.hostKey.fingerprint);
  });

  it('is compared with the pinned one, and nothing is stored', async (t) => {
    const server = await startOddServer({});
    t.after(() => server.close());
    const knownHosts = new MemoryKnownHosts();
    await (await connectTo(server.config, password, knownHosts)).close();
    const wrong = { ...server.config, hostKey: newSshKey().fingerprint };
    await assert.rejects(
      connectTo(wrong, password, knownHosts),
      (error) => error instanceof RemoteAuth && error.reason === 'host-key',
    );
    assert.equal(knownHosts.keys.size, 0);
    assert.equal(server.logins.length, 1);
  });

  it('cannot be checked if the known hosts cannot be read', async (t) => {
    const server = await startOddServer({ config: { hostKey: 'trust-on-first-use' } });
    t.after(() => server.close());
    const broken = {
      get: () => Promise.reject(new RangeError('broken')),
      remember: () => Promise.reject(new RangeError('broken')),
    };
    await assert.rejects(new SftpRemote(server.config, password, broken).connect(neverAborted()), RangeError);
    assert.deepEqual(server.logins, []);
  });
});

describe('the login', { timeout: 300_000 }, () => {
  it('tries a wrong password once', async (t) => {
    const server = await startOddServer({ login: ['password', 'keyboard-interactive'] });
    t.after(() => server.close());
    await assert.rejects(
      connectTo(server.config, { password: 'wrong' }),
      (error) => error instanceof RemoteAuth && error.reason === 'login' && !error.message.includes('wrong'),
    );
    assert.deepEqual(server.logins, ['password']);
  });

  it('answers the prompt of a server that takes passwords by keyboard only', async (t) => {
    const server = await startOddServer({ login: ['keyboard-interactive'] });
    t.after(() => server.close());
    await (await connectTo(server.config)).close();
    await assert.rejects(connectTo(server.config, { password: 'wrong' }), RemoteAuth);
  });

  for (const [ident, isEarly] of [
    ['OpenSSH_9.2p1', true],
    // It hangs up where the login is not granted, and another way to log in would have done.
    ['mod_sftp/0.9.9', false],
    ['Odd_1.0', false],
  ] as const) {
    it(`asks ${ident} for the channel ${isEarly ? 'right behind' : 'after'} the login`, async (t) => {
      const said: string[] = [];
      const debug = (line: string) => void said.push(line);
      const server = await startOddServer({ ident, login: ['keyboard-interactive'], debug });
      t.after(() => server.close());
      await (await connectTo(server.config)).close();
      assert.deepEqual(server.logins, ['password', 'keyboard-interactive']);
      const asked = said.findIndex((line) => /Inbound: CHANNEL_OPEN/.test(line));
      const granted = said.findIndex((line) => /Outbound: Sending USERAUTH_SUCCESS/.test(line));
      assert.ok(asked >= 0 && granted >= 0, said.join('\n'));
      assert.equal(asked < granted, isEarly, said.join('\n'));
    });
  }

  it('says what a server offers that refuses a key', async (t) => {
    const server = await startOddServer({});
    t.after(() => server.close());
    await assert.rejects(connectTo(server.config, { privateKey: newSshKey().privateKey }), (error) => {
      assert.ok(error instanceof RemoteAuth, String(error));
      assert.match(error.message, /offers password/);
      return true;
    });
  });

  it('works by key on OpenSSH, encrypted or not', withOpenSsh, async (t) => {
    const server = await startOpenSsh();
    t.after(() => server.stop());
    const config = sftpServerConfig(server);
    const privateKey = server.config.privateKey ?? '';
    await (await connectTo(config, { privateKey })).close();
    const encrypted = encryptKey(privateKey, 'open sesame');
    await (await connectTo(config, { privateKey: encrypted, passphrase: 'open sesame' })).close();
    for (const [credentials, says] of [
      [{ privateKey: encrypted }, /encrypted/],
      [{ privateKey: encrypted, passphrase: 'no' }, /passphrase is wrong/],
    ] as const) {
      await assert.rejects(connectTo(config, credentials), (error) => {
        assert.ok(error instanceof InvalidInput, String(error));
        assert.match(error.message, says);
        assert.ok(error.advice);
        return true;
      });
    }
  });

  it('works with an RSA key on OpenSSH, signed in the way that the server takes', withOpenSsh, async (t) => {
    const key = newRsaKey(t);
    const server = await startOpenSsh({ authorizedKeys: [key.publicKey] });
    t.after(() => server.stop());
    await (await connectTo(sftpServerConfig(server), { privateKey: key.privateKey })).close();
  });

  for (const [name, options, start] of [
    ['OpenSSH', withOpenSsh, startOpenSsh],
    ['ProFTPD', withProftpd, startProftpdSftp],
  ] as const) {
    it(
      `is refused by ${name} whatever was asked for behind it, and works the next time`,
      options,
      async (t) => {
        const server = await start();
        t.after(() => server.stop());
        const config = sftpServerConfig(server);
        for (const wrong of [{ privateKey: newSshKey().privateKey }, { password: 'wrong' }]) {
          await assert.rejects(connectTo(config, wrong), (error) => {
            assert.ok(error instanceof RemoteAuth, String(error));
            assert.equal(error.reason, 'login');
            return true;
          });
        }
        const session = await connectTo(config, sftpCredentials(server));
        assert.equal((await listOne(session, server.root)).status, 'complete');
        assert.deepEqual(await session.close(), { clean: true });
      },
    );
  }

  it('needs a usable key, found out before any connection', async () => {
    const { publicKey } = newSshKey();
    for (const credentials of [
      { privateKey: 'nonsense' },
      { privateKey: '' },
      { privateKey: publicKey },
      {},
    ]) {
      await assert.rejects(connectTo(configAt(1), credentials), InvalidInput);
    }
  });

  it('refuses algorithms that do not exist or that the server does not have', async (t) => {
    const server = await startOddServer({});
    t.after(() => server.close());
    await assert.rejects(connectTo({ ...server.config, ciphers: ['rot13'] }), InvalidInput);
    await assert.rejects(
      connectTo({ ...server.config, keyExchange: ['diffie-hellman-group1-sha1'] }),
      (error) => {
        assert.ok(error instanceof RemoteProtocol, String(error));
        assert.match(error.message, /key exchange/);
        return true;
      },
    );
    const strict = { ciphers: ['aes256-gcm@openssh.com'], keyExchange: ['curve25519-sha256'] };
    await (await connectTo({ ...server.config, ...strict })).close();
  });

  it('says so if the server offers no SFTP', async (t) => {
    const server = await startOddServer({ subsystem: false });
    t.after(() => server.close());
    await assert.rejects(connectTo(server.config), (error) => {
      assert.ok(error instanceof RemoteProtocol, String(error));
      assert.match(error.message, /no SFTP/);
      return true;
    });
  });
});

describe('a server out of reach', { timeout: 300_000 }, () => {
  it('has a name that nobody knows', async () => {
    // An empty label: the resolver refuses it without asking anybody.
    await assert.rejects(connectTo({ ...configAt(22), host: 'no..such' }), unavailable('unknown-host'));
  });

  it('never answers the handshake', async (t) => {
    const server = await startPlain(t, () => undefined);
    await assert.rejects(connectTo({ ...server, connectTimeoutMs: 300 }), unavailable('timeout'));
  });

  it('answers the handshake and nothing after it', async (t) => {
    const server = await startPlain(t, (socket) => socket.write('SSH-2.0-Mute\r\n'));
    await assert.rejects(connectTo({ ...server, connectTimeoutMs: 300 }), unavailable('timeout'));
  });

  it('is no SSH server', async (t) => {
    const server = await startPlain(t, (socket) => socket.write(`${'220 this is FTP\r\n'.repeat(2_000)}`));
    await assert.rejects(connectTo({ ...server, connectTimeoutMs: 10_000 }), (error) => {
      assert.ok(error instanceof RemoteProtocol || error instanceof RemoteUnavailable, String(error));
      return true;
    });
  });

  it('hangs up at once', async (t) => {
    const server = await startPlain(t, (socket) => socket.end());
    await assert.rejects(connectTo(server), unavailable('busy'));
  });

  it('has too many logins already (MaxStartups of OpenSSH)', withOpenSsh, async (t) => {
    const server = await startOpenSsh({ maxStartups: '1:100:1' });
    t.after(() => server.stop());
    const { host, port } = server.config;
    const idle = connect({ host, port });
    await new Promise((resolve) => idle.once('data', resolve));
    await assert.rejects(connectTo(sftpServerConfig(server), sftpCredentials(server)), unavailable('busy'));
    idle.destroy();
  });

  it('has too many sessions already (MaxClientsPerUser of ProFTPD)', withProftpd, async (t) => {
    const server = await startProftpdSftp({ connections: 1 });
    t.after(() => server.stop());
    const first = await connectTo(sftpServerConfig(server), sftpCredentials(server));
    await assert.rejects(connectTo(sftpServerConfig(server), sftpCredentials(server)), unavailable('busy'));
    await first.close();
    await (await connectTo(sftpServerConfig(server), sftpCredentials(server))).close();
  });

  it('is given up at once when the caller aborts', async (t) => {
    const server = await startPlain(t, () => undefined);
    const abort = new AbortController();
    const reason = new Error('enough');
    const connecting = new SftpRemote(server, password, new MemoryKnownHosts()).connect(abort.signal);
    setTimeout(() => abort.abort(reason), 50);
    await assert.rejects(connecting, (error) => error === reason);
  });
});

describe('a server that stops answering (OpenSSH, stopped by a signal)', {
  timeout: 300_000,
  concurrency: 3,
  ...withOpenSsh,
}, () => {
  for (const when of ['while it lists', 'while nothing is asked'] as const) {
    it(`is found silent ${when}`, async (t) => {
      const server = await startOpenSsh();
      t.after(async () => {
        server.resume();
        await server.stop();
      });
      const config = { ...sftpServerConfig(server), responseTimeoutMs: 5_000 };
      const session = await connectTo(config, sftpCredentials(server));
      await listOne(session, server.root);
      server.pause();
      const use = async (): Promise<void> => {
        if (when === 'while nothing is asked') return session.ping(neverAborted());
        const paths = Array.from({ length: 20 }, () => server.root);
        for await (const _ of session.list(requestsFor(paths), neverAborted()));
      };
      await assert.rejects(use(), unavailable('silent'));
      assert.deepEqual(await session.close(), { clean: false });
    });
  }

  it('does not hold up close', async (t) => {
    const server = await startOpenSsh();
    t.after(async () => {
      server.resume();
      await server.stop();
    });
    const session = await connectTo(sftpServerConfig(server), sftpCredentials(server));
    server.pause();
    assert.deepEqual(await session.close(), { clean: false });
  });
});

function newRsaKey(t: TestContext): { readonly privateKey: string; readonly publicKey: string } {
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-key-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file]);
  return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
}

function encryptKey(privateKey: string, passphrase: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-key-'));
  try {
    const path = join(folder, 'key');
    writeFileSync(path, privateKey, { mode: 0o600 });
    execFileSync('ssh-keygen', ['-p', '-q', '-f', path, '-N', passphrase], { stdio: 'pipe' });
    return readFileSync(path, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
