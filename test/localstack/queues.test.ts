import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, SQSClient } from '@aws-sdk/client-sqs';
import { Wakes } from '../../shared/changes/wakes.ts';
import { StateUnusable } from '../../shared/failure.ts';
import { SqsTasks } from '../../shared/tasks/sqs-tasks.ts';
import { parseTask, type TaskMessage } from '../../shared/tasks/tasks.ts';
import { messages, tasksConformance } from '../tasks/conformance.ts';
import { eventually, QueueReader } from './consumer.ts';
import { type FaultyWire, startFaultyWire } from './faulty-wire.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';
import { fifoQueue, startWorkers } from './queue-workers.ts';

const skip = localStackMissing() ?? false;
/** What SQS allows for both: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const idPattern = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

suite('tasks and wakes on SQS', { skip, timeout: 300_000 }, () => {
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

  const newQueue = (): Promise<string> => {
    number += 1;
    return fifoQueue(sqs, `queue-${number}`);
  };

  /** A queue at the far end of a wire that can be hurt. */
  async function onWire(
    run: (far: { wire: FaultyWire; client: SQSClient; queueUrl: string }) => Promise<void>,
  ): Promise<void> {
    const wire = await startFaultyWire(localstack.endpoint);
    const client = new SQSClient({
      ...localstack.clientConfig,
      endpoint: wire.endpoint,
      useQueueUrlAsEndpoint: false,
    });
    try {
      await run({ wire, client, queueUrl: await newQueue() });
    } finally {
      client.destroy();
      await wire.close();
    }
  }

  tasksConformance('SqsTasks', async ({ handle, connections }) => {
    const queueUrl = await newQueue();
    const workers = startWorkers(sqs, queueUrl, 8, ({ Body = '' }) => handle(parseTask(Body)));
    return { tasks: new SqsTasks({ client: sqs, queueUrl, connections }), close: () => workers.close() };
  });

  test('groups and names of messages are within the limits of SQS, a task keeps its group', async () => {
    const queueUrl = await newQueue();
    const tasks = new SqsTasks({ client: sqs, queueUrl, connections: () => 1_000 });
    const server = `${'ü@'.repeat(200)}@[2001:db8::1]:65535`;
    const sent = messages(1, 12).map((message) => ({
      ...message,
      tenant: 't'.repeat(63),
      watch: 'w'.repeat(63),
    }));
    const seen: Message[] = [];
    const workers = startWorkers(sqs, queueUrl, 4, async (message) => void seen.push(message));
    try {
      await tasks.send(server, sent);
      await tasks.send(server, sent, 1_000_000);
      await eventually('all messages', async () => seen.length === 24);
    } finally {
      await workers.close();
    }
    const groups = new Map<string, Set<string>>();
    for (const { Body = '', Attributes = {} } of seen) {
      const { MessageGroupId = '', MessageDeduplicationId = '' } = Attributes;
      assert.match(MessageGroupId, idPattern);
      assert.match(MessageDeduplicationId, idPattern);
      groups.set(Body, (groups.get(Body) ?? new Set()).add(MessageGroupId));
    }
    assert.deepEqual(
      [...groups.values()].map(({ size }) => size),
      sent.map(() => 1),
    );
    assert.equal(new Set([...groups.values()].flatMap((group) => [...group])).size, 12);
  });

  test('tasks behind a refused one are sent all the same, and the refused one comes with the next try', () =>
    onWire(async ({ wire, client, queueUrl }) => {
      const tasks = new SqsTasks({ client, queueUrl, connections: () => 2 });
      const read = async (): Promise<readonly TaskMessage[]> =>
        (await new QueueReader(sqs, queueUrl).read()).map((body) => parseTask(JSON.stringify(body)));
      wire.faults = { refuse: '0000003' };
      await assert.rejects(tasks.send('a', messages(1, 25)), isTasksFailure);
      wire.faults = undefined;
      const expected = messages(1, 25).filter(({ task }) => task !== '0000003');
      assert.deepEqual(inOrder(await read()), expected);
      await tasks.send('a', messages(1, 25));
      assert.deepEqual(await read(), messages(3, 3));
    }));

  test('a queue that denies us is said to be unusable, with its reason', () =>
    onWire(async ({ wire, client, queueUrl }) => {
      const tasks = new SqsTasks({ client, queueUrl, connections: () => 2 });
      for (const fault of ['denied', 'empty answer'] as const) {
        wire.faults = fault;
        await assert.rejects(tasks.send('a', messages(1, 1)), isTasksFailure);
      }
    }));

  test('a burst of wakes makes few messages, and the last of it is not forgotten', () =>
    onWire(async ({ wire, client, queueUrl }) => {
      const wakes = new Wakes({ client, queueUrl });
      // Far below the pace of wakes, two seconds.
      const end = performance.now() + 300;
      for (let count = 0; performance.now() < end; count += 1) {
        wakes.want();
        if (count % 50 === 0) await sleep(10);
      }
      await wakes.flush();
      assert.equal(wire.requests.length, 2, 'one at once, one for all after it');
      await wakes.flush();
      assert.equal(wire.requests.length, 2, 'nothing is wanted since');
      wakes.want();
      await wakes.flush();
      assert.equal(wire.requests.length, 3);
      assert.equal((await new QueueReader(sqs, queueUrl).read()).length, 3);
    }));

  test('a wake that comes while an earlier one is under way wakes again', async () => {
    const queueUrl = await newQueue();
    const wakes = new Wakes({ client: sqs, queueUrl });
    let woken = 0;
    const workers = startWorkers(sqs, queueUrl, 2, async () => {
      woken += 1;
      if (woken > 1) return;
      // The publisher has read the log and is about to say that nothing is left.
      wakes.want();
      await wakes.flush();
    });
    try {
      wakes.want();
      await wakes.flush();
      await eventually('a second wake', async () => woken === 2);
    } finally {
      await workers.close();
    }
  });

  test('flush sends again what could not be sent, says so where it still cannot, and forgets nothing', () =>
    onWire(async ({ wire, client, queueUrl }) => {
      const wakes = new Wakes({ client, queueUrl });
      wire.faults = ['denied'];
      wakes.want();
      await wakes.flush();
      assert.equal((await new QueueReader(sqs, queueUrl).read()).length, 1);
      wire.faults = 'denied';
      wakes.want();
      await assert.rejects(wakes.flush(), { name: 'AccessDeniedException' });
      wire.faults = undefined;
      await wakes.flush();
      assert.equal((await new QueueReader(sqs, queueUrl).read()).length, 1);
    }));

  test('whoever flushes waits for the wake that another one has on its way', () =>
    onWire(async ({ client, queueUrl }) => {
      const wakes = new Wakes({ client, queueUrl });
      wakes.want();
      void wakes.flush();
      await wakes.flush();
      assert.equal((await new QueueReader(sqs, queueUrl).read()).length, 1);
    }));
});

function isTasksFailure(error: unknown): true {
  assert.ok(error instanceof StateUnusable, String(error));
  assert.ok(error.advice);
  assert.match(error.message, /the task queue did not take every task: \w+/);
  return true;
}

function inOrder(tasks: readonly TaskMessage[]): readonly TaskMessage[] {
  return tasks.toSorted((a, b) => Number(a.task) - Number(b.task));
}
