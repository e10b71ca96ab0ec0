import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SecretReference, ServerConfig } from '../../shared/config/config.ts';
import { RemoteUnavailable } from '../../shared/failure.ts';
import { FtpRemote } from '../../shared/remote/ftp/ftp-remote.ts';
import { LocalRemote } from '../../shared/remote/local/local-remote.ts';
import { openRemote } from '../../shared/remote/open.ts';
import { SftpRemote } from '../../shared/remote/sftp/sftp-remote.ts';
import { newSshKey } from '../servers/keys.ts';
import { freePort } from '../servers/ports.ts';
import { neverAborted } from './fixture.ts';
import { MemoryKnownHosts } from './server-fixture.ts';

const limits = {
  name: 's',
  connections: 1,
  connectTimeoutMs: 30_000,
  responseTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
};
const at = { ...limits, host: '127.0.0.1', username: 'u' };
const secret = (value: string): SecretReference => ({ source: 'secret', value });

/** Opens the remote and tells which secrets that took. */
async function open(server: ServerConfig) {
  const read: string[] = [];
  const readSecret = async ({ value }: SecretReference): Promise<string> => {
    read.push(value);
    return value === 'key' ? newSshKey().privateKey : `value of ${value}`;
  };
  return { remote: await openRemote(server, readSecret, new MemoryKnownHosts()), read };
}

describe('openRemote', () => {
  it('takes a password for SFTP', async () => {
    const auth = { password: secret('password') };
    const { remote, read } = await open({
      ...at,
      protocol: 'sftp',
      port: 22,
      auth,
      hostKey: 'trust-on-first-use',
    });
    assert.ok(remote instanceof SftpRemote);
    assert.deepEqual(read, ['password']);
  });

  it('takes a key, with its passphrase where there is one, and gets as far as the network with it', async () => {
    const port = await freePort();
    const sftp = { ...at, protocol: 'sftp', port, hostKey: 'trust-on-first-use' } as const;
    const plain = await open({ ...sftp, auth: { privateKey: secret('key') } });
    assert.deepEqual(plain.read, ['key']);
    await assert.rejects(plain.remote.connect(neverAborted()), RemoteUnavailable);
    const encrypted = await open({
      ...sftp,
      auth: { privateKey: secret('key'), passphrase: secret('phrase') },
    });
    assert.deepEqual(encrypted.read, ['key', 'phrase']);
  });

  for (const protocol of ['ftp', 'ftps', 'ftps-implicit'] as const) {
    it(`takes a password and an authority for ${protocol}`, async () => {
      const ftp = {
        ...at,
        protocol,
        port: 21,
        auth: { password: secret('password') },
        timezone: 'UTC',
        separateTransferHost: false,
        probe: 'auto' as const,
      };
      const tls = { verify: true, minVersion: 'TLSv1.2' } as const;
      const bare = await open({ ...ftp, tls });
      assert.ok(bare.remote instanceof FtpRemote);
      assert.deepEqual(bare.read, ['password']);
      assert.deepEqual((await open({ ...ftp, tls: { ...tls, ca: secret('ca') } })).read, ['password', 'ca']);
    });
  }

  it('needs no secret for this machine', async () => {
    const { remote, read } = await open({ ...limits, protocol: 'local' });
    assert.ok(remote instanceof LocalRemote);
    assert.deepEqual(read, []);
  });
});
