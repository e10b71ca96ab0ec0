import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where install.sh unpacks servers and keeps the test user's password. */
const installed = process.env['FARWATCH_TEST_SERVERS'] ?? '/opt/farwatch-test-servers';
const testUser = 'farwatch-test';

export const isRoot = process.getuid?.() === 0;

/** The account that sessions run as. */
export interface Account {
  readonly username: string;
  readonly password: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Root serves the user that install.sh made, so that permissions mean something. Anybody else serves their own
 * account, with a password that only the servers of this test know; servers that ask the system for it need root.
 */
export function account(): Account {
  cached ??= isRoot ? testAccount() : ownAccount();
  if (cached === undefined) throw new Error(accountMissing() ?? 'no test account');
  return cached;
}
let cached: Account | undefined;

/** Why there is no account to serve, or undefined. */
export function accountMissing(): string | undefined {
  return !isRoot || testAccount() !== undefined
    ? undefined
    : `no user ${testUser}: run test/servers/install.sh`;
}

function testAccount(): Account | undefined {
  const passwordFile = join(installed, 'password');
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${testUser}:`));
  if (line === undefined || !existsSync(passwordFile)) return undefined;
  const [, , uid, gid] = line.split(':');
  return {
    username: testUser,
    password: readFileSync(passwordFile, 'utf8').trim(),
    uid: Number(uid),
    gid: Number(gid),
  };
}

function ownAccount(): Account {
  const { username, uid, gid } = userInfo();
  return { username, password: randomBytes(16).toString('hex'), uid, gid };
}

/** Makes the test user the owner of a tree, links themselves included; nothing to do where we are not root. */
export function giveToTestUser(directory: string): void {
  if (!isRoot || accountMissing() !== undefined) return;
  const { uid, gid } = account();
  execFileSync('chown', ['-hR', `${uid}:${gid}`, directory]);
}

/** Absolute path of a server's program, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...['usr/sbin', 'usr/bin'].map((folder) => join(installed, folder)),
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Folder of ProFTPD's loadable modules: beside the program that was found. */
export function proftpdModules(program: string): string | undefined {
  const folder = join(program, '../../lib/proftpd');
  return existsSync(join(folder, 'mod_sftp.so')) && existsSync(join(folder, 'mod_tls.so'))
    ? folder
    : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
