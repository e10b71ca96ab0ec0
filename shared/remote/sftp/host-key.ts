import { createHash } from 'node:crypto';
import type { SftpServer } from '../../config/config.ts';
import { RemoteAuth } from '../../failure.ts';
import type { KnownHosts } from '../remote.ts';

/** As `ssh-keygen -l` prints it: the digest of the whole key blob, base64 without padding. */
export function fingerprintOf(keyBlob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(keyBlob).digest('base64').replace(/=+$/, '')}`;
}

/** Throws RemoteAuth unless the key is the pinned one, or the one stored on first use. */
export async function checkHostKey(
  server: SftpServer,
  knownHosts: KnownHosts,
  keyBlob: Uint8Array,
): Promise<void> {
  const got = fingerprintOf(keyBlob);
  const address = addressOf(server);
  const pinned = server.hostKey !== 'trust-on-first-use';
  const expected = pinned ? withoutPadding(server.hostKey) : await knownHosts.remember(address, got);
  if (expected === got) return;
  const source = pinned ? 'the configuration names' : 'it showed at the first connection';
  throw new RemoteAuth(
    'host-key',
    `${address} shows the host key ${got}, but ${source} ${expected}: it may be another server`,
    {
      advice: `If the owner of the server confirms the new key, set "hostKey: ${got}" for server "${server.name}"; else do not connect.`,
    },
  );
}

export function addressOf(server: SftpServer): string {
  return server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
}

function withoutPadding(fingerprint: string): string {
  return fingerprint.replace(/=+$/, '');
}
