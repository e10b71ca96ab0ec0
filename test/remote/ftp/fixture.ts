import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FtpServer } from '../../../shared/config/config.ts';
import { FtpRemote } from '../../../shared/remote/ftp/ftp-remote.ts';
import { freePort } from '../../servers/ports.ts';
import { ftpServerConfig } from '../../servers/server-config.ts';
import type { TestServer } from '../../servers/test-server.ts';
import type { Fixture } from '../fixture.ts';
import { featuresOf } from '../server-fixture.ts';

export function ftpRemote(
  server: TestServer,
  overrides: Partial<FtpServer> = {},
  secrets: { readonly password?: string; readonly ca?: string } = {},
  clock: () => number = Date.now,
): FtpRemote {
  const { password = '', ca } = server.config;
  return new FtpRemote(
    ftpServerConfig(server, overrides),
    { password, ...(ca === undefined ? {} : { ca }), ...secrets },
    clock,
  );
}

export async function ftpFixture(server: TestServer, overrides: Partial<FtpServer> = {}): Promise<Fixture> {
  return {
    remote: ftpRemote(server, overrides),
    root: server.root,
    localRoot: server.localRoot,
    features: featuresOf(server),
    wrongLogin: ftpRemote(server, {}, { password: 'not the password' }),
    deadPort: ftpRemote(server, { port: await freePort() }),
    killSessions: async () => {
      await server.killSessions();
      // ftp-srv is told by a signal, and takes a moment.
      while (isConnected(server.config.port)) await sleep(5);
    },
    close: () => server.stop(),
  };
}

/** Whether a session with the server at this port is established, by the kernel's table. */
function isConnected(port: number): boolean {
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return state === '01' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port;
    });
}
