import { setTimeout as sleep } from 'node:timers/promises';
import { type Output, type PublishServices, publish } from '../../functions/publisher/publish.ts';
import type { Notice } from '../../shared/changes/change.ts';
import { isReaderGone } from '../../shared/changes/stdout-channel.ts';
import { Failure } from '../../shared/failure.ts';
import type { WatchKey } from '../../shared/state/state.ts';

export interface PublishingServices extends PublishServices {
  readonly clock: () => number;
  /** Whoever read standard output is gone: the process should end as if asked to. */
  readonly readerGone: () => void;
  readonly failed: (output: string, error: Failure) => void;
}

const backOffMs = { first: 1_000, most: 60_000 };
/** Orders of other processes commit changes too; look without being woken. */
const lookMs = 5_000;

/** One loop per output, so that a dead one delays neither the scans nor the others (protocol rule 18). */
export class Publishing {
  readonly #outputs: readonly Output[];
  readonly #services: PublishingServices;
  readonly #stop = new AbortController();
  /** Ends a delivery under way: it counts as not taken and comes again. */
  readonly #cut = new AbortController();
  readonly #loops: readonly Promise<void>[];
  /** Outputs whose reader went away: trying again in this process is of no use. */
  readonly #readerless = new Set<string>();
  readonly #notices = new Map<string, Promise<void>>();
  #wakeAll = new AbortController();

  constructor(outputs: readonly Output[], services: PublishingServices) {
    this.#outputs = outputs;
    this.#services = services;
    this.#loops = outputs.map((output) => this.#loop(output));
  }

  wake(): void {
    this.#wakeAll.abort();
    this.#wakeAll = new AbortController();
  }

  /** Tells every output that wants notices, in order, and waits for none: a dead output delays nobody. */
  notify(notices: readonly Notice[]): void {
    for (const notice of notices) {
      for (const { name, channel, watches } of this.#outputs) {
        const watch: WatchKey = `${notice.tenant}/${notice.watch ?? ''}`;
        if (notice.watch !== undefined && watches && !watches.includes(watch)) continue;
        const before = this.#notices.get(name) ?? Promise.resolve();
        const told = before
          .then(() => channel.notify(notice, this.#cut.signal))
          .catch((error: unknown) => {
            this.#services.log.warn({ output: name, err: error }, 'a notice was not taken');
          });
        this.#notices.set(name, told);
      }
    }
  }

  /**
   * Ends the loops, brings every output up to date once more and closes it, until `signal` aborts. Returns whether
   * all of them have all; what one did not take waits in the change log for the next run.
   */
  async finish(signal: AbortSignal): Promise<boolean> {
    this.#stop.abort();
    this.wake();
    if (signal.aborted) this.#cut.abort(signal.reason);
    signal.addEventListener('abort', () => this.#cut.abort(signal.reason), { once: true });
    const results = await Promise.all(
      this.#outputs.map((output, index) => this.#finish(output, this.#loops[index])),
    );
    return results.every(Boolean);
  }

  /** One that is slow to the last keeps no other from its end. */
  async #finish(output: Output, loop: Promise<void> | undefined): Promise<boolean> {
    await Promise.all([loop, this.#notices.get(output.name)]);
    const readerless = this.#readerless.has(output.name);
    const { failed } = readerless ? {} : await this.#publish(output);
    await output.channel.close();
    return !readerless && failed === undefined;
  }

  async #loop(output: Output): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const woken = this.#wakeAll.signal;
      const { failed } = await this.#publish(output);
      failures = failed === undefined ? 0 : failures + 1;
      const waitMs =
        failures === 0 ? lookMs : Math.min(backOffMs.first * 2 ** (failures - 1), backOffMs.most);
      // After a failure only time helps; being woken by every commit would defeat the back-off.
      const until = failures === 0 ? AbortSignal.any([woken, this.#stop.signal]) : this.#stop.signal;
      await sleep(waitMs, undefined, { signal: until }).catch(() => undefined);
    }
  }

  async #publish(output: Output): Promise<{ readonly failed?: Failure }> {
    const { signal } = this.#cut;
    try {
      const { failed } = await publish(output, this.#services, this.#services.clock(), signal);
      if (failed === undefined) return {};
      this.#services.failed(output.name, failed);
      if (isReaderGone(failed)) {
        this.#readerless.add(output.name);
        this.#services.readerGone();
      }
      return { failed };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#services.failed(output.name, error);
      return { failed: error };
    }
  }
}
