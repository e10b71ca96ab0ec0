import { fileURLToPath } from 'node:url';
import { account, accountMissing, isRoot } from './account.ts';
import { type Daemon, type Scratch, startDaemon } from './daemon.ts';
import { newSshKey } from './keys.ts';
import type { StartOptions, TestServer } from './test-server.ts';

const main = fileURLToPath(new URL('npm-server-main.ts', import.meta.url));

export type NpmServerOptions = Pick<StartOptions, 'directory' | 'port'>;

/** The servers from npm need nothing but npm. */
export function startNpmSftp(options: NpmServerOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => npmServer('sftp', scratch));
}

export function startNpmFtp(options: NpmServerOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => npmServer('ftp', scratch));
}

function npmServer(kind: 'sftp' | 'ftp', scratch: Scratch): Daemon {
  // Without the test user of install.sh root serves as root: then no directory is unreadable.
  const user = isRoot && accountMissing() === undefined ? account() : undefined;
  const login = { username: 'demo', password: 'demo' };
  const hostKey = newSshKey();
  const settings = {
    kind,
    directory: scratch.localRoot,
    ...login,
    hostKey,
    ...(user === undefined ? {} : { user }),
  };
  const env: Record<string, string> = {};
  return {
    name: kind === 'sftp' ? 'ssh2 (sftp)' : 'ftp-srv (ftp)',
    command: process.execPath,
    env,
    root: '/',
    configure(port) {
      env['FARWATCH_TEST_SERVER'] = JSON.stringify({ ...settings, port });
      return ['--disable-warning=ExperimentalWarning', main];
    },
    killSessionsBySignal: 'SIGUSR2',
    config: { protocol: kind, ...login, ...(kind === 'sftp' ? { hostKey: hostKey.fingerprint } : {}) },
    facts: {
      listing: kind === 'sftp' ? 'sftp' : 'list',
      truncatesAt: null,
      listZone: 'UTC',
      newlineInName: kind === 'sftp' ? 'exact' : 'broken',
      brokenLinks: 'shown',
      emptySuccess: false,
      enforcesPermissions: !isRoot || user !== undefined,
      sessionsOutlivePause: true,
      limitsSessions: false,
      unreachableNames: kind === 'sftp' ? null : /"|(^| )-\w( |$)/,
    },
  };
}
