import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { giveToTestUser } from './account.ts';
import { freePort } from './ports.ts';
import {
  type GuardedProcess,
  killDescendants,
  listensAt,
  processTree,
  signalAll,
  spawnGuarded,
} from './processes.ts';
import type { ServerFacts, StartOptions, TestServer, TestServerConfig } from './test-server.ts';

/** Where a server lives while a test needs it. */
export interface Scratch {
  /** Readable by all: the test user passes through it. */
  readonly folder: string;
  /** Ours alone: keys, configuration. */
  readonly secrets: string;
  /** The served directory. */
  readonly localRoot: string;
}

/** How to run a server once its files are written; called again with another port if that one was taken meanwhile. */
export interface Daemon {
  readonly name: string;
  readonly facts: ServerFacts;
  readonly command: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly env?: Readonly<Record<string, string>>;
  /** Path of the served directory as the server shows it; default: the real one. */
  readonly root?: string;
  /** Writes the configuration for this port and returns the arguments. */
  configure(port: number): readonly string[];
  readonly config: Omit<TestServerConfig, 'host' | 'port'>;
  /** For a server whose sessions are no processes of their own. */
  readonly killSessionsBySignal?: NodeJS.Signals;
  /** For a server whose sessions do not survive SIGSTOP. */
  readonly resumeEndsSessions?: boolean;
}

export async function startDaemon(
  options: StartOptions,
  prepare: (scratch: Scratch) => Daemon,
): Promise<TestServer> {
  const scratch = newScratch(options.directory);
  try {
    const daemon = prepare(scratch);
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await freePort());
      const started = await launch(daemon, port, scratch).catch((error: unknown) => {
        // Between looking for a free port and binding it, another test may have taken it.
        if (options.port !== undefined || attempt === 3) throw error;
      });
      if (started !== undefined) return testServer(daemon, port, scratch, started);
    }
  } catch (error) {
    rmSync(scratch.folder, { recursive: true, force: true });
    throw error;
  }
}

/** Also where a test left a directory that its owner cannot read. */
function removeTree(folder: string): void {
  if (existsSync(folder)) execFileSync('chmod', ['-R', 'u+rwx', folder]);
  rmSync(folder, { recursive: true, force: true });
}

function newScratch(directory: string | undefined): Scratch {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'farwatch-server-'));
  chmodSync(folder, 0o755);
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets, { mode: 0o700 });
  const localRoot = directory === undefined ? join(folder, 'tree') : realpathSync(directory);
  if (directory === undefined) mkdirSync(localRoot);
  giveToTestUser(localRoot);
  return { folder, secrets, localRoot };
}

/** Resolves once the server listens: seen in the kernel's tables, since a trial connection would be a session. */
async function launch(daemon: Daemon, port: number, scratch: Scratch): Promise<GuardedProcess> {
  const logFile = join(scratch.folder, 'log');
  const server = spawnGuarded(daemon.command, daemon.configure(port), {
    scratch: scratch.folder,
    logFile,
    ...(daemon.env === undefined ? {} : { env: daemon.env }),
    ...(daemon.user === undefined ? {} : { user: daemon.user }),
  });
  for (let waited = 0; !listensAt(server.pid, port); waited += 20) {
    if (server.exited || waited > 60_000) {
      await server.kill();
      throw new Error(
        `${daemon.name} did not start at port ${port}: ${readFileSync(logFile, 'utf8').slice(-2000)}`,
      );
    }
    await sleep(20);
  }
  return server;
}

function testServer(daemon: Daemon, port: number, scratch: Scratch, started: GuardedProcess): TestServer {
  let running: GuardedProcess = started;
  return {
    name: daemon.name,
    config: { ...daemon.config, host: '127.0.0.1', port },
    root: daemon.root ?? scratch.localRoot,
    localRoot: scratch.localRoot,
    facts: daemon.facts,
    async killSessions() {
      if (daemon.killSessionsBySignal !== undefined) signalAll([running.pid], daemon.killSessionsBySignal);
      else await killDescendants(running.pid);
    },
    pause: () => signalAll(processTree(running.pid), 'SIGSTOP'),
    resume() {
      const [listener = running.pid, ...sessions] = processTree(running.pid);
      signalAll(sessions, daemon.resumeEndsSessions === true ? 'SIGKILL' : 'SIGCONT');
      signalAll([listener], 'SIGCONT');
    },
    crash: () => running.kill(),
    async restart() {
      await running.kill();
      running = await launch(daemon, port, scratch);
    },
    async stop() {
      await running.kill();
      removeTree(scratch.folder);
    },
  };
}
