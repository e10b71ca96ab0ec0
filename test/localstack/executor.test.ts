import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { deploy, destroy } from './deploy.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const elsewhere = process.env['FARWATCH_TEST_LOCALSTACK'] && 'that LocalStack has an executor of its own';
const skip = localStackMissing() ?? elsewhere ?? false;
const appDirectory = fileURLToPath(new URL('probe/', import.meta.url));
const names = z.object({
  SeenUrl: z.string(),
  DeadUrl: z.string(),
  WorkUrl: z.string(),
  EventsUrl: z.string(),
  BusName: z.string(),
  WorkerName: z.string(),
  EchoName: z.string(),
  PatientName: z.string(),
  BrokenName: z.string(),
  WorkflowArn: z.string(),
});
const failure = z.object({ errorType: z.string(), errorMessage: z.string() });
const echoed = z.object({
  pid: z.number(),
  textLength: z.number(),
  filler: z.string(),
  greeting: z.string(),
  remainingMs: z.number(),
  function: z.object({ name: z.string(), memory: z.string(), handler: z.string(), node: z.string() }),
});

suite('functions as processes behind LocalStack', { skip, timeout: 300_000 }, () => {
  let localstack: LocalStack;
  let probe: z.infer<typeof names>;
  let lambda: LambdaClient;
  let sqs: SQSClient;

  before(async () => {
    localstack = await startLocalStack();
    probe = names.parse(await deploy(localstack, { stack: 'Probe', appDirectory }));
    lambda = new LambdaClient(localstack.clientConfig);
    sqs = new SQSClient(localstack.clientConfig);
  });

  after(async () => {
    lambda?.destroy();
    sqs?.destroy();
    await localstack?.stop();
  });

  async function invoke(
    name: string,
    event: unknown,
  ): Promise<{ error: string | undefined; answer: unknown }> {
    const response = await lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
    );
    const answer: unknown = JSON.parse(response.Payload?.transformToString() ?? 'null');
    return { error: response.FunctionError, answer };
  }

  async function echo(event: unknown, name = probe.EchoName) {
    const { error, answer } = await invoke(name, event);
    assert.equal(error, undefined, JSON.stringify(answer));
    return echoed.parse(answer);
  }

  async function fails(name: string, event: unknown) {
    const { error, answer } = await invoke(name, event);
    assert.ok(error !== undefined, 'the invocation is an error');
    return failure.parse(answer);
  }

  async function receive(queue: string, count: number, withinMs: number): Promise<string[]> {
    const bodies: string[] = [];
    for (const end = Date.now() + withinMs; bodies.length < count && Date.now() < end; ) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      for (const { Body, ReceiptHandle } of Messages) {
        bodies.push(Body ?? '');
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
      }
    }
    return bodies;
  }

  async function send(...tasks: { name: string; act: string; group: string }[]): Promise<void> {
    await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: probe.WorkUrl,
        Entries: tasks.map(({ group, ...task }, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(task),
          MessageGroupId: group,
          MessageDeduplicationId: task.name,
        })),
      }),
    );
  }

  test('an invocation sees its function, its deadline and this Node', async () => {
    const { function: known, remainingMs } = await echo({}, probe.PatientName);
    assert.deepEqual(known, {
      name: probe.PatientName,
      memory: '256',
      handler: 'echo.handler',
      node: process.versions.node,
    });
    assert.ok(remainingMs > 2_000 && remainingMs <= 20_000, `${remainingMs} ms remain`);
  });

  test('invocations at the same time get processes of their own, later ones reuse them', async () => {
    const patient = (event: unknown) => echo(event, probe.PatientName);
    const first = await Promise.all([1, 2, 3].map(() => patient({ sleepMs: 5000 })));
    const pids = new Set(first.map(({ pid }) => pid));
    assert.equal(pids.size, 3);
    assert.ok(pids.has((await patient({})).pid));
  });

  test('large events and answers pass; an answer over the limit is an error', async () => {
    const large = await echo({ text: 'é'.repeat(2_000_000), answerBytes: 5_000_000 }, probe.PatientName);
    assert.equal(large.textLength, 2_000_000);
    assert.equal(large.filler.length, 5_000_000);
    const tooLarge = await fails(probe.PatientName, { answerBytes: 7_000_000 });
    assert.equal(tooLarge.errorType, 'Function.ResponseSizeTooLarge');
  });

  test('errors have the names that Step Functions matches, and the next invocation works', async () => {
    assert.deepEqual(await fails(probe.EchoName, { end: 'throw' }), {
      errorType: 'Refused',
      errorMessage: 'no',
    });
    const exited = await fails(probe.EchoName, { end: 'exit' });
    assert.equal(exited.errorType, 'Runtime.ExitError');
    const slow = await fails(probe.EchoName, { sleepMs: 10_000 });
    assert.equal(slow.errorType, 'Sandbox.Timedout');
    assert.match(slow.errorMessage, /timed out after 2\.00 seconds/);
    const broken = await fails(probe.BrokenName, {});
    assert.match(broken.errorMessage, /the configuration is bad/);
    assert.equal((await echo({})).greeting, 'hello');
    assert.deepEqual(localstack.pids(probe.EchoName), [], 'none runs on');
  });

  test('a message that fails alone is delivered again and ends in the dead-letter queue', async () => {
    await send(
      { name: 'good', act: 'succeed', group: 'a' },
      { name: 'poison', act: 'fail', group: 'b' },
      { name: 'fine', act: 'succeed', group: 'c' },
    );
    const dead = await receive(probe.DeadUrl, 1, 120_000);
    assert.deepEqual(dead, [JSON.stringify({ name: 'poison', act: 'fail' })]);
    const seen = await receive(probe.SeenUrl, 4, 60_000);
    const expected = [
      { name: 'fine', attempt: 1 },
      { name: 'good', attempt: 1 },
      { name: 'poison', attempt: 1 },
      { name: 'poison', attempt: 2 },
    ].map((delivery) => JSON.stringify(delivery));
    assert.deepEqual(seen.toSorted(), expected);
  });

  test('a killed function gets its message again', async () => {
    await send({ name: 'victim', act: 'hang first', group: 'd' });
    assert.deepEqual(await receive(probe.SeenUrl, 1, 60_000), [
      JSON.stringify({ name: 'victim', attempt: 1 }),
    ]);
    const running = localstack.pids(probe.WorkerName);
    assert.equal(running.length, 1);
    for (const pid of running) process.kill(pid, 'SIGKILL');
    assert.deepEqual(await receive(probe.SeenUrl, 1, 60_000), [
      JSON.stringify({ name: 'victim', attempt: 2 }),
    ]);
  });

  test('a state machine invokes a function and catches its error by name', async () => {
    const client = new SFNClient(localstack.clientConfig);
    const outcome = async (input: unknown) => {
      const start = { stateMachineArn: probe.WorkflowArn, input: JSON.stringify(input) };
      const { executionArn } = await client.send(new StartExecutionCommand(start));
      for (;;) {
        const { status, output } = await client.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== 'RUNNING') return { status, output: JSON.parse(output ?? 'null') as unknown };
        await sleep(100);
      }
    };
    const answered = await outcome({ text: 'abc' });
    assert.equal(answered.status, 'SUCCEEDED');
    assert.equal(echoed.parse(answered.output).textLength, 3);
    const caught = await outcome({ end: 'throw' });
    assert.equal(caught.status, 'SUCCEEDED');
    assert.equal(z.object({ Error: z.string() }).parse(caught.output).Error, 'Refused');
    client.destroy();
  });

  test('a rule of the bus picks events by their content', async () => {
    const client = new EventBridgeClient(localstack.clientConfig);
    const entry = (path: string) => ({
      EventBusName: probe.BusName,
      Source: 'probe',
      DetailType: 'File Created',
      Detail: JSON.stringify({ path }),
    });
    await client.send(new PutEventsCommand({ Entries: [entry('a.txt'), entry('b.csv')] }));
    const events = await receive(probe.EventsUrl, 1, 60_000);
    const paths = events.map(
      (event) => z.object({ detail: z.object({ path: z.string() }) }).parse(JSON.parse(event)).detail.path,
    );
    assert.deepEqual(paths, ['b.csv']);
    client.destroy();
  });

  test('a stack is updated by deploying again', async () => {
    await deploy(localstack, { stack: 'Probe', appDirectory, context: { greeting: 'good day' } });
    assert.equal((await echo({})).greeting, 'good day');
    await destroy(localstack, { stack: 'Probe', appDirectory });
    await assert.rejects(echo({}), { name: 'ResourceNotFoundException' });
  });
});
