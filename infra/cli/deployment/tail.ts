import { detailType } from '../../../shared/changes/bus-channel.ts';
import type { Channel } from '../../../shared/changes/channel.ts';
import { isReaderGone, StdoutChannel } from '../../../shared/changes/stdout-channel.ts';
import { type Failure, StateUnusable } from '../../../shared/failure.ts';
import type { WatchKey } from '../../../shared/state/state.ts';
import { parseBusEvent } from './bus-event.ts';
import { withDeployedHome } from './deployed-home.ts';
import { deploymentFailure } from './failure.ts';
import type { StackOptions } from './stack.ts';
import { type EventPattern, TailFeed } from './tail-feed.ts';

export interface TailOptions extends StackOptions {
  readonly watch?: string;
  readonly notices: boolean;
}

/** Prints what happens on the bus of a deployment from now on, until `stop` or until nobody reads it any more. */
export async function tail(options: TailOptions, stop: AbortSignal): Promise<void> {
  await withDeployedHome(options, async (home, stack) => {
    const watch = options.watch === undefined ? undefined : (await home.watchNamed(options.watch)).key;
    const feed = new TailFeed(stack, wanted(watch, options.notices), Date.now());
    try {
      await removeDead(feed);
      if (!stop.aborted) await follow(feed, `${stack.name}${watch === undefined ? '' : `, ${watch}`}`, stop);
    } catch (error) {
      await close(feed).catch((remains: Failure) => process.stderr.write(`tail: ${remains.message}\n`));
      throw error;
    }
    await close(feed);
  });
}

async function follow(feed: TailFeed, what: string, stop: AbortSignal): Promise<void> {
  process.stderr.on('error', () => undefined); // `tail 2>&1 | head`: unheard, it ends the process with its queue in place
  await feed.open(Date.now());
  process.stderr.write(`tail: ${what}: changes from now on\n`);
  await print(feed, stop);
}

function wanted(watch: WatchKey | undefined, notices: boolean): EventPattern {
  const [tenant = '', name = ''] = watch?.split('/') ?? [];
  const types = (['file', 'directory'] as const).flatMap((kind) =>
    (['created', 'modified', 'deleted', 'moved'] as const).map((type) => detailType({ kind, type })),
  );
  return {
    source: ['farwatch'],
    ...(notices ? {} : { 'detail-type': types }),
    ...(watch === undefined ? {} : { detail: { tenant: [tenant], watch: [name] } }),
  };
}

async function print(feed: TailFeed, stop: AbortSignal): Promise<void> {
  const channel = new StdoutChannel({ maxBatch: 1, stdout: process.stdout });
  try {
    while (!stop.aborted) {
      const messages = await feed.receive(stop);
      for (const { Body = '' } of messages) await printEvent(Body, channel, stop);
      await feed.taken(messages);
      await feed.stayAlive(Date.now());
    }
  } catch (error) {
    if (!isReaderGone(error) && !stop.aborted) throw error;
  }
}

async function printEvent(body: string, channel: Channel, stop: AbortSignal): Promise<void> {
  const event = parseBusEvent(body);
  if (event === undefined) process.stderr.write('tail: left out an event that is none of Farwatch\n');
  else if (event.kind === 'change') await channel.send([event.change], stop);
  else await channel.notify(event.notice, stop);
}

/** Whoever may not list rules, or not remove those of others, may tail all the same. */
async function removeDead(feed: TailFeed): Promise<void> {
  try {
    for (const name of await feed.removeDead(Date.now())) {
      process.stderr.write(`tail: removed ${name}, whose tail died\n`);
    }
  } catch (error) {
    const failure = deploymentFailure(error);
    const reason = failure instanceof Error ? failure.message : String(failure);
    process.stderr.write(`tail: what dead tails left could not be removed: ${reason}\n`);
  }
}

async function close(feed: TailFeed): Promise<void> {
  try {
    await feed.close();
  } catch (error) {
    throw new StateUnusable(`the rule and queue ${feed.name} could not be removed`, {
      cause: error,
      advice: 'Remove them by hand, or let the next tail do it: it removes what is a day old.',
    });
  }
}
