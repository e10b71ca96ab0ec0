import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { PublishFailed } from '../../shared/failure.ts';
import { hostileChanges } from './hostile-changes.ts';
import { never, sampleChange, sampleChanges, sampleNotice } from './samples.ts';

export interface OpenedChannel {
  readonly channel: Channel;
  /** The changes that the receiver has by now, parsed, in their order. */
  received(): Promise<readonly unknown[]>;
  /** Notices likewise. */
  notices(): Promise<readonly unknown[]>;
  /** From now on the receiver takes its time, for ever. */
  readonly stall?: () => void;
  close(): Promise<void>;
}

export interface ChannelTraits {
  /** Whether changes arrive in the order in which they were sent; else `sequence` tells it. */
  readonly ordered: boolean;
  readonly carriesNotices: boolean;
  /** Whether the receiver can keep a send waiting: then there is a `stall`. */
  readonly waits: boolean;
}

/** Far below the time-outs of the channels under test. */
const stopMs = 20_000;
const patienceMs = 60_000;

/** What every implementation of the channel port must do. `open` makes one with a receiver of its own for each case. */
export function channelConformance(
  name: string,
  traits: ChannelTraits,
  open: () => Promise<OpenedChannel>,
): void {
  const check = (title: string, run: (opened: OpenedChannel) => Promise<void>) => {
    test(title, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.channel.close();
        await opened.close();
      }
    });
  };

  /** Waits until as many have come, and looks once more: nothing may come beyond them. */
  async function expectChanges(opened: OpenedChannel, sent: readonly Change[]): Promise<void> {
    const until = performance.now() + patienceMs;
    while ((await opened.received()).length < sent.length && performance.now() < until) await sleep(20);
    const received = await opened.received();
    assert.deepEqual(traits.ordered ? received : bySequence(received), sent);
  }

  describe(name, () => {
    check('batches arrive whole', async (opened) => {
      await opened.channel.send(sampleChanges(1, 30), never);
      await opened.channel.send(sampleChanges(31, 31), never);
      await opened.channel.send(sampleChanges(32, 60), never);
      await expectChanges(opened, sampleChanges(1, 60));
    });

    check('a batch as large as the channel allows arrives whole', async (opened) => {
      const changes = sampleChanges(1, opened.channel.maxBatch);
      await opened.channel.send(changes, never);
      await expectChanges(opened, changes);
    });

    check('an empty batch brings nothing', async (opened) => {
      await opened.channel.send([], never);
      await opened.channel.send(sampleChanges(1, 1), never);
      await expectChanges(opened, sampleChanges(1, 1));
    });

    check('names of every kind arrive as they are', async (opened) => {
      await opened.channel.send(hostileChanges, never);
      await expectChanges(opened, hostileChanges);
    });

    check('a batch of many megabytes arrives whole', async (opened) => {
      const count = Math.min(500, opened.channel.maxBatch);
      const large = Array.from({ length: count }, (_, index) =>
        // Two bytes a character: whoever counts characters sends too much.
        sampleChange(index, { path: `/incoming/${'ü'.repeat(15_000)}/${index}` }),
      );
      await opened.channel.send(large, never);
      await expectChanges(opened, large);
    });

    check('repeats keep their ids', async (opened) => {
      await opened.channel.send(sampleChanges(1, 3), never);
      await opened.channel.send(sampleChanges(1, 3), never);
      await opened.channel.send(sampleChanges(4, 4), never);
      const last = JSON.stringify(sampleChange(4));
      const until = performance.now() + patienceMs;
      let received: readonly string[] = [];
      while (new Set(received).size < 4 && performance.now() < until) {
        received = (await opened.received()).map((change) => JSON.stringify(change));
      }
      const different = [...new Set(received)].toSorted();
      assert.deepEqual(
        different,
        sampleChanges(1, 4).map((change) => JSON.stringify(change)),
      );
      if (traits.ordered) assert.equal(received.at(-1), last);
    });

    check('stopped before it begins, it sends nothing and says so', async (opened) => {
      const sending = opened.channel.send(sampleChanges(1, 25), AbortSignal.abort());
      assert.deepEqual(await failedOf(sending), idsOf(sampleChanges(1, 25)));
      await opened.channel.send(sampleChanges(26, 26), never);
      await expectChanges(opened, sampleChanges(26, 26));
    });

    const whileWaiting = traits.waits ? check : () => undefined;
    whileWaiting('stopped while the receiver takes its time, it ends soon', async (opened) => {
      assert.ok(opened.stall);
      opened.stall();
      const stop = new AbortController();
      // Larger than what a pipe or a socket takes without its reader.
      const changes = sampleChanges(1, 25).map((change) => ({ ...change, path: `/${'x'.repeat(20_000)}` }));
      const sending = failedOf(opened.channel.send(changes, stop.signal));
      const stopping = sleep(200).then(() => {
        stop.abort();
        return performance.now();
      });
      const [failed, stoppedAt] = await Promise.all([sending, stopping]);
      assert.deepEqual(failed, idsOf(changes));
      assert.ok(performance.now() - stoppedAt < stopMs, 'ends within seconds');
    });

    check('a notice comes apart from changes, or not at all', async (opened) => {
      await opened.channel.send(sampleChanges(1, 1), never);
      await opened.channel.notify(sampleNotice, never);
      await opened.channel.send(sampleChanges(2, 2), never);
      await expectChanges(opened, sampleChanges(1, 2));
      const until = performance.now() + patienceMs;
      const least = traits.carriesNotices ? 1 : 0;
      while ((await opened.notices()).length < least && performance.now() < until) await sleep(20);
      assert.deepEqual(await opened.notices(), traits.carriesNotices ? [sampleNotice] : []);
    });
  });
}

/** The ids that a send names as not taken, sorted as `idsOf` has them. */
export async function failedOf(sending: Promise<void>): Promise<readonly string[]> {
  const error: unknown = await sending.then(
    () => assert.fail('was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PublishFailed, `PublishFailed and not ${String(error)}`);
  return error.failed.toSorted();
}

export function idsOf(changes: readonly Change[]): readonly string[] {
  return changes.map(({ id }) => id).toSorted();
}

function bySequence(received: readonly unknown[]): readonly unknown[] {
  const sequence = (change: unknown) =>
    typeof change === 'object' && change !== null && 'sequence' in change ? String(change.sequence) : '';
  return received.toSorted((a, b) => (sequence(a) < sequence(b) ? -1 : 1));
}
