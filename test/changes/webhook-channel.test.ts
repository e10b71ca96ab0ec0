import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from '../../shared/changes/webhook-answer.ts';
import { WebhookChannel, type WebhookOptions } from '../../shared/changes/webhook-channel.ts';
import type { SecretReference } from '../../shared/config/config.ts';
import { InvalidInput, PublishFailed } from '../../shared/failure.ts';
import { never, quiet, sampleChange, sampleChanges, sampleNotice, until } from './samples.ts';
import { type Answer, type Receiver, startReceiver, status } from './webhook-receiver.ts';

const plain = (value: string): SecretReference => ({ source: 'plain', value });

function open(url: string, more: Partial<WebhookOptions> = {}): Promise<WebhookChannel> {
  return WebhookChannel.open({
    url: plain(url),
    headers: {},
    timeoutMs: 10_000,
    maxBatch: 100,
    readSecret: async ({ value }) => value,
    log: quiet,
    pace: { retries: 3, firstMs: 1, longestMs: 5 },
    ...more,
  });
}

/** Runs `work` with a receiver that gives these answers. */
async function withReceiver(
  answers: readonly Answer[],
  work: (receiver: Receiver) => Promise<void>,
): Promise<void> {
  const receiver = await startReceiver(...answers);
  try {
    await work(receiver);
  } finally {
    await receiver.close();
  }
}

async function failureOf(sending: Promise<void>): Promise<PublishFailed> {
  const error: unknown = await sending.then(
    () => assert.fail('was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PublishFailed, String(error));
  assert.ok(error.advice, 'has advice');
  return error;
}

test('a batch is one POST, with a key that only the same batch has', () =>
  withReceiver([], async ({ url, requests }) => {
    const channel = await open(url, { headers: { 'X-Team': plain('data') } });
    await channel.send(sampleChanges(1, 3), never);
    await channel.send(sampleChanges(1, 3), never);
    await channel.send(sampleChanges(1, 2), never);
    const [first, second, third] = requests;
    assert.equal(first?.method, 'POST');
    assert.equal(first?.url, '/hook');
    assert.deepEqual(JSON.parse(first?.body ?? ''), { version: 1, changes: sampleChanges(1, 3) });
    assert.equal(first?.headers['content-type'], 'application/json');
    assert.equal(first?.headers['x-team'], 'data');
    assert.match(String(first?.headers['idempotency-key']), /^[0-9a-f]{64}$/);
    assert.equal(first?.headers['idempotency-key'], second?.headers['idempotency-key']);
    assert.notEqual(first?.headers['idempotency-key'], third?.headers['idempotency-key']);
  }));

test('notices come apart from changes', () =>
  withReceiver([], async ({ url, requests }) => {
    await (await open(url)).notify(sampleNotice, never);
    assert.deepEqual(JSON.parse(requests[0]?.body ?? ''), { version: 1, notices: [sampleNotice] });
  }));

for (const code of [408, 425, 429, 500, 502, 503, 504]) {
  test(`${code} is tried again with the same key`, () =>
    withReceiver([status(code), status(code), status(200)], async ({ url, requests }) => {
      await (await open(url)).send([sampleChange(1)], never);
      assert.equal(requests.length, 3);
      assert.equal(new Set(requests.map((request) => request.headers['idempotency-key'])).size, 1);
    }));
}

test('a receiver that keeps failing gets no more than the retries', () =>
  withReceiver([status(503, {}, 'maintenance')], async ({ url, requests }) => {
    const failure = await failureOf((await open(url)).send(sampleChanges(1, 2), never));
    assert.equal(requests.length, 4);
    assert.match(failure.message, /answered 503: maintenance/);
    assert.deepEqual(failure.failed, ['id-1', 'id-2']);
  }));

test('a connection that breaks off is tried again', () =>
  withReceiver(
    [(response) => response.socket?.destroy(), (response) => response.socket?.destroy(), status(200)],
    async ({ url, requests }) => {
      await (await open(url)).send([sampleChange(1)], never);
      assert.equal(requests.length, 3);
    },
  ));

test('a receiver that is not there is a failure that names it, not its path', async () => {
  const receiver = await startReceiver();
  await receiver.close();
  const failure = await failureOf((await open(receiver.url)).send([sampleChange(1)], never));
  assert.match(failure.message, /127\.0\.0\.1.*ECONNREFUSED/);
  assert.doesNotMatch(failure.message, /\/hook/);
});

test('no answer within the time-out is tried again', () =>
  // Long enough for the answer that does come, on a machine that has much else to do.
  withReceiver([() => undefined, status(200)], async ({ url, requests }) => {
    await (await open(url, { timeoutMs: 3_000 })).send([sampleChange(1)], never);
    assert.equal(requests.length, 2);
  }));

test('Retry-After holds back the next send too', () =>
  withReceiver([status(429, { 'retry-after': '3600' }), status(200)], async ({ url, requests }) => {
    const channel = await open(url, { pace: { retries: 0, firstMs: 1, longestMs: 1 } });
    await failureOf(channel.send([sampleChange(1)], never));
    const stopped = await failureOf(channel.send([sampleChange(1)], AbortSignal.timeout(200)));
    assert.match(stopped.message, /stopped before the webhook/);
    assert.equal(requests.length, 1);
  }));

test('a short Retry-After is waited for', () =>
  withReceiver([status(429, { 'retry-after': '1' }), status(200)], async ({ url, requests }) => {
    await (await open(url, { pace: { retries: 1, firstMs: 1, longestMs: 1 } })).send(
      [sampleChange(1)],
      never,
    );
    assert.equal(requests.length, 2);
  }));

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-11-21T01:25:03Z');
  const wait = (value: string) => retryAfterMs(new Headers({ 'retry-after': value }), now);
  assert.equal(wait('120'), 120_000);
  assert.equal(wait('Sat, 21 Nov 2026 01:25:13 GMT'), 10_000);
  assert.equal(wait('Sat, 21 Nov 2026 01:25:00 GMT'), 0);
  assert.equal(wait('soon'), 0);
  assert.equal(retryAfterMs(new Headers(), now), 0);
});

for (const code of [400, 404, 410, 413, 422]) {
  test(`${code} is final, with a short and harmless sample of the answer`, () =>
    withReceiver([status(code, {}, `\x1b[2Jno such ${'x'.repeat(100_000)}`)], async ({ url, requests }) => {
      const failure = await failureOf((await open(url)).send([sampleChange(1)], never));
      assert.equal(requests.length, 1);
      assert.match(failure.message, new RegExp(`answered ${code}: \\\\x1b\\[2Jno such xxx`));
      assert.ok(failure.message.length < 300);
    }));
}

test('a secret that the receiver echoes is not in the failure', () =>
  withReceiver(
    [
      (response, request) =>
        response.writeHead(400).end(`bad ${request.headers.authorization} ${request.url}`),
    ],
    async ({ url }) => {
      const channel = await open(`${url}/T0KEN`, { headers: { Authorization: plain('Bearer s3cr3t') } });
      const failure = await failureOf(channel.send([sampleChange(1)], never));
      assert.match(failure.message, /answered 400: bad/);
      assert.doesNotMatch(failure.message, /s3cr3t|T0KEN/);
    },
  ));

for (const code of [401, 403]) {
  test(`after ${code} the secrets are read again, and used if they are new`, () =>
    withReceiver(
      [
        (response, request) =>
          void response.writeHead(request.headers.authorization === 'new' ? 200 : code).end(),
      ],
      async ({ url, requests }) => {
        let secret = 'old';
        const readSecret = async (reference: SecretReference) =>
          reference.source === 'env' ? secret : reference.value;
        const channel = await open(url, {
          headers: { Authorization: { source: 'env', value: 'HOOK_TOKEN' } },
          readSecret,
        });
        await failureOf(channel.send([sampleChange(1)], never));
        assert.equal(requests.length, 1, 'the same secret is not tried twice');
        secret = 'new';
        await channel.send([sampleChange(1)], never);
        assert.deepEqual(
          requests.map((request) => request.headers.authorization),
          ['old', 'old', 'new'],
        );
      },
    ));
}

test('a secret that cannot be read again is a failure of the batch', () =>
  withReceiver([status(401)], async ({ url }) => {
    let reads = 0;
    const readSecret = async ({ value }: SecretReference) => {
      reads += 1;
      if (reads > 1) throw new InvalidInput('the environment variable HOOK_TOKEN is not set');
      return value;
    };
    const failure = await failureOf((await open(url, { readSecret })).send([sampleChange(1)], never));
    assert.match(failure.advice ?? '', /HOOK_TOKEN is not set/);
  }));

test('a redirect to another origin gets neither credentials nor changes', () =>
  withReceiver([], async (thief) => {
    for (const code of [301, 302, 303, 307, 308]) {
      await withReceiver([status(code, { location: thief.url })], async ({ url, requests }) => {
        const channel = await open(url, { headers: { Authorization: plain('Bearer s3cr3t') } });
        const failure = await failureOf(channel.send([sampleChange(1)], never));
        assert.match(failure.advice ?? '', /redirect/);
        assert.equal(requests.length, 1);
      });
    }
    assert.equal(thief.requests.length, 0);
  }));

test('a redirect on the same origin that keeps the method is followed, though not for ever', async () => {
  await withReceiver([status(308, { location: '/v2' }), status(200)], async ({ url, requests }) => {
    await (await open(url)).send([sampleChange(1)], never);
    assert.deepEqual(
      requests.map((request) => `${request.method} ${request.url}`),
      ['POST /hook', 'POST /v2'],
    );
    assert.equal(requests[1]?.body, requests[0]?.body);
  });
  await withReceiver([status(307, { location: '/hook' })], async ({ url, requests }) => {
    await failureOf((await open(url)).send([sampleChange(1)], never));
    assert.equal(requests.length, 6);
  });
  await withReceiver([status(302, { location: '/v2' })], async ({ url, requests }) => {
    await failureOf((await open(url)).send([sampleChange(1)], never));
    assert.equal(requests.length, 1, 'it would become a GET without the changes');
  });
});

test('stopping ends a request under way, a back-off, and the wait for Retry-After', async () => {
  const hang = () => undefined;
  const cases: readonly [readonly Answer[], Partial<WebhookOptions>][] = [
    [[hang], {}],
    [[status(500)], { pace: { retries: 3, firstMs: 3_600_000, longestMs: 3_600_000 } }],
    [[status(503, { 'retry-after': '3600' })], {}],
  ];
  for (const [answers, more] of cases) {
    await withReceiver(answers, async ({ url, requests }) => {
      const stop = new AbortController();
      const failing = failureOf((await open(url, more)).send([sampleChange(1)], stop.signal));
      await until(() => requests.length === 1);
      setTimeout(() => stop.abort(), 100);
      const failure = await failing;
      assert.match(failure.message, /stopped before the webhook/);
      assert.deepEqual(failure.failed, ['id-1']);
      assert.equal(requests.length, 1);
    });
  }
});

test('what can never be sent is refused on opening, and not shown', async () => {
  const refused = async (opening: Promise<unknown>) => {
    const error: unknown = await opening.then(
      () => assert.fail('was opened'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InvalidInput, String(error));
    assert.ok(error.advice);
    assert.doesNotMatch(`${error.message}${error.advice}${String(error.cause)}`, /s3cr3t/);
  };
  await refused(open('s3cr3t'));
  await refused(open('ftp://127.0.0.1/s3cr3t'));
  await refused(open('http://user:s3cr3t@127.0.0.1/'));
  await refused(open('http://127.0.0.1/', { headers: { Authorization: plain('s3cr3t\nEvil: yes') } }));
  await refused(open('http://127.0.0.1/', { headers: { 'no colon:': plain('s3cr3t') } }));
});
