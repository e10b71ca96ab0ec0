import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const watchdog = fileURLToPath(new URL('watchdog.sh', import.meta.url));

export interface GuardedProcess {
  readonly pid: number;
  readonly exited: boolean;
  /** Kills it with all its descendants and waits until they are gone. */
  kill(): Promise<void>;
}

export interface SpawnOptions {
  /** Removed if this process dies without calling `kill`. */
  readonly scratch: string;
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user, where we are root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/**
 * Starts a server that cannot outlive us: a watchdog holds a pipe from this process, and kills the tree when the
 * pipe closes. PR_SET_PDEATHSIG would not do: it is cleared when a server changes its user, and sessions do not
 * inherit it. Sessions are found by their parents, not by process group: sshd gives each a session of its own.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): GuardedProcess {
  const log = openSync(options.logFile, 'a');
  const child = spawn(command, args, {
    cwd: options.scratch,
    stdio: ['ignore', log, log],
    // Its own process group: an interrupt from the keyboard is ours to handle, then the watchdog's.
    detached: true,
    env: {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      ...options.env,
    },
    ...options.user,
  });
  closeSync(log);
  const pid = child.pid;
  if (pid === undefined) {
    child.on('error', () => undefined);
    throw new Error(`${command} cannot be started`);
  }
  const guard = spawn('bash', [watchdog, String(pid), options.scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  let exited = false;
  child.on('exit', () => {
    exited = true;
    release(guard);
  });
  child.unref();
  guard.unref();
  return {
    pid,
    get exited() {
      return exited;
    },
    async kill() {
      await killTree(pid);
      release(guard);
    },
  };
}

function release(guard: ChildProcess): void {
  guard.stdin?.on('error', () => undefined);
  guard.stdin?.end('done\n');
}

/** The process and all below it that are alive, parents first. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  let rootAlive = false;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? parentOf(pid) : undefined;
    if (parent === undefined) continue;
    if (pid === root) rootAlive = true;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const tree = rootAlive ? [root] : [];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Parent of a living process; undefined for zombies and the dead. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may itself hold blanks and parentheses.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // While other threads live, the first may be a zombie already, and sockets are still open.
    const ended = (state === 'Z' || state === 'X') && readdirSync(`/proc/${pid}/task`).length <= 1;
    return ended ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone already.
    }
  }
}

/** Kills these and waits until the kernel has let go of them. */
async function killAll(pids: readonly number[]): Promise<void> {
  signalAll(pids, 'SIGKILL');
  for (let waited = 0; pids.some((pid) => parentOf(pid) !== undefined); waited += 10) {
    if (waited > 60_000) throw new Error(`processes do not die: ${pids.join(' ')}`);
    await sleep(10);
  }
}

async function killTree(root: number): Promise<void> {
  await killAll([...stopTree(root)]);
}

/** Kills all below this process, and lets it go on. */
export async function killDescendants(root: number): Promise<void> {
  const tree = stopTree(root);
  tree.delete(root);
  await killAll([...tree]);
  signalAll([root], 'SIGCONT');
}

/** Stops all, until no new ones show: so none can fork a child that we do not see. */
function stopTree(root: number): Set<number> {
  const tree = new Set<number>();
  for (;;) {
    const fresh = processTree(root).filter((pid) => !tree.has(pid));
    if (fresh.length === 0) return tree;
    signalAll(fresh, 'SIGSTOP');
    for (const pid of fresh) tree.add(pid);
  }
}

/**
 * Whether this very process or one of its children listens at the port: somebody else's listener does not count.
 * Without root the kernel hides the open files of servers that dropped capabilities; then any listener of ours does.
 */
export function listensAt(root: number, port: number): boolean {
  const tree = processTree(root);
  const listeners = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(readTable).flatMap((line) => {
    const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const listening = state === '0A' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port;
    return listening ? [{ ours: Number(uid) === process.getuid?.(), file: `socket:[${inode}]` }] : [];
  });
  if (listeners.length === 0) return false;
  const files = tree.map(openFiles);
  return listeners.some(
    ({ ours, file }) =>
      files.some((open) => open?.includes(file) === true) ||
      (ours && files.some((open) => open === undefined)),
  );
}

function readTable(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** Undefined where we may not look. */
function openFiles(pid: number): readonly string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return undefined;
  }
}
