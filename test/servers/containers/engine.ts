import { execFile, execFileSync, spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ContainerKind } from './container-server.ts';

const run = promisify(execFile);
const imageScript = fileURLToPath(new URL('image.sh', import.meta.url));
const watchdogScript = fileURLToPath(new URL('watchdog.sh', import.meta.url));
/** Whose a container is, `machine:process`. */
export const ownerLabel = 'farwatch-test.owner';

/** Why no container can be started here, or undefined. Quick, and asked but once. */
export function enginesMissing(): string | undefined {
  missing ??= { reason: lookForEngine() };
  return missing.reason;
}
let missing: { readonly reason: string | undefined } | undefined;

function lookForEngine(): string | undefined {
  const address = process.env['DOCKER_HOST'] ?? 'unix://';
  // Trees are shared with containers as directories of this disk.
  if (!address.startsWith('unix://')) return 'the container engine is on another machine';
  try {
    execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], { stdio: 'pipe', timeout: 5_000 });
    return undefined;
  } catch {
    return 'no container engine runs: start Docker, or run test/servers/containers/install.sh';
  }
}

/** The image of a server, built where it is missing. */
export async function imageOf(kind: ContainerKind): Promise<string> {
  const { stdout } = await run('bash', [imageScript, kind]);
  return stdout.trim();
}

export function ownLabels(): Record<string, string> {
  return { [ownerLabel]: `${hostname()}:${process.pid}` };
}

/** Removes the containers of processes that have died without, whatever became of their watchdogs. Once a process. */
export function sweepLeftovers(): Promise<void> {
  swept ??= sweep();
  return swept;
}
let swept: Promise<void> | undefined;

async function sweep(): Promise<void> {
  const format = `{{.ID}} {{.Label "${ownerLabel}"}}`;
  const { stdout } = await run('docker', [
    'ps',
    '--all',
    '--filter',
    `label=${ownerLabel}`,
    '--format',
    format,
  ]);
  for (const line of stdout.split('\n')) {
    const [id = '', owner = ''] = line.split(' ');
    const [machine, pid] = owner.split(':');
    if (machine === hostname() && !isAlive(Number(pid))) await removeContainer(id);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What it has said last; nothing where it was never made. */
export async function logOf(container: string): Promise<string> {
  const said = await run('docker', ['logs', '--tail', '20', container]).catch(() => undefined);
  return said === undefined ? '' : said.stdout + said.stderr;
}

/** In whatever state it is; also where it is gone already. */
export async function removeContainer(container: string): Promise<void> {
  // A frozen process cannot be killed.
  await run('docker', ['unpause', container]).catch(() => undefined);
  await run('docker', ['rm', '--force', '--volumes', container]).catch((error: unknown) => {
    if (!/No such container|already in progress/i.test(String(error))) throw error;
  });
}

/** Removes the container and the folder should this process die; returns how to call that off. */
export function guard(container: string, scratch: string): () => void {
  const watchdog = spawn('bash', [watchdogScript, container, scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // An interrupt from the keyboard is not for it.
    detached: true,
  });
  watchdog.stdin.on('error', () => undefined);
  watchdog.unref();
  return () => watchdog.stdin.end('done\n');
}
