import * as z from 'zod';
import { reference, referenceOr } from './references.ts';
import { count, duration, host, line, text, timezone } from './values.ts';

type RemoteProtocol = 'sftp' | 'ftp' | 'ftps' | 'ftps-implicit';

export const defaultPorts: Readonly<Record<RemoteProtocol, number>> = {
  sftp: 22,
  ftp: 21,
  ftps: 21,
  'ftps-implicit': 990,
};
export const defaultConnections = { remote: 4, local: 1 };

const limits = (connections: number) => ({
  connections: count(1, 256)
    .optional()
    .describe(`Sessions at most, over all watches of this host, port and user. Default: ${connections}.`),
  connectTimeout: duration('1ms', '1h')
    .optional()
    .describe('How long connecting and logging in may take. Default: 20s.'),
  responseTimeout: duration('1ms', '1h')
    .optional()
    .describe('Without any byte from the server for so long, a request is given up. Default: 30s.'),
  idleTimeout: duration('0ms', '1d')
    .optional()
    .describe(
      'How long the server keeps a session whose client vanished; its slot rests so long. Default: 60s.',
    ),
});

const remote = (protocol: RemoteProtocol) => ({
  ...limits(defaultConnections.remote),
  host: host().describe('Host name or IP address of the server.'),
  port: count(1, 65_535).optional().describe(`TCP port. Default: ${defaultPorts[protocol]}.`),
  username: line().describe('The account to log in with; anonymous where the server allows it.'),
});

const password = reference().describe('Where the password is found: env:NAME, file:PATH or secret:NAME.');

const authRequired = 'this must be a map such as { password: env:NAME }';
const authError = {
  error: ({ code, input }: { code: string; input?: unknown }) =>
    code === 'invalid_type' && input !== undefined ? authRequired : undefined,
};

const passwordAuth = z
  .strictObject({ password }, authError)
  .describe('How to log in, for example { password: env:NAME }.');

const sftpAuth = z
  .strictObject(
    {
      password: password.optional(),
      privateKey: reference()
        .optional()
        .describe('Where the private key (PEM or OpenSSH format) is found, instead of a password.'),
      passphrase: reference()
        .optional()
        .describe('Where the passphrase of an encrypted private key is found.'),
    },
    authError,
  )
  .describe('How to log in: { password: env:NAME } or { privateKey: file:PATH, passphrase: env:NAME }.');

const algorithms = z.array(line()).min(1).optional();

const hostKey = text(parseHostKey, { pattern: '^(trust-on-first-use|SHA256:[A-Za-z0-9+/]{43})$' })
  .optional()
  .describe('SHA256:… pins the host key; trust-on-first-use (default) stores the first one and enforces it.');

type HostKey = 'trust-on-first-use' | `SHA256:${string}`;

function parseHostKey(value: string): { value: HostKey } | { refusal: string } {
  const how = 'get it with: ssh-keyscan HOST | ssh-keygen -lf -';
  if (value === 'trust-on-first-use') return { value };
  if (/^(MD5:)?([0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(value)) {
    return { refusal: `an MD5 fingerprint proves too little; write the SHA256:… one (${how})` };
  }
  if (/^(ssh-|ecdsa-)/.test(value)) {
    return { refusal: `this is the key itself; write its fingerprint SHA256:… (${how})` };
  }
  if (!/^SHA256:/.test(value)) return { refusal: `write trust-on-first-use or SHA256:… (${how})` };
  const digest = value.slice('SHA256:'.length);
  if (digest.endsWith('=')) return { refusal: 'a fingerprint is written without = at its end' };
  if (!/^[A-Za-z0-9+/]{43}$/.test(digest)) {
    return { refusal: `after SHA256: stand 43 characters of base64, here are ${digest.length} (${how})` };
  }
  // 43 characters hold 258 bits and a digest has 256: the last two must be zero, else a character was mistyped.
  if (Buffer.from(digest, 'base64').toString('base64') !== `${digest}=`) {
    return { refusal: `not the base64 of a SHA-256 digest: its last character cannot be right (${how})` };
  }
  return { value: `SHA256:${digest}` };
}

const zone = timezone()
  .optional()
  .describe('Time zone of the times in LIST listings; MLSD is always UTC. Default: UTC.');

const ftpKeys = {
  auth: passwordAuth,
  timezone: zone,
  separateTransferHost: z
    .boolean()
    .optional()
    .describe("Accept a passive address that differs from the control connection's. Default: false."),
  probe: z
    .enum(['auto', 'off'])
    .optional()
    .describe(
      'Whether unchanged directories are told by STAT, without a listing: where that is exact, or never. Default: auto.',
    ),
};

const tls = z
  .strictObject({
    verify: z.boolean().optional().describe("Whether the server's certificate is verified. Default: true."),
    ca: referenceOr((plain) =>
      plain.startsWith('-----BEGIN CERTIFICATE-----')
        ? undefined
        : { refusal: 'write file:PATH of a PEM file, env:NAME, secret:NAME or the PEM text itself' },
    )
      .optional()
      .describe("Certificates (PEM) to trust in addition to the system's."),
    minVersion: z
      .enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'])
      .optional()
      .describe('Oldest TLS version to accept. Default: TLSv1.2.'),
    serverName: host()
      .optional()
      .describe('Name to verify the certificate against and to send as SNI. Default: host.'),
    ciphers: algorithms.describe("Allowed ciphers, OpenSSL names, best first. Default: Node's."),
  })
  .optional()
  .describe('Settings of TLS.');

const ftpsKeys = { ...ftpKeys, tls };

/** One remote endpoint. Every key is checked against the protocol: what has no effect is refused. */
export const serverSchema = z.discriminatedUnion('protocol', [
  z.strictObject({
    protocol: z.literal('sftp').describe('SFTP, over SSH.'),
    ...remote('sftp'),
    auth: sftpAuth,
    hostKey,
    ciphers: algorithms.describe('Allowed ciphers, ssh names, best first.'),
    keyExchange: algorithms.describe('Allowed key exchange methods, ssh names, best first.'),
  }),
  z.strictObject({
    protocol: z.literal('ftp').describe('FTP in the clear: everybody on the way reads password and files.'),
    insecure: z
      .literal(true, {
        error:
          'protocol ftp sends password and files in the clear; use ftps, or write insecure: true to accept that',
      })
      .describe('Must be true: accepts that password and files travel in the clear.'),
    ...remote('ftp'),
    ...ftpKeys,
  }),
  z.strictObject({
    protocol: z.literal('ftps').describe('FTP with explicit TLS (AUTH TLS).'),
    ...remote('ftps'),
    ...ftpsKeys,
  }),
  z.strictObject({
    protocol: z.literal('ftps-implicit').describe('FTP with TLS from the first byte.'),
    ...remote('ftps-implicit'),
    ...ftpsKeys,
  }),
  z.strictObject({
    protocol: z.literal('local').describe('Directories of this machine.'),
    ...limits(defaultConnections.local),
  }),
]);

export type ParsedServer = z.output<typeof serverSchema>;
