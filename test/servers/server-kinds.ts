import { startNpmFtp, startNpmSftp } from './npm-servers.ts';
import { opensshMissing, startOpenSsh } from './openssh.ts';
import { proftpdMissing, startProftpd, startProftpdSftp } from './proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from './pure-ftpd.ts';
import type { StartOptions, TestProtocol, TestServer } from './test-server.ts';
import { startVsftpd, vsftpdMissing } from './vsftpd.ts';

/** What every server takes, whatever its protocol; TLS is a kind of its own. */
export type KindOptions = Pick<StartOptions, 'directory' | 'port' | 'connections' | 'timezone'>;

export interface ServerKind {
  readonly name: string;
  readonly protocol: TestProtocol;
  /** Why it cannot be started on this machine, or undefined where it can. */
  available(): string | undefined;
  start(options?: KindOptions): Promise<TestServer>;
}

const onLinux =
  process.platform === 'linux' ? undefined : 'the servers of the tests are started on Linux only';

function kind(
  name: string,
  protocol: TestProtocol,
  missing: () => string | undefined,
  start: (options: KindOptions) => Promise<TestServer>,
): ServerKind {
  return { name, protocol, available: () => onLinux ?? missing(), start: (options = {}) => start(options) };
}

/**
 * Every server and protocol that suites loop over. As root, after install.sh, all of them. Without root: OpenSSH (by
 * key) and ProFTPD serve the developer's own account where they are installed, vsftpd and Pure-FTPd are skipped.
 * With npm alone: the last two.
 */
export const serverKinds: readonly ServerKind[] = [
  kind('OpenSSH (sftp)', 'sftp', opensshMissing, startOpenSsh),
  kind('ProFTPD (sftp)', 'sftp', proftpdMissing, startProftpdSftp),
  kind('vsftpd (ftp)', 'ftp', vsftpdMissing, startVsftpd),
  kind('vsftpd (ftps)', 'ftps', vsftpdMissing, (options) => startVsftpd({ ...options, tls: 'explicit' })),
  kind('vsftpd (ftps-implicit)', 'ftps-implicit', vsftpdMissing, (options) =>
    startVsftpd({ ...options, tls: 'implicit' }),
  ),
  kind('ProFTPD (ftp)', 'ftp', proftpdMissing, startProftpd),
  kind('ProFTPD (ftps)', 'ftps', proftpdMissing, (options) => startProftpd({ ...options, tls: 'explicit' })),
  kind('ProFTPD (ftps-implicit)', 'ftps-implicit', proftpdMissing, (options) =>
    startProftpd({ ...options, tls: 'implicit' }),
  ),
  kind('Pure-FTPd (ftp)', 'ftp', pureFtpdMissing, startPureFtpd),
  kind('Pure-FTPd (ftps)', 'ftps', pureFtpdMissing, (options) =>
    startPureFtpd({ ...options, tls: 'explicit' }),
  ),
  kind('ssh2 (sftp)', 'sftp', () => undefined, startNpmSftp),
  kind('ftp-srv (ftp)', 'ftp', () => undefined, startNpmFtp),
];

/** For `test(name, { skip })`: false, or why the server is skipped. In CI nothing is skipped: it throws. */
export function skipReason(kind: Pick<ServerKind, 'name' | 'available'>): string | false {
  const reason = kind.available();
  if (reason === undefined) return false;
  if (process.env['CI'] === 'true') throw new Error(`${kind.name} must be tested in CI: ${reason}`);
  return reason;
}
