import { times, together, type Usage } from '../../../shared/cost/bill.ts';
import { bytes } from '../../../shared/cost/coefficients.ts';
import { gbSeconds, gigabyte, logs } from '../../../shared/cost/deployment.ts';
import type { Counted } from './counting.ts';
import type { Measured } from './deployment.ts';
import type { FunctionName, Invocation } from './functions.ts';
import type { Purpose } from './purposes.ts';

export function sumOf<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((sum, one) => sum + of(one), 0);
}

export function writeUnitsOf({ requests }: Pick<Measured, 'requests'>, ...purposes: Purpose[]): number {
  return sumOf(requests, ({ writeUnits }) => sumOf(purposes, (purpose) => writeUnits[purpose]));
}

export const allPurposes: Purpose[] = ['scan', 'task', 'session', 'changes'];

export function readUnitsOf({ requests }: Pick<Measured, 'requests'>): number {
  return sumOf(requests, ({ readUnits }) => readUnits);
}

/** Polls that brought nothing belong to the deployment: there are as many when nothing is watched. */
export function isIdlePoll({ operation, entries }: Counted): boolean {
  return operation === 'ReceiveMessage' && entries === 0;
}

export function requestsTo(queue: string, { requests }: Pick<Measured, 'requests'>): readonly Counted[] {
  return requests.filter((counted) => counted.queue === queue && !isIdlePoll(counted));
}

export function tasksOf(measured: Measured): number {
  return measured.invocations.filter((invocation) => invocation.function === 'scanner').length;
}

/** What AWS would bill for all that was counted. `own`: with Lambda's time but for the waiting for the watched server. */
export function usageOf(measured: Measured, own = false): Usage {
  const { requests, invocations, logBytes } = measured;
  const billed = (of: (counted: Counted) => boolean) =>
    sumOf(requests, (counted) => (of(counted) && !isIdlePoll(counted) ? counted.billed : 0));
  const events = requests.filter(({ service }) => service === 'EventBridge');
  const archived = sumOf(events, (each) => each.bytes) / gigabyte;
  const written = sumOf(Object.values(logBytes), (size) => size);
  return together(
    {
      lambdaGbSeconds: sumOf(invocations, (invocation) => seconds(invocation, own)),
      lambdaRequests: invocations.length,
      readUnits: readUnitsOf(measured),
      writeUnits: writeUnitsOf(measured, ...allPurposes),
      keyRequests: invocations.length,
      fifoRequests: billed(({ queue }) => queue?.endsWith('.fifo') === true),
      queueRequests: billed(({ queue }) => queue !== undefined && !queue.endsWith('.fifo')),
      events: sumOf(events, (each) => each.billed),
      archivedGb: archived,
      archiveGbMonths: archived,
      secretRequests: billed(({ service }) => service === 'Secrets Manager'),
      traces: invocations.length,
    },
    logs(written + invocations.length * bytes.platformLogPerInvocation),
  );
}

/** Billed to the millisecond, rounded up. */
function seconds({ function: name, durationMs, ownMs }: Invocation, own: boolean): number {
  return gbSeconds(name, Math.ceil(own ? ownMs : durationMs));
}

/** Of a scan, without the look that the planner takes every minute in any case. */
export function scanUsage(scan: Measured, tick: Measured, own = false): Usage {
  const ticks = scan.invocations.filter((invocation) => invocation.function === 'planner').length;
  return together(usageOf(scan, own), times(-ticks, usageOf(tick, own)));
}

export function durationOf(measured: Measured, name: FunctionName) {
  const own = measured.invocations.filter((invocation) => invocation.function === name);
  return {
    invocations: own.length,
    durationMs: sumOf(own, ({ durationMs }) => durationMs),
    ownMs: sumOf(own, ({ ownMs }) => ownMs),
    cpuMs: sumOf(own, ({ cpuMs }) => cpuMs),
  };
}
