import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Change } from '../../shared/changes/change.ts';
import { storedChange } from '../../shared/state/stored.ts';

const ofCheckout = fileURLToPath(new URL('../../infra/cli/farwatch.js', import.meta.url));

/** How a command ended. */
export class Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(code: number | null, stdout: string, stderr: string) {
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  get changes(): readonly Change[] {
    return changesIn(this.stdout);
  }
}

/** A folder with a farwatch.yaml, and the commands of a user who stands in it. */
export class Home {
  readonly folder: string;
  readonly #program: string;
  readonly #env: Record<string, string> = {};
  readonly #running = new Set<Running>();

  /** `program`: another launcher than that of the checkout. */
  constructor(t: TestContext, program = ofCheckout) {
    this.#program = program;
    this.folder = mkdtempSync(join(realpathSync(tmpdir()), 'farwatch-home-'));
    chmodSync(this.folder, 0o755);
    t.after(async () => {
      await Promise.all([...this.#running].map((running) => running.kill()));
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** An empty directory to be watched. */
  directory(name: string): string {
    mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  /** JSON is YAML. */
  configure(config: object): void {
    writeFileSync(this.path('farwatch.yaml'), JSON.stringify(config, null, 2));
  }

  env(name: string, value: string): void {
    this.#env[name] = value;
  }

  start(...args: readonly string[]): Running {
    const child = spawn(process.execPath, [this.#program, ...args], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...this.#env },
    });
    const running = new Running(args, child);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  /** Runs a command to its end. One that hangs is killed, and its `code` is null. */
  async farwatch(...args: readonly string[]): Promise<Ended> {
    const running = this.start(...args);
    const guard = setTimeout(() => void running.kill(), 180_000);
    const ended = await running.ended;
    clearTimeout(guard);
    return ended;
  }

  /** `run --once`, with nothing on standard error but what is worth a look. */
  once(...args: readonly string[]): Promise<Ended> {
    return this.farwatch('run', '--once', '--log-level', 'warn', ...args);
  }

  /** What `farwatch snapshot` prints: by path, directories with a slash at the end. */
  async snapshot(watch: string): Promise<ReadonlyMap<string, SnapshotLine>> {
    const { stdout, stderr, code } = await this.farwatch('snapshot', watch);
    if (code !== 0) throw new Error(`snapshot ended with ${code}: ${stderr}`);
    const lines = linesOf(stdout).map((line) => snapshotLine.parse(JSON.parse(line)));
    return new Map(lines.map((line) => [line.path + (line.kind === 'directory' ? '/' : ''), line]));
  }
}

const snapshotLine = z.object({
  path: z.string(),
  pathBytes: z.string().optional(),
  kind: z.enum(['file', 'directory']),
  size: z.number().optional(),
  modifiedAt: z.string().optional(),
  precision: z.string().optional(),
});
export type SnapshotLine = z.output<typeof snapshotLine>;

/** A command under way. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly #args: readonly string[];
  #stdout = '';
  #stderr = '';
  #over = false;

  constructor(args: readonly string[], child: ChildProcessWithoutNullStreams) {
    this.#args = args;
    this.child = child;
    child.stdin.end();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.on('close', (code) => {
        this.#over = true;
        resolve(new Ended(code, this.#stdout, this.#stderr));
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What was printed so far. */
  get changes(): readonly Change[] {
    return changesIn(this.#stdout);
  }

  /** Waits for something to be printed or to happen elsewhere; throws when the command ends before. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await until(`${this.#args.join(' ')}: ${what}`, async () => {
      if (await holds()) return true;
      if (this.#over) throw new Error(`${this.#args.join(' ')} ended before ${what}:\n${this.#stderr}`);
      return false;
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 50) {
    if (waited >= 90_000) throw new Error(`waited in vain: ${what}`);
    await sleep(50);
  }
}

export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Whole lines only: the last one may still be on its way. */
export function changesIn(stdout: string): readonly Change[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return linesOf(whole).map((line) => storedChange.parse(JSON.parse(line)));
}

const logLine = z.looseObject({ level: z.string(), msg: z.string() });

/** The log lines on standard error; everything else there is no JSON. */
export function logIn(stderr: string): readonly z.output<typeof logLine>[] {
  return linesOf(stderr)
    .filter((line) => line.startsWith('{'))
    .map((line) => logLine.parse(JSON.parse(line)));
}
