import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  EventBridgeClient,
  ListRulesCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { BusChannel } from '../../shared/changes/bus-channel.ts';
import type { Change, Notice } from '../../shared/changes/change.ts';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import { Home, linesOf, type Running, until } from '../local/home.ts';
import { change, enrolment } from '../state/samples.ts';
import { clientOptions, createCommandStack } from './command-stack.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const skip = localStackMissing() ?? false;
const stack = 'Commands';
const day = 86_400_000;

describe('commands on a stack', { skip }, () => {
  let localstack: LocalStack;
  let outputs: Record<string, string>;
  let events: EventBridgeClient;
  let queues: SQSClient;
  let bus: BusChannel;

  before(async () => {
    localstack = await startLocalStack();
    outputs = await createCommandStack(localstack, stack);
    events = new EventBridgeClient(clientOptions(localstack));
    queues = new SQSClient(clientOptions(localstack));
    bus = new BusChannel({ client: events, bus: output('BusName') });
    const client = new DynamoDBClient(clientOptions(localstack));
    const state = openDynamoState({ client, table: output('TableName') });
    for (const tenant of ['acme', 'globex']) {
      await state.enroll(
        enrolment({ key: `${tenant}/incoming`, identity: '["local","/incoming"]' }),
        Date.now(),
      );
    }
    client.destroy();
  });

  after(async () => {
    events.destroy();
    queues.destroy();
    await localstack.stop();
  });

  function output(name: string): string {
    return outputs[name] ?? assert.fail(`the stack has no output ${name}`);
  }

  function userOf(t: TestContext): Home {
    const home = new Home(t);
    for (const [name, value] of Object.entries(localstack.env)) home.env(name, value);
    return home;
  }

  async function tailing(t: TestContext, ...args: readonly string[]): Promise<Running> {
    const running = userOf(t).start('tail', '--stack', stack, ...args);
    await running.until('it listens', () => running.stderr.includes('from now on'));
    return running;
  }

  /** Rules and queues of tails. */
  async function remains(): Promise<readonly string[]> {
    const rules = await events.send(
      new ListRulesCommand({ EventBusName: output('BusName'), NamePrefix: 'farwatch-tail-' }),
    );
    const urls = await queues.send(new ListQueuesCommand({ QueueNamePrefix: 'farwatch-tail-' }));
    return [
      ...(rules.Rules ?? []).map(({ Name }) => `rule ${Name}`),
      ...(urls.QueueUrls ?? []).map((url) => `queue ${url.split('/').at(-1)}`),
    ];
  }

  async function emit(...changes: readonly Change[]): Promise<void> {
    await bus.send(changes, new AbortController().signal);
  }

  it('scan calls the planner', async (t) => {
    const { code, stderr } = await userOf(t).farwatch('scan', 'acme/incoming', '--stack', stack);
    assert.equal(code, 0, stderr);
    await until('the planner is called', () => localstack.logs().includes('planner called with {}'));
    assert.match((await userOf(t).farwatch('status', '--stack', stack)).stdout, /^acme\/incoming /m);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`tail prints changes until ${signal}, and leaves nothing behind`, async (t) => {
      const running = await tailing(t);
      assert.equal((await remains()).length, 2);
      await bus.notify(notice, new AbortController().signal);
      const sent = [change('a'), change('b', { tenant: 'globex' })];
      await emit(...sent);
      await running.until('two changes', () => running.changes.length >= 2);
      assert.deepEqual(running.changes.toSorted(byId), sent);
      const { code, stderr } = await running.stop(signal);
      assert.equal(code, 0, stderr);
      assert.deepEqual(await remains(), []);
    });
  }

  it('tail of one watch, with notices', async (t) => {
    const running = await tailing(t, '--watch', 'acme/incoming', '--notices');
    const others = change('c', { tenant: 'globex' });
    await emit(others, change('d', { watch: 'outgoing' }));
    await bus.notify(notice, new AbortController().signal);
    await emit(change('e'));
    await running.until('two lines', () => running.stdout.split('\n').length > 2);
    const lines = linesOf(running.stdout).map((line) => JSON.parse(line));
    assert.deepEqual(new Set(lines), new Set([notice, change('e')]));
    await running.stop();
  });

  it('tail ends when nobody reads it any more', async (t) => {
    const running = await tailing(t);
    running.child.stdout.destroy();
    await emit(change('f'));
    const { code, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(await remains(), []);
  });

  it('tail cleans up when it fails', async (t) => {
    const running = await tailing(t);
    const [, queue = ''] = await remains();
    const QueueName = queue.slice('queue '.length);
    const { QueueUrl } = await queues.send(new GetQueueUrlCommand({ QueueName }));
    await queues.send(new DeleteQueueCommand({ QueueUrl }));
    const { code, stderr } = await running.ended;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /AWS refused: QueueDoesNotExist/);
    assert.deepEqual(await remains(), []);
  });

  it('tail removes what dead tails left, and only that', async (t) => {
    const old = Math.floor((Date.now() - 2 * day) / 1_000);
    const dead = await leftBehind(`farwatch-tail-${old}-dead`, Date.now() - 2 * day);
    const alive = await leftBehind(`farwatch-tail-${old}-alive`, Date.now() - 3_600_000);
    const running = await tailing(t);
    const names = await remains();
    assert.ok(names.includes(`rule ${alive}`) && names.includes(`queue ${alive}`));
    assert.equal(names.length, 4);
    const { stderr } = await running.stop();
    assert.match(stderr, new RegExp(`removed ${dead}`));
  });

  async function leftBehind(name: string, aliveAt: number): Promise<string> {
    const EventBusName = output('BusName');
    const Description = `of a "farwatch tail" that was alive at ${new Date(aliveAt).toISOString()}`;
    const EventPattern = JSON.stringify({ source: ['nobody'] });
    await events.send(new PutRuleCommand({ Name: name, EventBusName, Description, EventPattern }));
    await queues.send(new CreateQueueCommand({ QueueName: name }));
    const Arn = `arn:aws:sqs:us-east-1:000000000000:${name}`;
    await events.send(new PutTargetsCommand({ Rule: name, EventBusName, Targets: [{ Id: 'tail', Arn }] }));
    return name;
  }

  it('redrive moves what was given up back to its queue', async (t) => {
    const home = userOf(t);
    const nothing = await home.farwatch('redrive', '--stack', stack);
    assert.equal(nothing.code, 0, nothing.stderr);
    assert.match(nothing.stderr, /nothing was waiting/);
    await giveUp('Changes', 'one', 'two');
    await giveUp('Tasks', 'three');
    const tasks = await home.farwatch('redrive', 'tasks', '--stack', stack);
    assert.equal(tasks.code, 0, tasks.stderr);
    assert.equal(tasks.stderr, 'redrive: tasks: 1 messages moved back\n');
    assert.deepEqual([await waiting('TasksQueueUrl'), await waiting('ChangesQueueUrl')], [1, 0]);
    const all = await home.farwatch('redrive', '--stack', stack);
    assert.equal(all.stderr, 'redrive: changes: 2 messages moved back\n');
    assert.deepEqual([await waiting('ChangesQueueUrl'), await waiting('ChangesDeadLetterQueueUrl')], [2, 0]);
  });

  /** Looks at each message once too often. */
  async function giveUp(name: string, ...bodies: readonly string[]): Promise<void> {
    const QueueUrl = output(`${name}QueueUrl`);
    for (const MessageBody of bodies) {
      await queues.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }
    await until(`${name} are given up`, async () => {
      await queues.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return (await waiting(`${name}DeadLetterQueueUrl`)) === bodies.length;
    });
  }

  async function waiting(queue: string): Promise<number> {
    const { Attributes = {} } = await queues.send(
      new GetQueueAttributesCommand({
        QueueUrl: output(queue),
        AttributeNames: ['ApproximateNumberOfMessages'],
      }),
    );
    return Number(Attributes['ApproximateNumberOfMessages']);
  }
});

const notice: Notice = {
  version: 1,
  type: 'Scan Completed',
  tenant: 'acme',
  server: 'partner-a',
  watch: 'incoming',
  scan: 3,
  at: '2026-11-21T01:25:03.120Z',
  message: 'scan completed',
  detail: { files: 3, treeDigest: 'd' },
};

function byId(a: Change, b: Change): number {
  return a.id.localeCompare(b.id);
}
