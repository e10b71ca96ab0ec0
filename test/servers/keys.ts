import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';

export interface SshKey {
  /** OpenSSH format. */
  readonly privateKey: string;
  /** One line, as in `authorized_keys`. */
  readonly publicKey: string;
  readonly fingerprint: `SHA256:${string}`;
}

export function newSshKey(): SshKey {
  const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { privateKey: `${privateKey.trimEnd()}\n`, publicKey, fingerprint: `SHA256:${digest}` };
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
