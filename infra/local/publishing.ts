import { setTimeout as sleep } from 'node:timers/promises';
import type { Notice } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { isReaderGone } from '../../shared/changes/stdout-channel.ts';
import { Failure } from '../../shared/failure.ts';
import { type Output, type PublishServices, publish } from '../../functions/publisher/publish.ts';

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
  readonly #loops: readonly Promise<void>[];
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

  async notify(notices: readonly Notice[]): Promise<void> {
    for (const notice of notices) {
      for (const { name, channel, watches } of this.#outputs) {
        if (notice.watch !== undefined && watches && !watches.includes(`${notice.tenant}/${notice.watch}`)) continue;
        await channel.notify(notice, this.#stop.signal).catch((error: unknown) => {
          this.#services.log.warn({ output: name, err: error }, 'a notice was not taken');
        });
      }
    }
  }

  /**
   * Ends the loops, brings every output up to date once more and closes it. Returns whether all of them have all;
   * what one did not take waits in the change log for the next run.
   */
  async finish(signal: AbortSignal): Promise<boolean> {
    this.#stop.abort();
    this.wake();
    await Promise.all(this.#loops);
    const results = await Promise.all(
      this.#outputs.map(async (output) => {
        const { failed } = await this.#publish(output, signal);
        await output.channel.close();
        return failed === undefined;
      }),
    );
    return results.every(Boolean);
  }

  async #loop(output: Output): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const woken = this.#wakeAll.signal;
      const { failed } = await this.#publish(output, this.#stop.signal);
      failures = failed === undefined ? 0 : failures + 1;
      const waitMs = failures === 0 ? lookMs : Math.min(backOffMs.first * 2 ** (failures - 1), backOffMs.most);
      // After a failure only time helps; being woken by every commit would defeat the back-off.
      const until = failures === 0 ? AbortSignal.any([woken, this.#stop.signal]) : this.#stop.signal;
      await sleep(waitMs, undefined, { signal: until }).catch(() => undefined);
    }
  }

  async #publish(output: Output, signal: AbortSignal): Promise<{ readonly failed?: Failure }> {
    try {
      const { failed } = await publish(output, this.#services, this.#services.clock(), signal);
      if (failed === undefined) return {};
      this.#services.failed(output.name, failed);
      if (isReaderGone(failed)) this.#services.readerGone();
      return { failed };
    } catch (error) {
      if (signal.aborted || !(error instanceof Failure)) {
        if (signal.aborted) return {};
        throw error;
      }
      this.#services.failed(output.name, error);
      return { failed: error };
    }
  }
}

export function outputOf(name: string, channel: Channel, watches: Output['watches']): Output {
  return { name, channel, ...(watches ? { watches } : {}) };
}
