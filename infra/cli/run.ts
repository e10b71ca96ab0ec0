import { type Command, Option } from 'commander';
import { secretReader } from '../../shared/config/secrets.ts';
import type { State, WatchRecord } from '../../shared/state/state.ts';
import { createLog, logLevels, parseLogLevel } from '../local/log.ts';
import { createMetrics, type Metrics, unmeasured } from '../local/metrics.ts';
import { runLocal } from '../local/run.ts';
import { createProgress } from '../local/terminal.ts';
import { type CommonOptions, configuration, stateFile, withCommonOptions } from './options.ts';

interface RunOptions extends CommonOptions {
  readonly once?: boolean;
  readonly metrics?: string;
  readonly secrets?: string;
  readonly logLevel: string;
}

const overdueMs = 120_000;

export function addRun(program: Command): void {
  withCommonOptions(program.command('run'))
    .description('watch everything in the configuration until stopped; with --once, one scan of every watch')
    .option(
      '--once',
      'scan every watch once and exit: 0 if all is well, 1 if a scan was incomplete or deletions are held',
    )
    .option(
      '--metrics <port>',
      'serve Prometheus metrics at /metrics and health at /health (PORT or HOST:PORT)',
    )
    .option('--secrets <dir>', 'where "secret:NAME" is found, one file each')
    .addOption(
      new Option('--log-level <level>', `one of ${logLevels.join(', ')}`)
        .default('info')
        .env('FARWATCH_LOG_LEVEL'),
    )
    .action(async (options: RunOptions) => {
      process.exitCode = await run(options);
    });
}

async function run(options: RunOptions): Promise<number> {
  const config = await configuration(options);
  const secrets = new Set<string>();
  const read = secretReader({ env: process.env, secretsDirectory: options.secrets });
  const progress = createProgress(process.stderr);
  const log = createLog({
    level: parseLogLevel(options.logLevel),
    pretty: process.stderr.isTTY,
    secrets,
    suspend: (print) => progress.suspend(print),
  });
  const metrics = options.metrics === undefined ? unmeasured : createMetrics();
  let state: State | undefined;
  const server =
    options.metrics === undefined
      ? undefined
      : await served(metrics, options.metrics, async () => (await state?.watches()) ?? []);
  if (server) log.info({ port: server.port }, 'metrics are served');
  const stop = stopSignal();
  try {
    const { ok } = await runLocal(
      config,
      {
        stateFile: stateFile(options),
        once: options.once ?? false,
        readSecret: async (reference) => {
          const secret = await read(reference);
          secrets.add(secret);
          return secret;
        },
        log,
        stdout: process.stdout,
        progress,
        metrics,
        opened: (opened) => {
          state = opened;
        },
      },
      stop,
    );
    return ok ? 0 : 1;
  } finally {
    state = undefined;
    await server?.close();
  }
}

/** Node's HTTP alone takes 14 MB, which most runs need not load. */
async function served(metrics: Metrics, address: string, watchesNow: () => Promise<readonly WatchRecord[]>) {
  const { healthOf, serveMetrics } = await import('../local/metrics-server.ts');
  return serveMetrics(metrics, address, async () => {
    const active = (await watchesNow()).filter((watch) => watch.active);
    return healthOf(active, overdueMs, Date.now());
  });
}

/** The first SIGTERM or SIGINT asks for a clean end; the second one ends it at once, which loses nothing either. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const codes = { SIGTERM: 143, SIGINT: 130 } as const;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(codes[name]);
      stop.abort();
    });
  }
  return stop.signal;
}
