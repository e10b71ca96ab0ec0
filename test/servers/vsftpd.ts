import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, accountMissing, findProgram, isRoot } from './account.ts';
import { type Daemon, type Scratch, startDaemon } from './daemon.ts';
import { newCertificate } from './keys.ts';
import type { StartOptions, TestServer } from './test-server.ts';

/** Logs users in by PAM, so it needs root. */
export function vsftpdMissing(): string | undefined {
  if (findProgram('vsftpd') === undefined) return 'vsftpd is not installed: run test/servers/install.sh';
  return isRoot ? accountMissing() : 'vsftpd needs root to log users in';
}

export function startVsftpd(options: StartOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => vsftpd(scratch, options));
}

function vsftpd(scratch: Scratch, options: StartOptions): Daemon {
  const { username, password } = account();
  const tls =
    options.tls === undefined ? undefined : newCertificate(scratch.secrets, options.certificate ?? 'valid');
  const protocol = options.tls === undefined ? 'ftp' : options.tls === 'explicit' ? 'ftps' : 'ftps-implicit';
  const configFile = join(scratch.secrets, 'vsftpd.conf');
  const empty = join(scratch.folder, 'empty');
  mkdirSync(empty);
  const settings = (port: number): Readonly<Record<string, string | number>> => ({
    listen: 'YES',
    listen_address: '127.0.0.1',
    listen_port: port,
    background: 'NO',
    anonymous_enable: 'NO',
    local_enable: 'YES',
    write_enable: 'YES',
    local_umask: '022',
    local_root: scratch.localRoot,
    secure_chroot_dir: empty,
    pam_service_name: 'vsftpd',
    // Its sandboxes need kernel features that containers often lack, and test nothing of ours.
    seccomp_sandbox: 'NO',
    isolate: 'NO',
    isolate_network: 'NO',
    use_localtime: options.timezone === undefined ? 'NO' : 'YES',
    max_clients: options.connections ?? 200,
    delay_failed_login: 0,
    vsftpd_log_file: join(scratch.folder, 'vsftpd.log'),
    ...(tls === undefined
      ? {}
      : {
          ssl_enable: 'YES',
          implicit_ssl: options.tls === 'implicit' ? 'YES' : 'NO',
          force_local_logins_ssl: 'YES',
          force_local_data_ssl: 'YES',
          require_ssl_reuse: 'YES',
          ssl_ciphers: 'HIGH',
          rsa_cert_file: tls.certificateFile,
          rsa_private_key_file: tls.keyFile,
        }),
  });
  return {
    name: `vsftpd (${protocol})`,
    command: findProgram('vsftpd') ?? 'vsftpd',
    env: { TZ: options.timezone ?? 'UTC' },
    // A stopped child sends SIGCHLD, and the handler in vsftpd's session then waits for its end for ever.
    resumeEndsSessions: true,
    configure(port) {
      // No blanks around `=`: vsftpd.conf(5).
      const lines = Object.entries(settings(port)).map(([key, value]) => `${key}=${value}\n`);
      writeFileSync(configFile, lines.join(''), { mode: 0o600 });
      return [configFile];
    },
    config: { protocol, username, password, ...(tls === undefined ? {} : { ca: tls.ca }) },
    facts: {
      listing: 'list',
      truncatesAt: null,
      listZone: options.timezone ?? 'UTC',
      newlineInName: 'broken',
      brokenLinks: 'shown',
      emptySuccess: true,
      enforcesPermissions: true,
      sessionsOutlivePause: false,
      limitsSessions: true,
      unreachableNames: null,
    },
  };
}
