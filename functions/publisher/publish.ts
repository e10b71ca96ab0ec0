import type { Change } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { PublishFailed } from '../../shared/failure.ts';
import type { Logger } from '../../shared/log.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';

export interface Output {
  /** Names its position in the change log. */
  readonly name: string;
  readonly channel: Channel;
  /** Only these watches; all where absent. */
  readonly watches?: readonly WatchKey[];
}

export interface PublishServices {
  readonly state: Pick<State, 'unpublished' | 'advance'>;
  readonly log: Logger;
  /** Told after every batch, and once more at the end, with what the output took and how many changes still wait. */
  readonly delivered?: (output: string, changes: readonly Change[], waiting: number) => void;
}

export interface Published {
  readonly published: number;
  readonly failed?: PublishFailed;
}

/**
 * Brings one output up to the end of the change log. Call it again after a failure or a crash: it goes on where the
 * position stands. A crash between `send` and `advance` repeats that batch, with the same ids; the other order would
 * lose it. One call at a time per output; outputs do not wait for each other (protocol rule 18).
 */
export async function publish(
  output: Output,
  services: PublishServices,
  now: number,
  signal: AbortSignal,
): Promise<Published> {
  const query = { limit: output.channel.maxBatch, ...(output.watches ? { watches: output.watches } : {}) };
  let published = 0;
  while (!signal.aborted) {
    const { changes, position, waiting } = await services.state.unpublished(output.name, query);
    if (position === null) {
      services.delivered?.(output.name, [], 0);
      break;
    }
    const failed = await deliver(output.channel, changes, signal);
    if (failed !== undefined) {
      if (signal.aborted) break;
      const behindMs = now - Date.parse(changes[0]?.detectedAt ?? '');
      services.delivered?.(output.name, [], waiting);
      services.log.warn(
        { output: output.name, waiting, behindMs, err: failed },
        'output took not every change',
      );
      return { published, failed };
    }
    await services.state.advance(output.name, position);
    published += changes.length;
    services.delivered?.(output.name, changes, waiting - changes.length);
  }
  return { published };
}

/**
 * An output that took some of a batch is sent the rest at once, as long as each time it takes more: the position
 * can only move past whole batches.
 */
async function deliver(
  channel: Channel,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<PublishFailed | undefined> {
  let rest = changes;
  while (rest.length > 0) {
    try {
      await channel.send(rest, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof PublishFailed)) throw error;
      const ids = new Set(error.failed);
      const left = rest.filter((change) => ids.has(change.id));
      if (left.length === 0 || left.length === rest.length) return error;
      rest = left;
    }
  }
  return undefined;
}
