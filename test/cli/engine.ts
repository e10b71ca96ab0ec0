import { Runner } from '../../infra/local/runner.ts';
import type { Config } from '../../shared/config/config.ts';
import { parseConfig } from '../../shared/config/load.ts';
import type { Logger } from '../../shared/log.ts';
import { openRemote } from '../../shared/remote/open.ts';
import { SessionPool } from '../../shared/remote/session-pool.ts';
import type { State } from '../../shared/state/state.ts';

const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => log,
};

/** One scan of every watch of the configuration, into whatever state. */
export async function scanInto(state: State, configuration: object): Promise<void> {
  const config = configOf(configuration);
  const secret = async () => '';
  const sessions = new SessionPool({
    state,
    log,
    clock: Date.now,
    holder: 'test',
    keepMs: 1_000,
    remote: async (server) => ({
      remote: await openRemote(server, secret, state.knownHosts),
      credentials: 'none',
    }),
  });
  const runner = new Runner(
    config,
    {
      state,
      sessions,
      log,
      clock: Date.now,
      committed: () => undefined,
      notices: () => undefined,
      observer: {
        scanStarted: () => undefined,
        advanced: () => undefined,
        scanFinished: () => undefined,
        queueDepth: () => undefined,
      },
    },
    new AbortController().signal,
  );
  try {
    await runner.enroll();
    await runner.once();
    await runner.drain();
  } finally {
    await sessions.close();
  }
}

function configOf(configuration: object): Config {
  return parseConfig(JSON.stringify(configuration), '/srv/farwatch.yaml', {}).config;
}
