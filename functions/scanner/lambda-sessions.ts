import type { ServerConfig } from '../../shared/config/config.ts';
import type { SecretsManager } from '../../shared/config/secrets-manager.ts';
import type { Logger } from '../../shared/log.ts';
import { openCredentialed } from '../../shared/remote/credentialed.ts';
import { RefreshingRemote } from '../../shared/remote/refreshing-remote.ts';
import { SessionPool } from '../../shared/remote/session-pool.ts';
import type { State } from '../../shared/state/state.ts';
import type { Sessions } from './sessions.ts';

export interface LambdaSessionsServices {
  readonly state: State;
  readonly secrets: SecretsManager;
  readonly log: Logger;
  readonly clock: () => number;
  /** Names the invocation in slot leases. */
  readonly holder: string;
  /** Tasks of the scan that wait or run, this one included, as far as is known now. */
  readonly openTasks: () => number;
}

/**
 * The sessions of one invocation. They end with it: a socket that is frozen between two invocations dies, or hangs. Slots
 * that no task of the scan uses are idle.
 */
export function lambdaSessions(services: LambdaSessionsServices): Sessions & { close(): Promise<void> } {
  const { state, secrets, log, clock, holder, openTasks } = services;
  const pool = new SessionPool({
    state,
    log,
    clock,
    holder,
    keepMs: 600_000,
    remote: (server) => refreshing(server, state, secrets, clock),
  });
  return {
    open: (server, signal) => pool.open(server, signal),
    idle: (server) => Math.max(0, server.connections - openTasks()),
    close: () => pool.close(),
  };
}

async function refreshing(server: ServerConfig, state: State, secrets: SecretsManager, clock: () => number) {
  const reading = (newerThan?: number) =>
    openCredentialed(server, (reference) => secrets.read(reference, newerThan), state.knownHosts);
  const remote = new RefreshingRemote(await reading(), () => reading(clock()));
  return {
    remote,
    get credentials() {
      return remote.credentials;
    },
  };
}
