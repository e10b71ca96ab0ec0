import { Client } from 'basic-ftp';
import SftpClient from 'ssh2-sftp-client';
import type { TestServer } from './test-server.ts';

/** A login with the plain library, to look at a test server without Farwatch's own adapters. */
export interface PlainClient {
  names(directory: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function plainLogin(server: TestServer): Promise<PlainClient> {
  return server.config.protocol === 'sftp' ? sftpLogin(server) : ftpLogin(server);
}

export async function sftpLogin(server: TestServer): Promise<PlainClient & { readonly sftp: SftpClient }> {
  const { host, port, username, password, privateKey } = server.config;
  // Its default listeners write to standard output.
  const quiet = () => undefined;
  const sftp = new SftpClient('test', { error: quiet, end: quiet, close: quiet });
  const secret = password === undefined ? { privateKey: privateKey ?? '' } : { password };
  await sftp.connect({ host, port, username, ...secret, readyTimeout: 60_000 });
  return {
    sftp,
    names: async (directory) => (await sftp.list(directory)).map(({ name }) => name),
    close: async () => {
      await sftp.end();
    },
  };
}

export async function ftpLogin(server: TestServer): Promise<PlainClient & { readonly ftp: Client }> {
  const { protocol, host, port, username, password, ca } = server.config;
  const ftp = new Client(60_000);
  const secure = protocol === 'ftps-implicit' ? 'implicit' : protocol === 'ftps';
  const secureOptions = ca === undefined ? {} : { ca };
  try {
    await ftp.access({ host, port, user: username, password: password ?? '', secure, secureOptions });
  } catch (error) {
    ftp.close();
    throw error;
  }
  return {
    ftp,
    names: async (directory) => (await ftp.list(directory)).map(({ name }) => name),
    close: async () => ftp.close(),
  };
}
