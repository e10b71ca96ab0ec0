import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, accountMissing, findProgram, isRoot, proftpdModules } from './account.ts';
import { type Daemon, type Scratch, startDaemon } from './daemon.ts';
import { newCertificate, newSshKey, rfc4716 } from './keys.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export function proftpdMissing(): string | undefined {
  const program = findProgram('proftpd');
  if (program === undefined) return 'ProFTPD is not installed: run test/servers/install.sh';
  if (proftpdModules(program) === undefined)
    return 'ProFTPD lacks mod_tls or mod_sftp: run test/servers/install.sh';
  return accountMissing();
}

export interface ProftpdOptions extends StartOptions {
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
  /** Users see nothing but their home, the served directory, which is `/` to them. Needs root. */
  readonly chroot?: boolean;
}

export function startProftpd(options: ProftpdOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => proftpd(scratch, options));
}

export function startProftpdSftp(
  options: Omit<StartOptions, 'tls' | 'certificate'> = {},
): Promise<TestServer> {
  return startDaemon(options, (scratch) => proftpdSftp(scratch, options));
}

function proftpd(scratch: Scratch, options: ProftpdOptions): Daemon {
  const { username, password } = account();
  const tls =
    options.tls === undefined ? undefined : newCertificate(scratch.secrets, options.certificate ?? 'valid');
  const protocol = options.tls === undefined ? 'ftp' : options.tls === 'explicit' ? 'ftps' : 'ftps-implicit';
  const tlsLines =
    tls === undefined
      ? []
      : [
          'LoadModule mod_tls.c',
          'TLSEngine on',
          'TLSRequired on',
          'TLSProtocol TLSv1.2 TLSv1.3',
          `TLSRSACertificateFile ${tls.certificateFile}`,
          `TLSRSACertificateKeyFile ${tls.keyFile}`,
          `TLSLog ${join(scratch.folder, 'tls.log')}`,
          ...(options.tls === 'implicit' ? ['TLSOptions UseImplicitSSL'] : []),
        ];
  return {
    ...common(scratch, options, [
      ...tlsLines,
      ...(options.chroot === true ? ['DefaultRoot ~'] : []),
      ...(options.lines ?? []),
    ]),
    ...(options.chroot === true ? { root: '/' } : {}),
    name: `ProFTPD (${protocol})`,
    config: { protocol, username, password, ...(tls === undefined ? {} : { ca: tls.ca }) },
    facts: {
      listing: 'mlsd',
      truncatesAt: null,
      listZone: options.timezone ?? 'UTC',
      newlineInName: 'broken',
      brokenLinks: 'omitted',
      emptySuccess: false,
      enforcesPermissions: true,
      sessionsOutlivePause: true,
      limitsSessions: true,
      unreachableNames: null,
    },
  };
}

function proftpdSftp(scratch: Scratch, options: StartOptions): Daemon {
  const { username, password } = account();
  const hostKey = newSshKey();
  const clientKey = newSshKey();
  const hostKeyFile = join(scratch.secrets, 'host_key');
  writeFileSync(hostKeyFile, hostKey.privateKey, { mode: 0o600 });
  const authorized = join(scratch.folder, 'authorized_keys');
  writeFileSync(authorized, rfc4716(clientKey));
  return {
    ...common(scratch, options, [
      'LoadModule mod_sftp.c',
      'SFTPEngine on',
      `SFTPHostKey ${hostKeyFile}`,
      `SFTPAuthorizedUserKeys file:${authorized}`,
      'SFTPAuthMethods publickey password',
      `SFTPLog ${join(scratch.folder, 'sftp.log')}`,
    ]),
    name: 'ProFTPD (sftp)',
    config: {
      protocol: 'sftp',
      username,
      password,
      privateKey: clientKey.privateKey,
      hostKey: hostKey.fingerprint,
    },
    facts: {
      listing: 'sftp',
      truncatesAt: null,
      listZone: 'UTC',
      newlineInName: 'exact',
      brokenLinks: 'shown',
      emptySuccess: false,
      enforcesPermissions: true,
      sessionsOutlivePause: true,
      limitsSessions: true,
      unreachableNames: null,
    },
  };
}

function common(
  scratch: Scratch,
  options: StartOptions,
  moduleLines: readonly string[],
): Pick<Daemon, 'command' | 'env' | 'configure'> {
  const { username, password, uid, gid } = account();
  const program = findProgram('proftpd') ?? 'proftpd';
  const users = join(scratch.secrets, 'users');
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: password,
    encoding: 'utf8',
  }).trim();
  writeFileSync(users, `${username}:${hash}:${uid}:${gid}::${scratch.localRoot}:/bin/sh\n`);
  chmodSync(users, 0o600);
  const configFile = join(scratch.secrets, 'proftpd.conf');
  const lines = (port: number): readonly string[] => [
    `ModulePath ${proftpdModules(program) ?? ''}`,
    'ServerName "Farwatch test"',
    'ServerType standalone',
    'UseIPv6 off',
    'DefaultAddress 127.0.0.1',
    'SocketBindTight on',
    `Port ${port}`,
    ...(isRoot ? ['User nobody', 'Group nogroup'] : [`User ${username}`, `Group ${ownGroup()}`]),
    `AuthUserFile ${users}`,
    'AuthOrder mod_auth_file.c',
    'RequireValidShell off',
    'Umask 022',
    'AllowOverwrite on',
    'WtmpLog off',
    `SystemLog ${join(scratch.folder, 'proftpd.log')}`,
    'TransferLog none',
    'UseReverseDNS off',
    `PidFile ${join(scratch.secrets, 'pid')}`,
    `ScoreboardFile ${join(scratch.secrets, 'scoreboard')}`,
    // Killed sessions must free their place at once.
    'ScoreboardScrub 1',
    'MaxInstances 500',
    `MaxClients ${options.connections ?? 200}`,
    `TimesGMT ${options.timezone === undefined ? 'on' : 'off'}`,
    // mod_delay would slow logins down on purpose; mod_ctrls would open a socket at a fixed path.
    '<IfModule mod_delay.c>\nDelayEngine off\n</IfModule>',
    '<IfModule mod_ctrls.c>\nControlsEngine off\n</IfModule>',
    ...moduleLines,
  ];
  return {
    command: program,
    env: { TZ: options.timezone ?? 'UTC' },
    configure(port) {
      writeFileSync(configFile, `${lines(port).join('\n')}\n`, { mode: 0o600 });
      return ['--nodaemon', '--config', configFile];
    },
  };
}

/** Without root ProFTPD can be nobody but us. */
function ownGroup(): string {
  return execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
}
