import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { billOf, times, together } from '../../shared/cost/bill.ts';
import { fixedUsage } from '../../shared/cost/deployment.ts';
import { connectorDollars, plannedTasks, scanEffort, watchUsage } from '../../shared/cost/estimate.ts';
import { scansPerMonth } from '../../shared/cost/schedule.ts';
import { billLines, dollars } from '../../shared/cost/table.ts';

const large = {
  files: 250_000,
  directories: 5_000,
  pathBytes: 21,
  protocol: 'sftp',
  connections: 4,
  taskDirectories: 10_000,
  scansPerMonth: 8_760,
  changesPerScan: 0,
  roundTripMs: 20,
} as const;

const near = (actual: number, expected: number) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${actual}, not ${expected}`,
  );

suite('a bill', () => {
  test('has an item for everything that is used, and their sum', () => {
    const bill = billOf({ writeUnits: 2_000_000, readUnits: 1_000_000, events: 0 });
    assert.deepEqual(
      bill.items.map(({ what, dollars: paid }) => [what, paid]),
      [
        ['read request units', 0.125],
        ['write request units', 1.25],
      ],
    );
    near(bill.dollars, 1.375);
    assert.match(billLines(bill).join('\n'), /DynamoDB, write request units\s+2,000,000\s+\$1\.25/);
  });

  test('of things together is the sum of their bills, and of many times one so many times its bill', () => {
    const a = { readUnits: 10, traces: 3 };
    const b = { readUnits: 5, events: 7 };
    near(billOf(together(a, b)).dollars, billOf(a).dollars + billOf(b).dollars);
    near(billOf(times(30, a)).dollars, 30 * billOf(a).dollars);
  });

  test('says small amounts finely, and smaller ones as small', () => {
    assert.deepEqual([0, 0.00001, 0.0123, 0.4, 43_808.76].map(dollars), [
      '$0.00',
      '< $0.0001',
      '$0.0123',
      '$0.40',
      '$43,808.76',
    ]);
  });
});

suite('an estimate', () => {
  test('of a watch every five minutes stays below five dollars, and far below one call a directory', () => {
    const { own, listing } = watchUsage(large);
    assert.ok(billOf(own).dollars + billOf(listing).dollars < 5);
    near(connectorDollars(large.scansPerMonth, large.directories), 43_808.76);
  });

  test('of a deployment: its dashboard is most of it', () => {
    const all = billOf(fixedUsage()).dollars;
    near(all - billOf(fixedUsage({ dashboards: 0 })).dollars, 3);
    assert.ok(all < 5, 'even where no dashboard is free');
    near(billOf(fixedUsage({ fifo: true })).dollars - all, 0.1);
    near(billOf(fixedUsage({ fixedIp: true })).dollars - all, 36.5);
  });

  test('grows with the tree, with changes and with the number of scans', () => {
    const month = (more: object) => billOf(watchUsage({ ...large, ...more }).own).dollars;
    const before = month({});
    for (const more of [
      { files: 500_000 },
      { directories: 10_000 },
      { changesPerScan: 1 },
      { scansPerMonth: 10_000 },
    ])
      assert.ok(month(more) > before, JSON.stringify(more));
    assert.ok(scanEffort({ ...large, changesPerScan: 1 }).readUnits > 1.5 * scanEffort(large).readUnits);
  });

  test('has as many tasks as the plan: few over SFTP, one a session over FTP', () => {
    assert.equal(plannedTasks(large), 1);
    assert.equal(plannedTasks({ ...large, protocol: 'ftp' }), 4);
    assert.equal(plannedTasks({ ...large, directories: 25_000 }), 2);
    assert.equal(plannedTasks({ ...large, protocol: 'ftp', directories: 300 }), 1);
  });
});

suite('scans a month', () => {
  const now = Date.UTC(2026, 10, 21);
  const cron = (text: string) => scansPerMonth({ cron: text, timezone: 'Europe/Berlin' }, now);

  test('of an interval, which is never below the minute in which the planner looks', () => {
    assert.equal(scansPerMonth({ every: 300_000 }, now), 8_760);
    assert.equal(scansPerMonth({ every: 1_000 }, now), 43_800);
  });

  test('of a cron, on average', () => {
    assert.ok(Math.abs(cron('*/5 * * * *') - 8_760) < 10);
    assert.ok(Math.abs(cron('0 6 * * 1-5') - (5 * 730) / 168) < 0.2);
    assert.ok(Math.abs(cron('0 0 1 * *') - 1) < 0.1);
    assert.ok(cron('0 0 29 2 *') <= 0.1);
  });
});
