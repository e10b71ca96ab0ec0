import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, accountMissing, findProgram, isRoot } from './account.ts';
import { type Daemon, type Scratch, startDaemon } from './daemon.ts';
import { newSshKey } from './keys.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export interface OpenSshOptions
  extends Omit<StartOptions, 'tls' | 'certificate' | 'connections' | 'timezone'> {
  /** sshd's own `MaxStartups`, e.g. its default `10:30:100`, which drops some of many logins at once. */
  readonly maxStartups?: string;
  /** Keys that may log in besides the one in `config`, a line each. */
  readonly authorizedKeys?: readonly string[];
  /** What a login may run besides SFTP. Default: nothing, and SFTP starts in the served directory. */
  readonly commands?: 'none' | 'any';
}

export function opensshMissing(): string | undefined {
  if (findProgram('sshd') === undefined) return 'sshd is not installed: run test/servers/install.sh';
  return accountMissing();
}

/** Without root sshd serves its own user by key only: it cannot read the system's passwords. */
export function startOpenSsh(options: OpenSshOptions = {}): Promise<TestServer> {
  return startDaemon(options, (scratch) => openssh(scratch, options));
}

function openssh(scratch: Scratch, options: OpenSshOptions): Daemon {
  const { username, password } = account();
  const hostKey = newSshKey();
  const clientKey = newSshKey();
  const hostKeyFile = join(scratch.secrets, 'host_key');
  writeFileSync(hostKeyFile, hostKey.privateKey, { mode: 0o600 });
  const authorized = join(scratch.folder, 'authorized_keys');
  writeFileSync(authorized, [clientKey.publicKey, ...(options.authorizedKeys ?? []), ''].join('\n'));
  // sshd's privilege separation insists on this very directory; the Debian service would make it at boot.
  if (isRoot) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const configFile = join(scratch.secrets, 'sshd_config');
  const lines = (port: number): readonly string[] => [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${hostKeyFile}`,
    'PidFile none',
    'UsePAM no',
    'UseDNS no',
    'StrictModes no',
    `AllowUsers ${username}`,
    `PasswordAuthentication ${isRoot ? 'yes' : 'no'}`,
    'KbdInteractiveAuthentication no',
    'PubkeyAuthentication yes',
    `AuthorizedKeysFile ${authorized}`,
    `MaxStartups ${options.maxStartups ?? '200'}`,
    'PrintMotd no',
    'X11Forwarding no',
    'AllowTcpForwarding no',
    'Subsystem sftp internal-sftp',
    ...(options.commands === 'any' ? [] : [`ForceCommand internal-sftp -d ${scratch.localRoot}`]),
  ];
  return {
    name: 'OpenSSH (sftp)',
    command: findProgram('sshd') ?? 'sshd',
    configure(port) {
      writeFileSync(configFile, `${lines(port).join('\n')}\n`, { mode: 0o600 });
      return ['-D', '-e', '-f', configFile];
    },
    config: {
      protocol: 'sftp',
      username,
      ...(isRoot ? { password } : {}),
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
      limitsSessions: false,
      unreachableNames: null,
    },
  };
}
