import type { Change, ChangeFacts } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import type { Config } from '../../shared/config/config.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { secretReader } from '../../shared/config/secrets.ts';
import { InvalidInput, PublishFailed } from '../../shared/failure.ts';
import { createLog } from './log.ts';
import { unmeasured } from './metrics.ts';
import { runLocal } from './run.ts';
import { createProgress } from './terminal.ts';

export { loadConfig, parseConfig } from '../../shared/config/load.ts';
export { InvalidConfig } from '../../shared/config/problems.ts';
export {
  Failure,
  InvalidInput,
  PublishFailed,
  RemoteAuth,
  RemoteNotFound,
  RemoteProtocol,
  RemoteUnavailable,
  StateUnusable,
} from '../../shared/failure.ts';
export type { Change, ChangeFacts, Config };

export interface WatchOptions {
  /** File of the state. Default: farwatch.db in the working directory. */
  readonly state?: string;
  /** End after one scan of every watch. */
  readonly once?: boolean;
  /** Ends the watching cleanly. */
  readonly signal?: AbortSignal;
  /** Where `env:` references of the configuration are looked up. Default: process.env. */
  readonly env?: NodeJS.ProcessEnv;
  readonly secretsDirectory?: string;
  /** Changes in one batch at most. Default: 1,000. */
  readonly maxBatch?: number;
  /** Log lines (JSON) go to standard error from this level on. Default: warn. */
  readonly logLevel?: 'silent' | 'error' | 'warn' | 'info' | 'debug';
}

/**
 * Watches in this process: `for await (const batch of watch(config)) …`. `config` is a loaded configuration or the
 * path of a farwatch.yaml. A batch counts as taken when the next one is asked for: leave the loop, throw or die
 * before, and the same changes come again, with the same ids, to the next `watch` on that state. Throws InvalidInput
 * and StateUnusable like `farwatch run`.
 */
export async function* watch(
  config: Config | string,
  options: WatchOptions = {},
): AsyncGenerator<readonly Change[], void, void> {
  const { consumers, run, stop } = await start(config, ['iterator'], options);
  const [consumer] = consumers;
  try {
    if (consumer !== undefined) yield* consumer;
  } finally {
    stop();
    await run;
  }
}

/**
 * The same for several consumers at once, each with a name, a position and a pace of its own. Take one iterable
 * of every name; a slow one delays no other. `done` resolves when all has ended and rejects with what broke it.
 */
export async function watchAll<Name extends string>(
  config: Config | string,
  names: readonly Name[],
  options: WatchOptions = {},
): Promise<{
  readonly consumers: Readonly<Record<Name, AsyncIterable<readonly Change[]>>>;
  readonly stop: () => void;
  readonly done: Promise<void>;
}> {
  const different = 'consumers need different names';
  if (new Set(names).size < names.length) throw new InvalidInput(different);
  const { consumers, run, stop } = await start(config, names, options);
  const byName = Object.fromEntries(names.map((name, index) => [name, consumers[index]]));
  if (!hasAll(byName, names)) throw new InvalidInput(different);
  return { consumers: byName, stop, done: run };
}

function hasAll<Name extends string>(
  byName: Record<string, Consumer | undefined>,
  names: readonly Name[],
): byName is Record<Name, Consumer> {
  return names.every((name) => byName[name] !== undefined);
}

async function start(config: Config | string, names: readonly string[], options: WatchOptions) {
  const env = options.env ?? process.env;
  const loaded = typeof config === 'string' ? (await loadConfig(config, env)).config : config;
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const consumers = names.map(() => new Consumer(options.maxBatch ?? 1_000, signal));
  const run = runLocal(
    // Standard output belongs to the program that embeds us.
    { ...loaded, outputs: loaded.outputs.filter((output) => output.type !== 'stdout') },
    {
      stateFile: options.state ?? 'farwatch.db',
      once: options.once ?? false,
      readSecret: secretReader({ env, secretsDirectory: options.secretsDirectory }),
      log: createLog({ level: options.logLevel ?? 'warn', pretty: false }),
      stdout: process.stdout,
      progress: createProgress(process.stderr),
      metrics: unmeasured,
      extraOutputs: names.map((name, index) => ({
        name,
        channel: consumers[index] ?? new Consumer(1, signal),
      })),
    },
    signal,
  ).then(
    () => undefined,
    (error: unknown) => {
      for (const consumer of consumers) consumer.fail(error);
      throw error;
    },
  );
  run.catch(() => undefined); // whoever iterates or awaits `done` sees it
  return { consumers, run, stop: () => stop.abort() };
}

/** An output whose receiver is a loop: `send` resolves when the loop comes back for more. */
class Consumer implements Channel, AsyncIterable<readonly Change[]> {
  readonly maxBatch: number;
  readonly #signal: AbortSignal;
  #offered:
    | { readonly changes: readonly Change[]; readonly taken: () => void; readonly refuse: () => void }
    | undefined;
  #loops = 0;
  #wanted: PromiseWithResolvers<void> = Promise.withResolvers();
  #ended = false;
  #error: unknown;

  constructor(maxBatch: number, signal: AbortSignal) {
    this.maxBatch = maxBatch;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#refuseIfLeft(), { once: true });
  }

  send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () =>
        reject(
          new PublishFailed(
            'the consumer did not come back for more',
            changes.map(({ id }) => id),
          ),
        );
      if (signal.aborted || this.#isLeft) return abort();
      signal.addEventListener('abort', abort, { once: true });
      const taken = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#offered = { changes, taken, refuse: abort };
      this.#wake();
    });
  }

  async notify(): Promise<void> {}

  async close(): Promise<void> {
    this.#ended = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Change[], void, void> {
    this.#loops += 1;
    try {
      yield* this.#batches();
    } finally {
      this.#loops -= 1;
      this.#refuseIfLeft();
    }
  }

  async *#batches(): AsyncGenerator<readonly Change[], void, void> {
    for (;;) {
      const offered = this.#offered;
      if (offered !== undefined) {
        yield offered.changes;
        this.#offered = undefined;
        offered.taken();
      } else if (this.#ended) {
        if (this.#error !== undefined && !this.#signal.aborted) throw this.#error;
        return;
      } else {
        await this.#wanted.promise;
      }
    }
  }

  /** Nobody will come back for more: there is nothing to wait for at the end. */
  get #isLeft(): boolean {
    return this.#signal.aborted && this.#loops === 0;
  }

  #refuseIfLeft(): void {
    if (this.#isLeft) this.#offered?.refuse();
  }

  #wake(): void {
    this.#wanted.resolve();
    this.#wanted = Promise.withResolvers();
  }
}
