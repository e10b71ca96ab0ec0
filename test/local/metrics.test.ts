import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createMetrics } from '../../infra/local/metrics.ts';
import { type HealthReport, healthOf, serveMetrics } from '../../infra/local/metrics-server.ts';
import { InvalidInput } from '../../shared/failure.ts';

const incoming = { tenant: 'acme', watch: 'incoming' };
const healthy: HealthReport = { healthy: true, reasons: [] };

async function serve(t: TestContext, health: () => HealthReport | Promise<HealthReport> = () => healthy) {
  const metrics = createMetrics();
  const server = await serveMetrics(metrics, '0', health);
  t.after(() => server.close());
  return { metrics, url: `http://127.0.0.1:${server.port}`, port: server.port };
}

test('/metrics says what was recorded, by tenant and watch', async (t) => {
  const { metrics, url } = await serve(t);
  const scan = {
    ...incoming,
    durationMs: 2_500,
    files: 250_000,
    directories: 5_000,
    endedAt: 1_700_000_000_000,
  };
  metrics.scanFinished({ ...scan, result: 'complete' });
  metrics.scanFinished({ ...scan, result: 'incomplete', files: 7, endedAt: 1_700_000_300_000 });
  metrics.changePublished({ ...incoming, type: 'created' }, 'stdout');
  metrics.changePublished({ ...incoming, type: 'created' }, 'stdout');
  metrics.changePublished({ ...incoming, type: 'moved' }, 'hook');
  metrics.error('RemoteAuth', incoming);
  metrics.error('PublishFailed', { output: 'hook' });
  metrics.queueDepth(incoming, 4);
  metrics.outputLag('hook', 12);
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = new Set((await response.text()).split('\n'));
  const labels = 'tenant="acme",watch="incoming"';
  for (const line of [
    `farwatch_scan_duration_seconds_sum{${labels}} 5`,
    `farwatch_scan_duration_seconds_count{${labels}} 2`,
    `farwatch_scan_duration_seconds_bucket{le="3",${labels}} 2`,
    `farwatch_scan_duration_seconds_bucket{le="1",${labels}} 0`,
    `farwatch_scan_files{${labels}} 7`,
    `farwatch_scan_directories{${labels}} 5000`,
    `farwatch_scans_total{${labels},result="complete"} 1`,
    `farwatch_scans_total{${labels},result="incomplete"} 1`,
    `farwatch_last_complete_scan_timestamp_seconds{${labels}} 1700000000`,
    `farwatch_changes_total{${labels},type="created",output="stdout"} 2`,
    `farwatch_changes_total{${labels},type="moved",output="hook"} 1`,
    `farwatch_errors_total{error="RemoteAuth",${labels}} 1`,
    'farwatch_errors_total{error="PublishFailed",output="hook"} 1',
    `farwatch_queue_depth{${labels}} 4`,
    'farwatch_output_lag{output="hook"} 12',
  ]) {
    assert.ok(lines.has(line), `${line}\n\nnot in\n\n${[...lines].join('\n')}`);
  }
});

test('two sets of metrics in one process do not meet', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.queueDepth(incoming, 4);
  assert.match(await one.text(), /farwatch_queue_depth\{.*\} 4/);
  assert.doesNotMatch(await other.text(), /farwatch_queue_depth\{/);
});

test('/health is 200 or 503 with the reasons, also when it cannot be found out', async (t) => {
  let report: () => HealthReport = () => healthy;
  const { url } = await serve(t, () => report());
  const ask = async () => {
    const response = await fetch(`${url}/health`);
    return [response.status, await response.json()];
  };
  assert.deepEqual(await ask(), [200, { status: 'ok', reasons: [] }]);
  report = () => ({ healthy: false, reasons: ['late'] });
  assert.deepEqual(await ask(), [503, { status: 'failing', reasons: ['late'] }]);
  report = () => {
    throw new Error('the state is locked');
  };
  assert.deepEqual(await ask(), [503, { status: 'failing', reasons: ['the state is locked'] }]);
});

test('anything else is refused', async (t) => {
  const { url } = await serve(t);
  assert.equal((await fetch(`${url}/`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405);
  const head = await fetch(`${url}/metrics?x=1`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('a watch is overdue when its scan should have begun and has not', () => {
  const now = 1_000_000;
  const watch = { key: 'acme/incoming', nextDueAt: 0, openScan: null, paused: false };
  const reasonsOf = (more: Partial<typeof watch> | { openScan: number }) =>
    healthOf([{ ...watch, ...more }], 60_000, now).reasons;
  assert.deepEqual(reasonsOf({}), ['the scan of acme/incoming is overdue since 1970-01-01T00:00:00.000Z']);
  assert.deepEqual(reasonsOf({ nextDueAt: now - 60_000 }), []);
  assert.equal(reasonsOf({ nextDueAt: now - 60_001 }).length, 1);
  assert.deepEqual(reasonsOf({ openScan: 3 }), []);
  assert.deepEqual(reasonsOf({ paused: true }), []);
  assert.equal(healthOf([watch], 60_000, now).healthy, false);
  assert.equal(healthOf([], 60_000, now).healthy, true);
});

test('a port in use is bad input with advice', async (t) => {
  const { port, metrics } = await serve(t);
  await assert.rejects(
    serveMetrics(metrics, `127.0.0.1:${port}`, () => healthy),
    (error) => error instanceof InvalidInput && /free port/.test(error.advice ?? ''),
  );
});

test('an address is a port, or a host and a port', async (t) => {
  const metrics = createMetrics();
  for (const bad of ['', 'x', '70000', '127.0.0.1:', ':80', '-1', '1:2:3']) {
    await assert.rejects(
      serveMetrics(metrics, bad, () => healthy),
      InvalidInput,
      bad,
    );
  }
  const server = await serveMetrics(metrics, 'localhost:0', () => healthy);
  t.after(() => server.close());
  assert.equal((await fetch(`http://localhost:${server.port}/health`)).status, 200);
});
