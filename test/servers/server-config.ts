import type { FtpServer, SftpServer } from '../../shared/config/config.ts';
import type { ServerFacts, TestServer } from './test-server.ts';

const limits = {
  connections: 4,
  connectTimeoutMs: 30_000,
  responseTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
} as const;

type Configured = Pick<TestServer, 'name' | 'config'> & { readonly facts: Pick<ServerFacts, 'listZone'> };

/** The server as the parsed configuration would name it: pinned host key, verified certificate. */
export function sftpServerConfig(server: Configured, overrides: Partial<SftpServer> = {}): SftpServer {
  const { protocol, host, port, username, password, privateKey, hostKey } = server.config;
  if (protocol !== 'sftp') throw new Error(`${server.name} does not speak SFTP`);
  const auth =
    password === undefined
      ? { privateKey: { source: 'plain', value: privateKey ?? '' } as const }
      : { password: { source: 'plain', value: password } as const };
  return {
    ...limits,
    name: 'test',
    protocol,
    host,
    port,
    username,
    auth,
    hostKey: hostKey ?? 'trust-on-first-use',
    ...overrides,
  };
}

export function ftpServerConfig(server: Configured, overrides: Partial<FtpServer> = {}): FtpServer {
  const { protocol, host, port, username, password, ca } = server.config;
  if (protocol === 'sftp') throw new Error(`${server.name} does not speak FTP`);
  return {
    ...limits,
    name: 'test',
    protocol,
    host,
    port,
    username,
    auth: { password: { source: 'plain', value: password ?? '' } },
    timezone: server.facts.listZone,
    separateTransferHost: false,
    probe: 'auto',
    tls: {
      verify: true,
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: { source: 'plain', value: ca } }),
    },
    ...overrides,
  };
}
