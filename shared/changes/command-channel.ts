import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { PublishFailed } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { Change, Notice } from './change.ts';
import type { Channel } from './channel.ts';
import { ndjson } from './ndjson.ts';

export interface CommandOptions {
  /** Program and arguments; no shell in between. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly maxBatch: number;
  readonly log: Logger;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly killed: 'timeout' | 'stopped' | undefined;
}

/** From SIGTERM to SIGKILL. */
const graceMs = 2_000;
/** How long a daemon left behind by the command may hold its outputs open before we stop reading them. */
const drainMs = 200;
const loggedLine = 2_000;

/** Runs a command once per batch; exit code 0 means that it has taken every change. */
export class CommandChannel implements Channel {
  readonly maxBatch: number;
  readonly #program: string;
  readonly #options: CommandOptions;

  constructor(options: CommandOptions) {
    this.maxBatch = options.maxBatch;
    this.#options = options;
    this.#program = options.command[0] ?? '';
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const ids = changes.map((change) => change.id);
    await this.#run(ndjson(changes), { FARWATCH_CHANGES: String(changes.length) }, ids, signal);
  }

  async notify(notice: Notice, signal: AbortSignal): Promise<void> {
    await this.#run(ndjson([notice]), { FARWATCH_CHANGES: '0', FARWATCH_NOTICES: '1' }, [], signal);
  }

  async close(): Promise<void> {}

  async #run(input: string, env: Record<string, string>, ids: readonly string[], signal: AbortSignal) {
    if (signal.aborted) throw new PublishFailed(`stopped before ${this.#program} was run`, ids);
    const exit = await this.#finish(input, env, signal).catch((error: unknown) => {
      throw new PublishFailed(`the command ${this.#program} cannot be run: ${messageOf(error)}`, ids, {
        cause: error,
        advice: 'Check that the program exists, is executable and is spelt right in `command` of the output.',
      });
    });
    // Killed and yet 0: whether it had finished its work, nobody knows. A repeat is harmless, a loss is not.
    if (exit.code !== 0 || exit.killed !== undefined) {
      throw exitFailed(this.#program, exit, ids, this.#options.timeoutMs);
    }
  }

  async #finish(input: string, env: Record<string, string>, signal: AbortSignal): Promise<Exit> {
    // A process group of its own: one kill reaches the command's children, and Ctrl-C in our terminal does not.
    const child = spawn(this.#program, this.#options.command.slice(1), {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const outputs = [
      this.#logLines(child.stdout, 'debug', child.pid),
      this.#logLines(child.stderr, 'warn', child.pid),
    ];
    // EPIPE: a command may go by FARWATCH_CHANGES alone and never read; its exit code is what counts.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);

    let killed: Exit['killed'];
    let grace: NodeJS.Timeout | undefined;
    const stop = (why: NonNullable<Exit['killed']>) => {
      if (killed !== undefined) return;
      killed = why;
      killGroup(child.pid, 'SIGTERM');
      grace = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs);
    };
    const timer = setTimeout(() => stop('timeout'), this.#options.timeoutMs);
    const onAbort = () => stop('stopped');
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const [code, by] = await exited(child);
      // The leader may be gone while children that ignore SIGTERM live on.
      if (killed !== undefined) killGroup(child.pid, 'SIGKILL');
      await Promise.race([Promise.all(outputs), delay(drainMs, undefined, { ref: false })]);
      return { code, signal: by, killed };
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }

  async #logLines(stream: Readable | null, level: 'debug' | 'warn', pid: number | undefined): Promise<void> {
    if (stream === null) return;
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    try {
      for await (const line of lines) {
        this.#options.log[level]({ command: this.#program, pid }, line.slice(0, loggedLine));
      }
    } catch {
      // We closed it ourselves after the exit: a daemon that the command left behind held it open.
    }
  }
}

function exited(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function exitFailed(program: string, exit: Exit, ids: readonly string[], timeoutMs: number): PublishFailed {
  if (exit.killed === 'timeout') {
    return new PublishFailed(`the command ${program} was killed after ${timeoutMs} ms`, ids, {
      advice: 'Make it faster, or raise `timeout` or lower `maxBatch` of the output.',
    });
  }
  if (exit.killed === 'stopped') {
    return new PublishFailed(`the command ${program} was stopped with Farwatch`, ids, {
      advice: 'Start again: these changes are delivered then.',
    });
  }
  const how = exit.code === null ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
  return new PublishFailed(`the command ${program} ${how}`, ids, {
    advice:
      'See its messages in the log; the same changes are given to it again, so it must end with code 0 once it has them.',
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
