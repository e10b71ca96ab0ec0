import { RemoteAuth } from '../failure.ts';
import type { ServerRecord, Servers } from '../state/state.ts';

const loginBackOffMs = { first: 30_000, most: 3_600_000 };
/** A server that does not bear probes may be mended or replaced. */
const probesRestMs = 86_400_000;
const nothing: ServerRecord = { failures: 0, retryAt: 0, error: '', message: '', credentials: '' };

/** What is remembered of servers (by `slotKey`) from one session to the next, in the state. */
export class ServerMemory {
  readonly #state: Servers;
  readonly #clock: () => number;

  constructor(state: Servers, clock: () => number) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Throws RemoteAuth while logins with these credentials are suspended. */
  async refuseSuspended(server: string, credentials: string): Promise<ServerRecord | undefined> {
    const record = await this.#state.server(server);
    if (record?.credentials !== credentials || record.retryAt <= this.#clock()) return record;
    throw new RemoteAuth('login', `${record.message} (tried ${record.failures} times)`, {
      advice: `Correct the server's entry in the configuration; with the same one the next login is tried after ${new Date(record.retryAt).toISOString()}.`,
    });
  }

  allowsProbes(record: ServerRecord | undefined): boolean {
    return (record?.noProbesUntil ?? 0) <= this.#clock();
  }

  /** Forgets what does not hold any more; `record`: what was remembered before the login. */
  async loggedIn(server: string, record: ServerRecord): Promise<void> {
    const { failures, noProbesUntil } = record;
    if (noProbesUntil === undefined || this.allowsProbes(record)) await this.#state.setServer(server, null);
    else if (failures > 0) await this.#state.setServer(server, { ...nothing, noProbesUntil });
  }

  /** Wrong again and again locks accounts: each failure doubles the wait, unless the credentials change. */
  async suspend(server: string, credentials: string, error: RemoteAuth): Promise<void> {
    const record = await this.#state.server(server);
    const failures = record?.credentials === credentials ? record.failures + 1 : 1;
    const waitMs = Math.min(loginBackOffMs.first * 2 ** (failures - 1), loginBackOffMs.most);
    await this.#state.setServer(server, {
      ...record,
      failures,
      retryAt: this.#clock() + waitMs,
      error: error.name,
      message: error.message,
      credentials,
    });
  }

  async restProbes(server: string): Promise<void> {
    const record = (await this.#state.server(server)) ?? nothing;
    await this.#state.setServer(server, { ...record, noProbesUntil: this.#clock() + probesRestMs });
  }
}
