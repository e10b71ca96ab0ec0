import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { z } from 'zod';
import { handle } from '../../functions/handle.ts';
import { InvalidInput } from '../../shared/failure.ts';

const event = z.object({ task: z.string() });

/** An invocation with so much time left. */
function context(leftMs: number): Context {
  const end = performance.now() + leftMs;
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: 'scanner',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:scanner',
    memoryLimitInMB: '256',
    awsRequestId: 'a',
    logGroupName: 'group',
    logStreamName: 'stream',
    getRemainingTimeInMillis: () => Math.floor(end - performance.now()),
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

test('work gets the parsed event and the time, and its answer is the function’s', async () => {
  const before = Date.now();
  const handler = handle(event, 100, async ({ task }, { signal, now }) => {
    assert.ok(before <= now && now <= Date.now());
    return { task, aborted: signal.aborted };
  });
  assert.deepEqual(await handler({ task: 'a', more: 1 }, context(60_000)), { task: 'a', aborted: false });
});

test('an event that is not understood is no work, and not worth another try', async () => {
  let worked = false;
  const handler = handle(event, 100, async () => {
    worked = true;
  });
  for (const wrong of [{}, { task: 1 }, null, 'task', undefined]) {
    await assert.rejects(
      async () => handler(wrong, context(10_000)),
      (error) => {
        assert.ok(error instanceof InvalidInput);
        assert.equal(error.name, 'InvalidInput', 'Step Functions matches the name');
        assert.match(error.message, /the event is not understood/);
        return true;
      },
    );
  }
  assert.equal(worked, false);
});

test('the signal aborts while there is time left, and the work ends in its own words', async () => {
  const invoked = context(60_500);
  const handler = handle(event, 60_000, async (_event, { signal }) => {
    while (!signal.aborted) await sleep(10);
    const leftMs = invoked.getRemainingTimeInMillis();
    await sleep(50);
    return leftMs;
  });
  const leftMs = await handler({ task: 'a' }, invoked);
  assert.ok(leftMs > 0 && leftMs < 60_100, `${leftMs} ms were left`);
});

test('with less time than the margin, the signal aborts at once', async () => {
  const handler = handle(event, 60_000, async (_event, { signal }) => {
    await sleep(20);
    return signal.aborted;
  });
  assert.equal(await handler({ task: 'a' }, context(1_000)), true);
});

test('an error of the work is the function’s', async () => {
  const failure = new TypeError('a defect');
  const handler = handle(event, 100, async () => {
    throw failure;
  });
  await assert.rejects(
    async () => handler({ task: 'a' }, context(10_000)),
    (error) => error === failure,
  );
});
