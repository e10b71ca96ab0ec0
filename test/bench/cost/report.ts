import { billOf, times, together, type Usage } from '../../../shared/cost/bill.ts';
import { fixedUsage, gigabyte } from '../../../shared/cost/deployment.ts';
import { connectorDollars } from '../../../shared/cost/estimate.ts';
import { hoursPerMonth } from '../../../shared/cost/prices.ts';
import { billLines, columns, count, dollars } from '../../../shared/cost/table.ts';
import type { Measured } from './deployment.ts';
import {
  allPurposes,
  durationOf,
  isIdlePoll,
  readUnitsOf,
  requestsTo,
  scanUsage,
  sumOf,
  tasksOf,
  usageOf,
  writeUnitsOf,
} from './usage.ts';

/** A scan every five minutes. */
export const scansPerMonth = hoursPerMonth * 12;

export interface Limit {
  readonly what: string;
  readonly most: number;
  readonly measured: number;
  readonly said?: (amount: number) => string;
}

export function limitLine({ what, most, measured, said = count }: Limit): string {
  return `${measured <= most ? 'met    ' : 'NOT met'} ${what}: ${said(measured)} of ${said(most)}`;
}

export function requestLines(measured: Measured): readonly string[] {
  const kinds = Map.groupBy(measured.requests, (counted) =>
    [
      counted.caller.replace(/ \d+$/, ''),
      counted.service,
      `${counted.operation}${isIdlePoll(counted) ? ' (nothing there)' : ''}`,
      counted.queue ?? '',
    ].join('\t'),
  );
  const rows = [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, requests]) => {
      const [caller = '', service = '', operation = '', queue = ''] = kind.split('\t');
      return [
        `${caller}: ${service} ${operation} ${queue}`.trim(),
        count(requests.length),
        count(readUnitsOf({ requests })),
        count(writeUnitsOf({ requests }, ...allPurposes)),
        count(sumOf(requests, ({ reportedUnits }) => reportedUnits)),
      ];
    });
  return columns([['', 'requests', 'read units', 'write units', 'as answered'], ...rows]);
}

export function functionLines(measured: Measured): readonly string[] {
  const names = ['planner', 'scanner', 'reassembler', 'publisher'] as const;
  const rows = names.map((name) => {
    const { invocations, durationMs, ownMs, cpuMs } = durationOf(measured, name);
    return [
      name,
      ...[invocations, durationMs, durationMs - ownMs, ownMs, cpuMs].map((ms) => count(Math.round(ms))),
    ];
  });
  return columns([['', 'invocations', 'ms', 'waiting for the server', 'else', 'CPU'], ...rows]);
}

export function taskLines(measured: Measured): readonly string[] {
  const tasks = Math.max(1, tasksOf(measured));
  const perTask = (amount: number) => count(amount / tasks);
  const queue = requestsTo('tasks.fifo', measured);
  const by = (start: string) => queue.filter(({ operation }) => operation.startsWith(start)).length;
  return [
    `${tasks} tasks, each ${perTask(writeUnitsOf(measured, 'task', 'session'))} write units and ` +
      `${perTask(queue.length)} SQS requests (${perTask(by('Send'))} send, ${perTask(by('Receive'))} receive, ${perTask(by('Delete'))} delete)`,
    `beside them ${count(writeUnitsOf(measured, 'scan'))} write units for the scan's beginning and end, ${count(writeUnitsOf(measured, 'changes'))} for changes`,
  ];
}

export interface MonthOf {
  readonly name: string;
  readonly scan: Measured;
  readonly tick: Measured;
  readonly directories: number;
  readonly stored: { readonly bytes: number; readonly items: number };
}

export function monthUsage({ scan, tick, stored }: MonthOf, own: boolean): Usage {
  // AWS adds 100 bytes to every item.
  const gb = (stored.bytes + 100 * stored.items) / gigabyte;
  const usage = { ...scanUsage(scan, tick, own), secretRequests: 0 };
  return together(times(scansPerMonth, usage), {
    tableGbMonths: gb,
    backupGbMonths: gb,
    secretMonths: 1,
    // Five minutes after the last scan a secret is read again.
    secretRequests: scansPerMonth * tasksOf(scan),
  });
}

export function monthLines(month: MonthOf): readonly string[] {
  const own = billOf(monthUsage(month, true));
  const whole = billOf(monthUsage(month, false));
  return [
    `${month.name} every five minutes, ${count(scansPerMonth)} times a month, without the waiting for the server:`,
    ...billLines(own),
    `with it, as measured: ${dollars(whole.dollars)}; AWS Transfer Family connectors, one listing a directory: ${dollars(connectorDollars(scansPerMonth, month.directories))}`,
  ];
}

/** What a deployment costs whatever it watches, with the planner as it was measured. */
export function fixedLines(tick: Measured): {
  readonly lines: readonly string[];
  readonly limits: readonly Limit[];
} {
  const ticks = scansPerMonth * 5;
  const assumed = fixedUsage();
  const measured = times(ticks, usageOf(tick));
  const usage: Usage = {
    ...assumed,
    lambdaGbSeconds: measured.lambdaGbSeconds ?? 0,
    readUnits: measured.readUnits ?? 0,
    logGb: measured.logGb ?? 0,
    logGbMonths: measured.logGbMonths ?? 0,
  };
  const bill = billOf(usage);
  const without = billOf({ ...usage, dashboardMonths: 0 });
  const what = 'the fixed cost of a deployment';
  return {
    lines: billLines(bill),
    limits: [
      { what: `${what}, its dashboard at the list price`, most: 5, measured: bill.dollars, said: dollars },
      {
        what: `${what}, where the dashboard is one of the three that an account has for nothing`,
        most: 5,
        measured: without.dollars,
        said: dollars,
      },
    ],
  };
}
