import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Cron } from 'croner';
import type { Logger } from 'pino';
import type { Output } from '../../functions/publisher/publish.ts';
import type { Reassembled } from '../../functions/reassembler/reassemble.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { openChannel } from '../../shared/changes/open-channel.ts';
import type { Config, OutputConfig, SecretReference } from '../../shared/config/config.ts';
import type { Failure } from '../../shared/failure.ts';
import { openCredentialed } from '../../shared/remote/credentialed.ts';
import { SessionPool } from '../../shared/remote/session-pool.ts';
import { lockRunner, openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import type { Metrics } from './metrics.ts';
import { Publishing } from './publishing.ts';
import { Runner, type RunnerObserver } from './runner.ts';
import type { Progress } from './terminal.ts';

export interface LocalOptions {
  readonly stateFile: string;
  /** One scan of every watch, then end; else go on until `signal` aborts. */
  readonly once: boolean;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  readonly log: Logger;
  readonly stdout: NodeJS.WriteStream;
  readonly progress: Progress;
  readonly metrics: Metrics;
  /** More receivers than the configuration names: library consumers. */
  readonly extraOutputs?: readonly { readonly name: string; readonly channel: Channel }[];
  /** Called with the state once it is open, for those who report on it. */
  readonly opened?: (state: State) => void;
}

export interface LocalResult {
  /** Every scan was complete, nothing is held, every output has everything. */
  readonly ok: boolean;
}

const sessionKeepMs = 30_000;

/**
 * The local home: the whole of Farwatch in this process, on one SQLite file. Resolves when it has ended cleanly,
 * after one round with `once` or when `signal` aborts. Rejects with StateUnusable or InvalidInput before anything
 * begins, or with the defect that stopped it.
 */
export async function runLocal(
  config: Config,
  options: LocalOptions,
  signal: AbortSignal,
): Promise<LocalResult> {
  const unlock = lockRunner(options.stateFile);
  try {
    const state = openSqliteState(options.stateFile, { create: true });
    try {
      options.opened?.(state);
      return await runOn(state, config, options, signal);
    } finally {
      await state.close();
    }
  } finally {
    unlock();
  }
}

async function runOn(
  state: State,
  config: Config,
  options: LocalOptions,
  signal: AbortSignal,
): Promise<LocalResult> {
  const { log, once } = options;
  const clock = Date.now;
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const outputs = await openOutputs(config, options);
  const machine = thisMachine();
  await state.registerOutputs(outputs.map((output) => output.name));
  await state.takeOverSlots(`${machine} `, clock());
  const sessions = new SessionPool({
    state,
    log,
    clock,
    holder: `${machine} ${randomUUID()}`,
    keepMs: sessionKeepMs,
    remote: (server) => openCredentialed(server, options.readSecret, state.knownHosts),
  });
  const publishing = new Publishing(outputs, {
    state,
    log,
    clock,
    readerGone: () => stop.abort(),
    failed: (output, error) => options.metrics.error(error.name, { output }),
    delivered: (output, changes, waiting) => {
      for (const change of changes) options.metrics.changePublished(change, output);
      options.metrics.outputLag(output, waiting);
    },
  });
  const runner = new Runner(
    config,
    {
      state,
      sessions,
      log,
      clock,
      committed: () => publishing.wake(),
      notices: (notices) => publishing.notify(notices),
      observer: observe(options),
    },
    stopped,
  );
  let outcomes: readonly Reassembled[] = [];
  let published = false;
  try {
    await runner.enroll();
    if (once) outcomes = await runOnce(runner);
    else await runUntilStopped(runner, state, config, stopped);
  } finally {
    stop.abort();
    await runner.drain();
    await sessions.close();
    options.progress.close();
    // Asked to end, publishers still get a moment: what they do not manage waits in the change log.
    published = await publishing.finish(AbortSignal.timeout(once && !signal.aborted ? 60_000 : 5_000));
  }
  const scanned = outcomes.every(({ summary, hold }) => summary.status === 'complete' && hold === null);
  return { ok: once ? scanned && published && !signal.aborted : true };
}

async function runOnce(runner: Runner): Promise<readonly Reassembled[]> {
  const ticks = new Cron('* * * * * *', { protect: true, catch: (error) => runner.fail(error) }, () =>
    runner.watchOver(),
  );
  try {
    return await runner.once();
  } finally {
    ticks.stop();
  }
}

async function runUntilStopped(
  runner: Runner,
  state: State,
  config: Config,
  signal: AbortSignal,
): Promise<void> {
  await runner.resume();
  const ticks = new Cron('* * * * * *', { protect: true, catch: (error) => runner.fail(error) }, () =>
    runner.tick(),
  );
  const trims = new Cron('17 * * * *', { protect: true, catch: (error) => runner.fail(error) }, async () => {
    await state.trim(Date.now() - config.retentionMs);
  });
  try {
    await runner.tick();
    const asked = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([signal.aborted ? Promise.resolve() : asked, runner.broken]);
  } finally {
    ticks.stop();
    trims.stop();
  }
}

/** This machine since its last start: what ran before a power cut may still have sessions on the servers. */
function thisMachine(): string {
  const boot = '/proc/sys/kernel/random/boot_id';
  return existsSync(boot) ? readFileSync(boot, 'utf8').trim() : hostname();
}

async function openOutputs(config: Config, options: LocalOptions): Promise<readonly Output[]> {
  const outputs: Output[] = [];
  for (const output of config.outputs) {
    const channel = await openChannel(output, {
      ...options,
      suspend: (print) => options.progress.suspend(print),
    });
    const watches = watchesOf(output, config);
    outputs.push({ name: output.name, channel, ...(watches ? { watches } : {}) });
  }
  return [...outputs, ...(options.extraOutputs ?? [])];
}

function watchesOf(output: OutputConfig, config: Config): readonly WatchKey[] | undefined {
  return output.watches?.flatMap((name): WatchKey[] => {
    const watch = config.watches.get(name);
    return watch === undefined ? [] : [`${watch.tenant}/${watch.name}`];
  });
}

function observe({ progress, metrics }: LocalOptions): RunnerObserver {
  return {
    scanStarted: (watch, expected) => progress.scanStarted(watch.name, expected),
    advanced: (watch, directories, files) => progress.advanced(watch.name, directories, files),
    scanFinished: (watch, { summary }) => {
      progress.scanFinished(watch.name, summary.status === 'complete');
      metrics.scanFinished({
        tenant: watch.tenant,
        watch: watch.name,
        result: summary.status,
        durationMs: summary.endedAt - summary.startedAt,
        files: summary.counts.files,
        directories: summary.counts.directories,
        endedAt: summary.endedAt,
      });
      const { failure } = summary;
      if (failure !== null) countFailure(metrics, failure.error, watch);
    },
    queueDepth: (watch, tasks) => metrics.queueDepth({ tenant: watch.tenant, watch: watch.name }, tasks),
  };
}

const failureNames: readonly Failure['name'][] = [
  'RemoteUnavailable',
  'RemoteAuth',
  'RemoteNotFound',
  'RemoteProtocol',
  'InvalidInput',
];

function countFailure(
  metrics: Metrics,
  error: string,
  watch: { readonly tenant: string; readonly name: string },
): void {
  const name = failureNames.find((known) => known === error);
  if (name !== undefined) metrics.error(name, { tenant: watch.tenant, watch: watch.name });
}
