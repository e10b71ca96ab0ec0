import type { FtpServer, SecretReference, ServerConfig, SftpServer } from '../config/config.ts';
import type { KnownHosts, Remote } from './remote.ts';
import type { SftpCredentials } from './sftp/credentials.ts';

export type ReadSecret = (reference: SecretReference) => Promise<string>;

/**
 * The remote of a configured server, with its secrets read; connects to nothing yet. Adapters are loaded when they
 * are needed: each brings a library that takes longer to load than all the rest.
 */
export async function openRemote(
  server: ServerConfig,
  readSecret: ReadSecret,
  knownHosts: KnownHosts,
): Promise<Remote> {
  switch (server.protocol) {
    case 'local': {
      const { LocalRemote } = await import('./local/local-remote.ts');
      return new LocalRemote();
    }
    case 'sftp': {
      const { SftpRemote } = await import('./sftp/sftp-remote.ts');
      return new SftpRemote(server, await sftpCredentials(server, readSecret), knownHosts);
    }
    case 'ftp':
    case 'ftps':
    case 'ftps-implicit': {
      const { FtpRemote } = await import('./ftp/ftp-remote.ts');
      return new FtpRemote(server, await ftpSecrets(server, readSecret));
    }
  }
}

async function sftpCredentials({ auth }: SftpServer, readSecret: ReadSecret): Promise<SftpCredentials> {
  if ('password' in auth) return { password: await readSecret(auth.password) };
  const privateKey = await readSecret(auth.privateKey);
  if (auth.passphrase === undefined) return { privateKey };
  return { privateKey, passphrase: await readSecret(auth.passphrase) };
}

async function ftpSecrets(
  { auth, tls }: FtpServer,
  readSecret: ReadSecret,
): Promise<{ readonly password: string; readonly ca?: string }> {
  const password = await readSecret(auth.password);
  return tls.ca === undefined ? { password } : { password, ca: await readSecret(tls.ca) };
}
