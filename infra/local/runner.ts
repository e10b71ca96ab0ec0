import { enrollWatch, planScan } from '../../functions/planner/plan-scan.ts';
import { scanNotices } from '../../functions/reassembler/notices.ts';
import { type Reassembled, reassemble } from '../../functions/reassembler/reassemble.ts';
import { tell } from '../../functions/reassembler/tell.ts';
import { scanTask } from '../../functions/scanner/scan.ts';
import type { Sessions } from '../../functions/scanner/sessions.ts';
import type { Notice } from '../../shared/changes/change.ts';
import type { Config, WatchConfig } from '../../shared/config/config.ts';
import { slotKey } from '../../shared/config/identity.ts';
import { type Watched, watchedOf } from '../../shared/config/watched.ts';
import { Fenced } from '../../shared/failure.ts';
import type { Logger } from '../../shared/log.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { InProcessTasks } from '../../shared/tasks/in-process.ts';
import type { TaskMessage } from '../../shared/tasks/tasks.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import { selectionDigest } from '../../shared/tree/selection.ts';

export interface RunnerServices {
  readonly state: State;
  readonly sessions: Sessions;
  readonly log: Logger;
  readonly clock: () => number;
  readonly committed: () => void;
  readonly notices: (notices: readonly Notice[]) => void;
  readonly observer: RunnerObserver;
}

/** What progress and metrics follow. */
export interface RunnerObserver {
  scanStarted(watch: WatchConfig, expectedDirectories: number | null): void;
  advanced(watch: WatchConfig, directories: number, files: number): void;
  scanFinished(watch: WatchConfig, outcome: Reassembled): void;
  queueDepth(watch: WatchConfig, tasks: number): void;
}

/** Watches begun in one tick at most; the next tick goes on (protocol rule 25). */
const perTick = 50;

/**
 * Plans, scans and reassembles all watches of one configuration in this process: the functions that AWS invokes,
 * woken by tasks of this process. Everything that matters is in the state, so it may die anywhere.
 */
export class Runner {
  readonly #services: RunnerServices;
  readonly #signal: AbortSignal;
  readonly #watched: ReadonlyMap<WatchKey, Watched>;
  readonly #tasks: InProcessTasks;
  readonly #open = new Map<WatchKey, number>();
  readonly #ending = new Set<string>();
  readonly #waiting = new Map<string, (outcome: Reassembled) => void>();
  readonly #broken = Promise.withResolvers<never>();

  constructor(config: Config, services: RunnerServices, signal: AbortSignal) {
    this.#services = services;
    this.#signal = signal;
    this.#watched = watchedOf(config);
    const connections = new Map(
      [...config.servers.values()].map((server) => [slotKey(server), server.connections]),
    );
    this.#tasks = new InProcessTasks(
      (message) => this.#scan(message),
      (server) => connections.get(server) ?? 1,
    );
    this.#broken.promise.catch(() => undefined);
  }

  /** Rejects when something is wrong that no retry mends: a broken state, or a defect. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  fail(error: unknown): void {
    this.#broken.reject(error);
  }

  async enroll(): Promise<void> {
    const { state, clock } = this.#services;
    for (const { watch, server } of this.#watched.values()) await enrollWatch(watch, server, state, clock());
    await state.retire([...this.#watched.values()].map((watched) => watched.key));
  }

  /** Goes on with scans that an earlier process left open; one made under other rules is ended instead. */
  async resume(): Promise<void> {
    for (const watched of this.#watched.values()) {
      const record = await this.#services.state.watch(watched.key);
      if (record === undefined || record.openScan === null) continue;
      this.#open.set(watched.key, record.openScan);
      const scan = await this.#services.state.scan(watched.key, record.openScan);
      if (scan === undefined) continue;
      if (scan.scope !== selectionDigest(watched.watch.selection)) await this.#endEarly(watched, scan.scan);
      else await this.#advance(watched, scan.scan);
    }
  }

  /** Begins what is due. Call it every second or so, and `watchOver` with it. */
  async tick(): Promise<void> {
    const { state, clock } = this.#services;
    for (const key of await state.due(clock(), perTick)) {
      const watched = this.#watched.get(key);
      if (watched !== undefined) await this.#begin(watched);
    }
    await this.watchOver();
  }

  /** Sends the tasks of open scans that nobody claimed, and ends scans that stand still. */
  async watchOver(): Promise<void> {
    const { state, clock } = this.#services;
    for (const [key, number] of [...this.#open]) {
      const watched = this.#watched.get(key);
      const scan = await state.scan(key, number);
      if (watched === undefined || scan === undefined || scan.closed) this.#open.delete(key);
      else if (scan.deadlineAt < clock()) await this.#endEarly(watched, scan.scan);
      else await this.#advance(watched, scan.scan);
    }
  }

  /** One fresh scan of every watch that is not paused; an open one is ended first, its work is kept. */
  async once(): Promise<readonly Reassembled[]> {
    const scans = [...this.#watched.values()].map(async (watched): Promise<Reassembled[]> => {
      const record = await this.#services.state.watch(watched.key);
      if (record === undefined || record.paused) return [];
      if (record.openScan !== null) await this.#endEarly(watched, record.openScan);
      const closed = new Promise<Reassembled>((resolve) => this.#waiting.set(watched.key, resolve));
      return (await this.#begin(watched)) ? [await closed] : [];
    });
    const interrupted = new Promise<readonly Reassembled[][]>((resolve) => {
      this.#signal.addEventListener('abort', () => resolve([]), { once: true });
    });
    return (await Promise.race([Promise.all(scans), interrupted, this.broken])).flat();
  }

  /** Resolves when no task runs any more; call it after the signal was aborted, or when all is done. */
  async drain(): Promise<void> {
    await this.#tasks.drain();
  }

  async #begin(watched: Watched): Promise<boolean> {
    const { state, clock, observer } = this.#services;
    const scan = await planScan(watched.watch, state, clock());
    if (scan === undefined) return false;
    this.#open.set(watched.key, scan.scan);
    const record = await state.watch(watched.key);
    observer.scanStarted(watched.watch, record?.lastScan?.counts.directories ?? null);
    await this.#advance(watched, scan.scan);
    return true;
  }

  /** Sends the tasks that wait, or ends the scan when none is left. Doing it again does no harm. */
  async #advance(watched: Watched, scan: number): Promise<void> {
    const { state, observer } = this.#services;
    if (this.#signal.aborted) return;
    const tasks = await state.tasks(watched.key, scan);
    observer.queueDepth(watched.watch, tasks.length);
    if (tasks.length === 0) return this.#end(watched, scan, []);
    const messages = tasks.map(({ task }): TaskMessage => {
      const { tenant, name } = watched.watch;
      return { tenant, watch: name, scan, task };
    });
    await this.#tasks.send(slotKey(watched.server), messages);
  }

  async #scan(message: TaskMessage): Promise<void> {
    const watched = this.#watched.get(`${message.tenant}/${message.watch}`);
    if (watched === undefined || this.#signal.aborted) return;
    const { log, observer, clock } = this.#services;
    const { watch, server } = watched;
    const services = {
      ...this.#services,
      log: log.child({ watch: watch.name, scan: message.scan }),
      advanced: (directories: number, files: number) => observer.advanced(watch, directories, files),
    };
    try {
      await scanTask(
        { watch, server, scan: message.scan, task: message.task },
        services,
        clock,
        this.#signal,
      );
      await this.#advance(watched, message.scan);
    } catch (error) {
      if (!(error instanceof Fenced)) this.fail(error);
    }
  }

  async #endEarly(watched: Watched, scan: number): Promise<void> {
    const unfinished = await this.#services.state.abandonTasks(watched.key, scan);
    await this.#end(watched, scan, unfinished);
  }

  async #end(watched: Watched, scan: number, unfinished: readonly TaskScope[]): Promise<void> {
    const ending = `${watched.key}/${scan}`;
    if (this.#ending.has(ending)) return;
    this.#ending.add(ending);
    const { watch, server, key } = watched;
    const { clock, notices, observer } = this.#services;
    try {
      const reassembly = { watch, server, scan, unfinished };
      const outcome = await reassemble(reassembly, this.#services, clock());
      if (outcome === undefined) return;
      tell(watch, outcome, this.#services.log);
      observer.scanFinished(watch, outcome);
      notices(scanNotices(reassembly, outcome, clock()));
      this.#waiting.get(key)?.(outcome);
    } finally {
      this.#open.delete(key);
      this.#ending.delete(ending);
    }
  }
}
