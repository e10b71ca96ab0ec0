import { join } from 'node:path';
import { account, accountMissing, findProgram, isRoot } from './account.ts';
import { type Daemon, type Scratch, startDaemon } from './daemon.ts';
import { newCertificate } from './keys.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export interface PureFtpdOptions extends StartOptions {
  /** Pure-FTPd has no TLS from the first byte. */
  readonly tls?: 'explicit';
  /** `default`: 10,000 entries a listing, as it comes out of the box; or so many. */
  readonly limitRecursion?: 'default' | 'lifted' | number;
}

/** Separates privileges and reads the system's passwords, so it needs root. */
export function pureFtpdMissing(): string | undefined {
  if (findProgram('pure-ftpd') === undefined)
    return 'Pure-FTPd is not installed: run test/servers/install.sh';
  return isRoot ? accountMissing() : 'Pure-FTPd needs root to log users in';
}

export function startPureFtpd(options: PureFtpdOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => pureFtpd(scratch, options));
}

function pureFtpd(scratch: Scratch, options: PureFtpdOptions): Daemon {
  const { username, password } = account();
  const tls =
    options.tls === undefined ? undefined : newCertificate(scratch.secrets, options.certificate ?? 'valid');
  const protocol = tls === undefined ? 'ftp' : 'ftps';
  const { limitRecursion = 'lifted' } = options;
  const limits = { default: 10_000, lifted: null };
  const truncatesAt = typeof limitRecursion === 'number' ? limitRecursion : limits[limitRecursion];
  const connections = String(options.connections ?? 200);
  return {
    name: `Pure-FTPd (${protocol})`,
    command: findProgram('pure-ftpd') ?? 'pure-ftpd',
    env: { TZ: options.timezone ?? 'UTC' },
    configure: (port) => [
      ...['--bind', `127.0.0.1,${port}`],
      ...['--login', 'unix', '--noanonymous', '--minuid', '1'],
      ...['--dontresolve', '--syslogfacility', 'none', '--pidfile', join(scratch.secrets, 'pid')],
      ...['--maxclientsnumber', connections, '--maxclientsperip', connections],
      // By default it says no more than 10,000 entries, five directories deep.
      ...(limitRecursion === 'default' ? [] : ['--limitrecursion', `${truncatesAt ?? 100_000_000}:100`]),
      ...(tls === undefined ? ['--tls', '0'] : ['--tls', '3', '--certfile', tls.bundleFile]),
    ],
    config: { protocol, username, password, ...(tls === undefined ? {} : { ca: tls.ca }) },
    facts: {
      listing: 'mlsd',
      truncatesAt,
      listZone: options.timezone ?? 'UTC',
      newlineInName: 'omitted',
      brokenLinks: 'shown',
      emptySuccess: true,
      enforcesPermissions: true,
      sessionsOutlivePause: true,
      limitsSessions: true,
      unreachableNames: null,
    },
  };
}
