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
): FtpRemote {
  const { password = '', ca } = server.config;
  return new FtpRemote(ftpServerConfig(server, overrides), {
    password,
    ...(ca === undefined ? {} : { ca }),
    ...secrets,
  });
}

export async function ftpFixture(server: TestServer): Promise<Fixture> {
  return {
    remote: ftpRemote(server),
    root: server.root,
    localRoot: server.localRoot,
    features: featuresOf(server),
    wrongLogin: ftpRemote(server, {}, { password: 'not the password' }),
    deadPort: ftpRemote(server, { port: await freePort() }),
    killSessions: () => server.killSessions(),
    close: () => server.stop(),
  };
}
