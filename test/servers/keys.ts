import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { string, uint32 } from './sftp-wire.ts';

export interface SshKey {
  /** OpenSSH format. */
  readonly privateKey: string;
  /** One line, as in `authorized_keys`. */
  readonly publicKey: string;
  readonly fingerprint: `SHA256:${string}`;
}

/**
 * A new Ed25519 key. Not by ssh2's `generateKeyPairSync`: 6 of 2,000 of its keys were malformed, and
 * OpenSSH refuses those.
 */
export function newSshKey(): SshKey {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(jwk.d ?? '', 'base64url');
  const point = Buffer.from(jwk.x ?? '', 'base64url');
  const blob = Buffer.concat([string('ssh-ed25519'), string(point)]);
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return {
    privateKey: openSshPrivateKey(blob, [
      string('ssh-ed25519'),
      string(point),
      string(Buffer.concat([seed, point])),
    ]),
    publicKey: `ssh-ed25519 ${blob.toString('base64')}`,
    fingerprint: `SHA256:${digest}`,
  };
}

/** The file format of OpenSSH (its PROTOCOL.key), without a passphrase. */
function openSshPrivateKey(publicBlob: Buffer, fields: readonly Buffer[]): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, ...fields, string('farwatch-test')]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (secret.length % 8)) % 8);
  const bytes = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(string),
    uint32(1),
    string(publicBlob),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

/** The same public key in the form that mod_sftp reads (RFC 4716). */
export function rfc4716(key: SshKey): string {
  const lines = (key.publicKey.split(' ')[1] ?? '').match(/.{1,70}/g) ?? [];
  return ['---- BEGIN SSH2 PUBLIC KEY ----', ...lines, '---- END SSH2 PUBLIC KEY ----', ''].join('\n');
}

export interface TlsFiles {
  /** PEM of the authority, for clients. */
  readonly ca: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Key and certificate in one, as Pure-FTPd wants them. */
  readonly bundleFile: string;
}

/** An authority of its own and a certificate by it for `localhost` and 127.0.0.1, in `folder`. */
export function newCertificate(folder: string, validity: 'valid' | 'expired'): TlsFiles {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = (file: string) => openssl('genrsa', '-out', file, '2048');
  newKey('ca.key');
  openssl(
    'req',
    '-x509',
    '-key',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Farwatch test authority',
    '-days',
    '2',
  );
  newKey('server.key');
  openssl('req', '-new', '-key', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const days = validity === 'valid' ? '2' : '-1';
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    ...authority,
    '-out',
    'server.pem',
    '-days',
    days,
    '-extfile',
    'names',
  );
  const file = (name: string) => join(folder, name);
  const read = (name: string) => readFileSync(file(name), 'utf8');
  writeFileSync(file('bundle.pem'), read('server.key') + read('server.pem'), { mode: 0o600 });
  return {
    ca: read('ca.pem'),
    certificateFile: file('server.pem'),
    keyFile: file('server.key'),
    bundleFile: file('bundle.pem'),
  };
}
