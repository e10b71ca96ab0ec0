import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { BusChannel } from '../../shared/changes/bus-channel.ts';
import type { Change } from '../../shared/changes/change.ts';
import { QueueChannel } from '../../shared/changes/queue-channel.ts';
import { channelConformance, failedOf, idsOf, type OpenedChannel } from '../changes/conformance.ts';
import { never, sampleChange, sampleChanges, sampleNotice } from '../changes/samples.ts';
import { eventually, QueueReader, ruleTarget } from './consumer.ts';
import { type FaultyWire, startFaultyWire } from './faulty-wire.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const skip = localStackMissing() ?? false;
const event = z.object({ source: z.literal('farwatch'), 'detail-type': z.string(), detail: z.unknown() });
const batch = z.strictObject({ version: z.literal(1), changes: z.array(z.unknown()).min(1) });

type OnWire = OpenedChannel & { readonly wire: FaultyWire };
/** With its receiver on LocalStack and a wire between that can be hurt. */
type Open = () => Promise<OnWire>;

suite('channels on AWS', { skip, timeout: 300_000 }, () => {
  let localstack: LocalStack;
  let sqs: SQSClient;
  let number = 0;

  before(async () => {
    localstack = await startLocalStack();
    sqs = new SQSClient(localstack.clientConfig);
  });

  after(async () => {
    sqs?.destroy();
    await localstack?.stop();
  });

  const openBus: Open = async () => {
    number += 1;
    const bus = `changes-${number}`;
    const admin = new EventBridgeClient(localstack.clientConfig);
    await admin.send(new CreateEventBusCommand({ Name: bus }));
    admin.destroy();
    const reader = await ruleTarget(localstack, sqs, bus, `bus-${number}`, { source: ['farwatch'] });
    const wire = await startFaultyWire(localstack.endpoint);
    const client = new EventBridgeClient({ ...localstack.clientConfig, endpoint: wire.endpoint });
    const details = async (are: (type: string) => boolean) =>
      (await reader.read())
        .map((body) => event.parse(body))
        .filter((found) => are(found['detail-type']))
        .map(({ detail }) => detail);
    return {
      channel: new BusChannel({ client, bus }),
      received: () => details((type) => /^(File|Directory) /.test(type)),
      notices: () => details((type) => type === sampleNotice.type),
      wire,
      stall: () => {
        wire.faults = 'no answer';
      },
      async close() {
        client.destroy();
        await wire.close();
      },
    };
  };

  const openQueue =
    (fifo: boolean): Open =>
    async () => {
      number += 1;
      const QueueName = `queue-${number}${fifo ? '.fifo' : ''}`;
      const Attributes = fifo ? { FifoQueue: 'true' } : {};
      const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      const reader = new QueueReader(sqs, QueueUrl);
      const wire = await startFaultyWire(localstack.endpoint);
      const client = new SQSClient({
        ...localstack.clientConfig,
        endpoint: wire.endpoint,
        useQueueUrlAsEndpoint: false,
      });
      return {
        channel: new QueueChannel({ client, queueUrl: QueueUrl, fifo }),
        received: async () => (await reader.read()).flatMap((body) => batch.parse(body).changes),
        notices: async () => [],
        wire,
        stall: () => {
          wire.faults = 'no answer';
        },
        async close() {
          client.destroy();
          await wire.close();
        },
      };
    };

  const waits = true;
  channelConformance('BusChannel', { ordered: false, carriesNotices: true, waits }, openBus);
  channelConformance('QueueChannel', { ordered: false, carriesNotices: false, waits }, openQueue(false));
  channelConformance('QueueChannel, FIFO', { ordered: true, carriesNotices: false, waits }, openQueue(true));

  const kinds = [
    ['BusChannel', openBus],
    ['QueueChannel', openQueue(false)],
    ['QueueChannel, FIFO', openQueue(true)],
  ] as const;
  for (const [name, open] of kinds) {
    const check = (title: string, run: (opened: OnWire) => Promise<void>) => {
      test(`${name}: ${title}`, async () => {
        const opened = await open();
        try {
          await run(opened);
        } finally {
          await opened.close();
        }
      });
    };

    check('what was refused is named, and nothing else', async (opened) => {
      const changes = apart(20);
      opened.wire.faults = { refuse: '/refused/' };
      const refused = changes.filter(({ path }) => path.includes('/refused/'));
      assert.equal(refused.length, 2);
      assert.deepEqual(await failedOf(opened.channel.send(changes, never)), idsOf(refused));
      opened.wire.faults = undefined;
      await opened.channel.send(refused, never);
      await expectOnce(opened, changes);
    });

    check('a service that is unavailable for a moment costs nothing', async (opened) => {
      opened.wire.faults = ['unavailable', 'throttle'];
      await opened.channel.send(apart(3), never);
      await expectOnce(opened, apart(3));
    });

    check('where one request fails, its changes are named', async (opened) => {
      const changes = Array.from({ length: 100 }, (_, index) => ({
        ...sampleChange(index, { watch: `watch-${index % 4}`, path: `/${'x'.repeat(10_000)}` }),
      }));
      opened.wire.faults = [undefined, 'denied'];
      const failed = await failedOf(opened.channel.send(changes, never));
      assert.ok(failed.length > 0 && failed.length < changes.length, `${failed.length} failed`);
      const rest = changes.filter(({ id }) => failed.includes(id));
      await opened.channel.send(rest, never);
      await expectOnce(opened, changes);
    });

    check('throttled throughout, it says so and names all', async (opened) => {
      opened.wire.faults = 'throttle';
      const sending = opened.channel.send(apart(12), never);
      await assert.rejects(sending, /ThrottlingException/);
      assert.deepEqual(await failedOf(sending), idsOf(apart(12)));
    });

    check('an answer without a word of the changes is no promise', async (opened) => {
      opened.wire.faults = 'empty answer';
      assert.deepEqual(await failedOf(opened.channel.send(apart(12), never)), idsOf(apart(12)));
    });

    check('an answer that is lost loses nothing', async (opened) => {
      opened.wire.faults = ['lose the answer'];
      await opened.channel.send(apart(5), never);
      const ids = () => opened.received().then((changes) => new Set(changes.map(idOf)));
      await eventually('all of them', async () => (await ids()).size === 5);
    });
  }

  test('BusChannel: a notice that was refused is a failure that names no change', async () => {
    const opened = await openBus();
    opened.wire.faults = { refuse: sampleNotice.type };
    assert.deepEqual(await failedOf(opened.channel.notify(sampleNotice, never)), []);
    await opened.close();
  });

  test('QueueChannel, FIFO: nothing overtakes what was refused, and no other watch waits for it', async () => {
    const opened = await openQueue(true)();
    const ours = sampleChanges(1, 450);
    const theirs = sampleChanges(1_001, 1_050).map((change) => ({ ...change, watch: 'other' }));
    opened.wire.faults = { refuse: 'id-150\\"' };
    const failed = await failedOf(opened.channel.send([...ours, ...theirs], never));
    assert.deepEqual(failed, idsOf(sampleChanges(101, 450)));
    opened.wire.faults = undefined;
    await opened.channel.send(sampleChanges(101, 450), never);
    const received = await opened.received();
    assert.deepEqual(received.filter(isOfWatch('incoming')), ours);
    assert.deepEqual(received.filter(isOfWatch('other')), theirs);
    await opened.close();
  });

  test('QueueChannel, FIFO: an answer that is lost brings no repeat', async () => {
    const opened = await openQueue(true)();
    opened.wire.faults = ['lose the answer'];
    await opened.channel.send(sampleChanges(1, 5), never);
    await opened.channel.send(sampleChanges(6, 6), never);
    assert.deepEqual(await opened.received(), sampleChanges(1, 6));
    await opened.close();
  });
});

/** Each is a message of its own, by its watch and its size; one in ten is below `/refused/`. */
function apart(count: number): readonly Change[] {
  return Array.from({ length: count }, (_, index) =>
    sampleChange(index, {
      watch: `watch-${index}`,
      path: `${index % 10 === 7 ? '/refused/' : '/incoming/'}${'x'.repeat(140_000)}`,
    }),
  );
}

async function expectOnce(opened: OpenedChannel, sent: readonly Change[]): Promise<void> {
  await eventually('all of them', async () => (await opened.received()).length >= sent.length);
  assert.deepEqual((await opened.received()).map(idOf).toSorted(), idsOf(sent));
}

function idOf(change: unknown): string {
  return z.object({ id: z.string() }).parse(change).id;
}

function isOfWatch(watch: string): (change: unknown) => boolean {
  return (change) => z.object({ watch: z.string() }).parse(change).watch === watch;
}
