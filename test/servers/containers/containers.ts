import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';
import { newSshKey } from '../keys.ts';
import { skipReason } from '../server-kinds.ts';
import type { ContainerKind, ContainerOptions, ContainerServer } from './container-server.ts';
import {
  enginesMissing,
  guard,
  imageOf,
  logOf,
  ownLabels,
  removeContainer,
  sweepLeftovers,
} from './engine.ts';
import { freePortsInARow } from './free-ports.ts';
import { processMissing, startProcess } from './process-server.ts';
import { publishedContainer } from './published-container.ts';
import { watchedTree } from './watched-tree.ts';

const username = 'partner';
/** Of the tree and of its sessions: never root, so that an unreadable directory is unreadable. */
const owner = { uid: process.getuid?.() || 1000, gid: process.getgid?.() || 1000 };

/**
 * What suites start: a container where an engine runs, else the plain process with the same ways, else nothing. In CI
 * only a container will do: without an engine it throws. FARWATCH_TEST_NETWORK names the engine's network where
 * LocalStack runs its functions: they reach the server by `inNetwork`.
 */
export function serverForTests(kind: ContainerKind): ServerChoice {
  const skipped = skipReason({ name: `${kind} in a container`, available: enginesMissing });
  const network = process.env['FARWATCH_TEST_NETWORK'];
  const around = network === undefined ? {} : { network };
  if (skipped === false) return { start: (options) => startContainer(kind, { ...around, ...options }) };
  const missing = processMissing(kind);
  if (missing === undefined) return { start: (options) => startProcess(kind, options) };
  return { missing: `${skipped}, and ${missing}` };
}

/** `missing`: why there is no such server on this machine. */
export type ServerChoice =
  | { readonly missing?: undefined; start(options?: ContainerOptions): Promise<ContainerServer> }
  | { readonly missing: string };

/** Builds the image where it is missing, which takes half a minute; else under a second. */
export async function startContainer(
  kind: ContainerKind,
  options: ContainerOptions = {},
): Promise<ContainerServer> {
  const reason = enginesMissing();
  if (reason !== undefined) throw new Error(reason);
  await sweepLeftovers();
  const image = await imageOf(kind);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(kind, image, options);
    } catch (error) {
      // Between looking for free ports and publishing them, another test may have taken one.
      if (attempt === 3 || !/port is already allocated|address already in use/.test(String(error)))
        throw error;
    }
  }
}

async function start(
  kind: ContainerKind,
  image: string,
  options: ContainerOptions,
): Promise<ContainerServer> {
  const sftp = kind === 'openssh';
  const serverPort = sftp ? 22 : 21;
  const name = `farwatch-test-${kind}-${randomBytes(6).toString('hex')}`;
  const password = randomBytes(16).toString('hex');
  const hostKey = sftp ? newSshKey() : undefined;
  const [port = 0, ...passivePorts] = await freePortsInARow(1 + (sftp ? 0 : passiveCount(options)));
  const { scratch, localRoot } = newTree();
  const callOff = guard(name, scratch);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await removeContainer(name);
      callOff();
      removeTree(scratch);
    })();
    return stopped;
  };
  try {
    const container = await publishedContainer({
      image,
      name,
      port,
      serverPort,
      passivePorts,
      labels: ownLabels(),
      environment: {
        WATCHED_USERNAME: username,
        WATCHED_PASSWORD: password,
        WATCHED_UID: String(owner.uid),
        WATCHED_GID: String(owner.gid),
        TZ: options.timezone ?? 'UTC',
        ...(options.connections === undefined ? {} : { MAX_SESSIONS: String(options.connections) }),
        ...(hostKey === undefined ? {} : { HOST_KEY: hostKey.privateKey }),
        ...(sftp ? {} : { PASSIVE_PORTS: `${passivePorts.at(0)}-${passivePorts.at(-1)}` }),
      },
      tree: localRoot,
      ...(options.network === undefined ? {} : { network: options.network }),
    });
    return {
      kind,
      runsAs: 'container',
      protocol: sftp ? 'sftp' : options.tls === true ? 'ftps' : 'ftp',
      host: '127.0.0.1',
      port,
      username,
      password,
      timezone: options.timezone ?? 'UTC',
      root: '/data',
      ...(hostKey === undefined ? {} : { hostKey: hostKey.fingerprint }),
      ...(options.tls === true ? { ca: await certificateOf(container.started) } : {}),
      ...(options.network === undefined ? {} : { inNetwork: { host: name, port: serverPort } }),
      ...watchedTree(localRoot),
      pause: container.pause,
      unpause: container.unpause,
      disconnect: container.disconnect,
      reconnect: container.reconnect,
      stop,
    };
  } catch (error) {
    const log = await logOf(name);
    await stop();
    throw new Error(`${kind} did not start in a container: ${String(error)}\n${log}`, { cause: error });
  }
}

/** Every port costs 50 ms. Pure-FTPd takes half as many sessions as it has passive ports. */
function passiveCount({ connections = 5 }: ContainerOptions): number {
  return Math.max(10, 2 * connections);
}

function newTree(): { readonly scratch: string; readonly localRoot: string } {
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'farwatch-container-'));
  const localRoot = join(scratch, 'tree');
  mkdirSync(localRoot);
  chmodSync(localRoot, 0o755);
  return { scratch, localRoot };
}

/** Also where a test left a directory that its owner cannot read. */
function removeTree(scratch: string): void {
  if (existsSync(scratch)) execFileSync('chmod', ['-R', 'u+rwx', scratch]);
  rmSync(scratch, { recursive: true, force: true });
}

async function certificateOf(container: StartedTestContainer): Promise<string> {
  const { exitCode, output } = await container.exec(['cat', '/etc/watched.pem']);
  if (exitCode !== 0) throw new Error(`the container has no certificate: ${output}`);
  return output;
}
