import type { FtpServer, SftpServer } from '../../../shared/config/config.ts';
import { ftpServerConfig, sftpServerConfig } from '../server-config.ts';
import type { ContainerServer } from './container-server.ts';

export type Limits = Pick<
  FtpServer,
  'connections' | 'connectTimeoutMs' | 'responseTimeoutMs' | 'idleTimeoutMs'
>;

/** The server as the parsed configuration would name it, for `openRemote`. */
export function parsedConfig(server: ContainerServer, limits: Partial<Limits> = {}): FtpServer | SftpServer {
  const { kind, protocol, host, port, username, password, hostKey, ca, timezone } = server;
  const configured = {
    name: kind,
    config: {
      protocol,
      host,
      port,
      username,
      password,
      ...(hostKey === undefined ? {} : { hostKey }),
      ...(ca === undefined ? {} : { ca }),
    },
    facts: { listZone: timezone },
  };
  return protocol === 'sftp' ? sftpServerConfig(configured, limits) : ftpServerConfig(configured, limits);
}
