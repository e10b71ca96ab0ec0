import { copyFile, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { caFile, keyFile, type Run, run, type Stage } from './stage.ts';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

export interface Pace {
  readonly connections: number;
  /** Directories in flight on a session; default: what the preset has. */
  readonly inFlight?: number;
}

const completed = z.looseObject({ msg: z.literal('scan completed'), files: z.number() });

/** Farwatch with a state of its own, a scan a process. */
export class Farwatch {
  readonly #stage: Stage;
  readonly #program: string;
  readonly #config: string;
  readonly #state: string;

  private constructor(stage: Stage) {
    this.#stage = stage;
    this.#program = join(stage.scratch, 'package', 'infra', 'cli', 'farwatch.js');
    this.#config = join(stage.scratch, 'farwatch.yaml');
    this.#state = join(stage.scratch, 'farwatch.db');
  }

  static async configured(stage: Stage, pace: Pace): Promise<Farwatch> {
    const farwatch = new Farwatch(stage);
    await writeFile(farwatch.#config, JSON.stringify(configuration(stage, pace)));
    await farwatch.#unpack();
    await farwatch.forget();
    return farwatch;
  }

  /** As npm installs it: in a checkout the launcher takes the sources, which are compiled as they are loaded. */
  async #unpack(): Promise<void> {
    const folder = join(this.#stage.scratch, 'package');
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, 'infra', 'cli'), { recursive: true });
    await copyFile(join(checkout, 'infra', 'cli', 'farwatch.js'), this.#program);
    await symlink(join(checkout, 'dist'), join(folder, 'dist'));
  }

  /** The next scan is a first one. */
  async forget(): Promise<void> {
    for (const end of ['', '-wal', '-shm']) await rm(this.#state + end, { force: true });
  }

  /** `changes`: how many it must report. */
  async scan(changes: number): Promise<Run> {
    const command = [process.execPath, this.#program, 'run', '--once'];
    const options = ['--config', this.#config, '--state', this.#state];
    const env = { BENCH_PASSWORD: this.#stage.server.password, FARWATCH_LOG_LEVEL: 'info' };
    const scanned = await run(this.#stage, { command: [...command, ...options], env });
    const files = filesIn(scanned.stderr);
    const meant = this.#stage.tree.shape.files;
    if (files !== meant) throw new Error(`farwatch saw ${files} of ${meant} files: ${scanned.stderr}`);
    if (scanned.stdoutLines !== changes)
      throw new Error(`farwatch reported ${scanned.stdoutLines} changes, there were ${changes}`);
    return scanned;
  }

  async stateBytes(): Promise<number> {
    const sizes = ['', '-wal'].map(
      async (end) => (await stat(this.#state + end).catch(() => undefined))?.size,
    );
    return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
  }
}

function filesIn(log: string): number | undefined {
  for (const line of log.split('\n')) {
    if (!line.endsWith('}') || !line.startsWith('{')) continue;
    const { success, data } = completed.safeParse(JSON.parse(line));
    if (success) return data.files;
  }
  return undefined;
}

/** JSON is YAML. */
function configuration(stage: Stage, pace: Pace): object {
  const { protocol, host, port, username, hostKey, root } = stage.server;
  const { connections, inFlight } = pace;
  const base = { protocol, host, port, username, connections };
  const password = { password: 'env:BENCH_PASSWORD' };
  const server = {
    sftp: { ...base, hostKey, auth: { privateKey: `file:${keyFile(stage)}` } },
    ftp: { ...base, insecure: true, auth: password },
    ftps: { ...base, auth: password, tls: { ca: `file:${caFile(stage)}` } },
  }[protocol];
  const preset = stage.tree.shape.files > 250_000 ? 'large' : 'medium';
  const scale = inFlight === undefined ? preset : { preset, inFlight };
  return { servers: { far: server }, watches: { tree: { server: 'far', root, scale } } };
}
