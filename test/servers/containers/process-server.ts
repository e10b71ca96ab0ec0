import { isRoot } from '../account.ts';
import { opensshMissing, startOpenSsh } from '../openssh.ts';
import { proftpdMissing, startProftpd } from '../proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from '../pure-ftpd.ts';
import type { StartOptions, TestServer } from '../test-server.ts';
import { startVsftpd, vsftpdMissing } from '../vsftpd.ts';
import type { ContainerKind, ContainerOptions, ContainerServer } from './container-server.ts';
import { watchedTree } from './watched-tree.ts';

/** Why the server cannot run as a process of this machine, or undefined. */
export function processMissing(kind: ContainerKind): string | undefined {
  if (process.platform !== 'linux') return 'servers run as processes on Linux only';
  switch (kind) {
    case 'vsftpd':
      return vsftpdMissing();
    case 'proftpd':
      return proftpdMissing();
    case 'pure-ftpd':
      return pureFtpdMissing();
    case 'openssh':
      return opensshMissing() ?? (isRoot ? undefined : 'sshd takes no passwords without root');
  }
}

/** A process of this machine with the ways of a container. */
export async function startProcess(
  kind: ContainerKind,
  options: ContainerOptions = {},
): Promise<ContainerServer> {
  const server = await launch(kind, options);
  const { protocol, password, hostKey, ca, ...address } = server.config;
  if (protocol === 'ftps-implicit' || password === undefined)
    throw new Error(`${server.name} is not of the containers' kind`);
  return {
    kind,
    runsAs: 'process',
    protocol,
    host: address.host,
    port: address.port,
    username: address.username,
    password,
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(ca === undefined ? {} : { ca }),
    timezone: server.facts.listZone,
    root: server.root,
    ...watchedTree(server.localRoot),
    pause: async () => server.pause(),
    unpause: async () => server.resume(),
    disconnect: () => server.crash(),
    reconnect: () => server.restart(),
    stop: () => server.stop(),
  };
}

function launch(kind: ContainerKind, options: ContainerOptions): Promise<TestServer> {
  const { connections, timezone, tls } = options;
  const ftp: StartOptions & { tls?: 'explicit' } = {
    ...(connections === undefined ? {} : { connections }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(tls === true ? { tls: 'explicit' } : {}),
  };
  switch (kind) {
    case 'vsftpd':
      return startVsftpd(ftp);
    case 'proftpd':
      return startProftpd(ftp);
    case 'pure-ftpd':
      return startPureFtpd(ftp);
    case 'openssh':
      return startOpenSsh();
  }
}
