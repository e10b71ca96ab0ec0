import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../config/config.ts';
import { slotKey } from '../config/identity.ts';
import { RemoteAuth, RemoteUnavailable } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { Servers, SlotLease, Slots } from '../state/state.ts';
import { ProbesFailed } from './probes-failed.ts';
import type { Remote, Session } from './remote.ts';
import { ServerMemory } from './server-memory.ts';

export interface SessionPoolServices {
  readonly state: Slots & Servers;
  readonly log: Logger;
  /** The remote of a server, and a hash of the credentials it will use; after a login, of those it has used. */
  readonly remote: (
    server: ServerConfig,
  ) => Promise<{ readonly remote: Remote; readonly credentials: string }>;
  readonly clock: () => number;
  /** Names this process in slot leases. */
  readonly holder: string;
  /** An unused session is logged out after so long. */
  readonly keepMs: number;
}

interface PooledSession {
  readonly server: ServerConfig;
  readonly session: Session;
  lease: SlotLease;
  readonly lost: AbortController;
  renewal: NodeJS.Timeout;
  parkedAt: number;
}

const leaseMs = 30_000;
/** A parked session is asked for a sign of life before it is used again after so long. */
const trustMs = 5_000;
const busyDelaysMs = [1_000, 2_000, 4_000, 8_000, 15_000];

/**
 * All sessions of this process, one slot lease each (protocol rule 4). Sessions that are given back unharmed are
 * parked and used again, so that frequent scans do not log in each time.
 */
export class SessionPool {
  readonly #services: SessionPoolServices;
  readonly #memory: ServerMemory;
  readonly #parked = new Map<string, PooledSession[]>();
  readonly #inUse = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(services: SessionPoolServices) {
    this.#services = services;
    this.#memory = new ServerMemory(services.state, services.clock);
    this.#sweeper = setInterval(() => void this.#sweep(), Math.max(1_000, services.keepMs / 2)).unref();
  }

  /** Sessions that could be opened on the server now, as far as this process knows. */
  idle(server: ServerConfig): number {
    return Math.max(0, server.connections - (this.#inUse.get(slotKey(server)) ?? 0));
  }

  /** Waits for a free slot. Throws what `Remote.connect` throws, and RemoteAuth while logins are suspended. */
  async open(server: ServerConfig, signal: AbortSignal) {
    const key = slotKey(server);
    this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1);
    try {
      const pooled = (await this.#unpark(server, signal)) ?? (await this.#connect(server, signal));
      return {
        session: pooled.session,
        release: async (failed: Error | null) => {
          this.#inUse.set(key, (this.#inUse.get(key) ?? 1) - 1);
          if (failed instanceof ProbesFailed) await this.#memory.restProbes(key);
          if (failed === null && !pooled.lost.signal.aborted) this.#park(pooled);
          else await this.#end(pooled, failed);
        },
      };
    } catch (error) {
      this.#inUse.set(key, (this.#inUse.get(key) ?? 1) - 1);
      throw error;
    }
  }

  /** Logs out of every parked session. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const sessions = [...this.#parked.values()].flat();
    this.#parked.clear();
    await Promise.all(sessions.map((pooled) => this.#end(pooled, null)));
  }

  async #unpark(server: ServerConfig, signal: AbortSignal): Promise<PooledSession | undefined> {
    const parked = this.#parked.get(parkingKey(server)) ?? [];
    for (let pooled = parked.pop(); pooled !== undefined; pooled = parked.pop()) {
      if (pooled.lost.signal.aborted) continue;
      if (this.#services.clock() - pooled.parkedAt < trustMs) return pooled;
      try {
        await pooled.session.ping(signal);
        return pooled;
      } catch (error) {
        await this.#end(pooled, error instanceof Error ? error : new Error(String(error)));
      }
    }
    return undefined;
  }

  async #connect(server: ServerConfig, signal: AbortSignal): Promise<PooledSession> {
    const opened = await this.#services.remote(server);
    const record = await this.#memory.refuseSuspended(slotKey(server), opened.credentials);
    const probe = this.#memory.allowsProbes(record);
    for (let attempt = 0; ; attempt += 1) {
      const lease = await this.#acquire(server, signal);
      try {
        const session = await opened.remote.connect(signal, { probe });
        if (record !== undefined) await this.#memory.loggedIn(slotKey(server), record);
        return this.#pooled(server, session, lease);
      } catch (error) {
        await this.#services.state.releaseSlot(lease, this.#restUntil(server, error));
        // A wrong host key or certificate ends before any password is sent: looking again locks nobody out.
        if (error instanceof RemoteAuth && error.reason === 'login')
          await this.#memory.suspend(slotKey(server), opened.credentials, error);
        const delayMs = busyDelaysMs[attempt];
        const busy = error instanceof RemoteUnavailable && error.reason === 'busy';
        if (!busy || delayMs === undefined || signal.aborted) throw error;
        this.#services.log.warn(
          { server: server.name, delayMs },
          'the server has too many sessions, backing off',
        );
        await sleep(delayMs, undefined, { signal });
      }
    }
  }

  async #acquire(server: ServerConfig, signal: AbortSignal): Promise<SlotLease> {
    for (let told = false; ; ) {
      signal.throwIfAborted();
      const now = this.#services.clock();
      const request = {
        server: slotKey(server),
        connections: server.connections,
        holder: this.#services.holder,
        leaseMs,
        idleTimeoutMs: server.idleTimeoutMs,
      };
      const answer = await this.#services.state.acquireSlot(request, now);
      if ('slot' in answer) return answer;
      if (await this.#endParked(request.server)) continue;
      if (!told && answer.retryAt - now > 2_000) {
        const until = new Date(answer.retryAt).toISOString();
        this.#services.log.info(
          { server: server.name, until },
          'all sessions of the server are in use or at rest',
        );
        told = true;
      }
      await sleep(Math.min(1_000, Math.max(50, answer.retryAt - now)), undefined, { signal });
    }
  }

  /** Gives up a session that nobody uses, for its slot: it may belong to another entry of the account. */
  async #endParked(slots: string): Promise<boolean> {
    for (const parked of this.#parked.values()) {
      const index = parked.findIndex((pooled) => slotKey(pooled.server) === slots);
      const [pooled] = index === -1 ? [] : parked.splice(index, 1);
      if (pooled === undefined) continue;
      await this.#end(pooled, null);
      return true;
    }
    return false;
  }

  #pooled(server: ServerConfig, session: Session, lease: SlotLease): PooledSession {
    const lost = new AbortController();
    const pooled: PooledSession = {
      server,
      session,
      lease,
      lost,
      parkedAt: 0,
      renewal: setInterval(() => {
        const until = this.#services.clock() + leaseMs;
        this.#services.state.renewSlot(pooled.lease, until).then(
          () => {
            pooled.lease = { ...pooled.lease, until };
          },
          (error: unknown) => lost.abort(error),
        );
      }, leaseMs / 3).unref(),
    };
    return pooled;
  }

  #park(pooled: PooledSession): void {
    pooled.parkedAt = this.#services.clock();
    const key = parkingKey(pooled.server);
    const parked = this.#parked.get(key) ?? [];
    parked.push(pooled);
    this.#parked.set(key, parked);
  }

  async #end(pooled: PooledSession, failed: Error | null): Promise<void> {
    clearInterval(pooled.renewal);
    const { clean } = await pooled.session.close();
    const silent = failed instanceof RemoteUnavailable && failed.reason === 'silent';
    const now = this.#services.clock();
    const rest = clean && !silent ? now : now + pooled.server.idleTimeoutMs;
    await this.#services.state.releaseSlot(pooled.lease, rest);
  }

  async #sweep(): Promise<void> {
    const before = this.#services.clock() - this.#services.keepMs;
    for (const [key, parked] of this.#parked) {
      const ending = parked.filter((pooled) => pooled.parkedAt <= before);
      this.#parked.set(
        key,
        parked.filter((pooled) => pooled.parkedAt > before),
      );
      for (const pooled of ending) {
        await this.#end(pooled, null).catch((error: unknown) => {
          this.#services.log.warn({ error: String(error) }, 'could not log out');
        });
      }
    }
  }

  /** A connection that was never made leaves nothing behind; one that fell silent may. */
  #restUntil(server: ServerConfig, error: unknown): number {
    const now = this.#services.clock();
    return error instanceof RemoteUnavailable && error.reason === 'silent' ? now + server.idleTimeoutMs : now;
  }
}

/** Two entries of one account share slots, but not sessions: their TLS or key settings may differ. */
function parkingKey(server: ServerConfig): string {
  return `${server.name} ${slotKey(server)}`;
}
