import { hash } from 'node:crypto';
import type { SecretReference, ServerConfig } from '../config/config.ts';
import { openRemote } from './open.ts';
import type { KnownHosts, Remote } from './remote.ts';

export interface CredentialedRemote {
  readonly remote: Remote;
  /** Tells whether a refused login would be tried with the same credentials; short on purpose. */
  readonly credentials: string;
}

/** The remote of a server, and a hash of the credentials that it will use. */
export async function openCredentialed(
  server: ServerConfig,
  readSecret: (reference: SecretReference) => Promise<string>,
  knownHosts: KnownHosts,
): Promise<CredentialedRemote> {
  const secrets: string[] = [];
  const remembering = async (reference: SecretReference) => {
    const secret = await readSecret(reference);
    secrets.push(secret);
    return secret;
  };
  const remote = await openRemote(server, remembering, knownHosts);
  return { remote, credentials: hash('sha256', JSON.stringify([server, secrets]), 'hex').slice(0, 8) };
}
