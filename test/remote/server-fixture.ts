import type { KnownHosts, Remote } from '../../shared/remote/remote.ts';
import type { SftpCredentials } from '../../shared/remote/sftp/credentials.ts';
import { SftpRemote } from '../../shared/remote/sftp/sftp-remote.ts';
import { freePort } from '../servers/ports.ts';
import { sftpServerConfig } from '../servers/server-config.ts';
import type { TestServer } from '../servers/test-server.ts';
import type { Features, Fixture } from './fixture.ts';

/** Host keys in memory, as the state keeps them. */
export class MemoryKnownHosts implements KnownHosts {
  readonly keys = new Map<string, string>();

  async get(address: string): Promise<string | undefined> {
    return this.keys.get(address);
  }

  async remember(address: string, fingerprint: string): Promise<string> {
    const known = this.keys.get(address) ?? fingerprint;
    this.keys.set(address, known);
    return known;
  }
}

/** What the conformance suite may expect of a server of `test/servers`. */
export function featuresOf({ facts }: TestServer): Features {
  return {
    exactTimes: facts.listing !== 'list',
    exactNames: facts.newlineInName === 'exact',
    hidden: true,
    links: true,
    unreadable: facts.enforcesPermissions,
    ...(facts.unreachableNames === null ? {} : { unreachable: facts.unreachableNames }),
    omits: [
      ...(facts.newlineInName === 'omitted' ? (['newline', 'carriage-return'] as const) : []),
      ...(facts.brokenLinks === 'omitted' ? (['broken-link'] as const) : []),
    ],
  };
}

export function sftpCredentials(server: TestServer): SftpCredentials {
  const { password, privateKey } = server.config;
  return password === undefined ? { privateKey: privateKey ?? '' } : { password };
}

export async function sftpFixture(server: TestServer): Promise<Fixture> {
  const config = sftpServerConfig(server);
  const credentials = sftpCredentials(server);
  const knownHosts = new MemoryKnownHosts();
  const remote: Remote = new SftpRemote(config, credentials, knownHosts);
  const deadPort = new SftpRemote({ ...config, port: await freePort() }, credentials, knownHosts);
  return {
    remote,
    root: server.root,
    localRoot: server.localRoot,
    features: featuresOf(server),
    wrongLogin: new SftpRemote(config, { password: 'not the password' }, knownHosts),
    deadPort,
    killSessions: () => server.killSessions(),
    close: () => server.stop(),
  };
}
