import type { Usage } from './bill.ts';
import { bytes, perTick } from './coefficients.ts';
import { hoursPerMonth, minutesPerMonth } from './prices.ts';

export const gigabyte = 1_000_000_000;

/** What a deployment has, whatever it watches. A test counts it in the template. */
export const deployed = {
  /** Alarms are billed by the metrics that they look at. */
  alarmMetrics: 9,
  /** Sent in every hour. */
  steadyMetrics: 1,
  /** Sent, and billed, only in hours in which something failed. */
  failureMetrics: 4,
  dashboards: 1,
  /** Queues that event source mappings poll without an end, both FIFO. */
  polledQueues: 2,
  memoryMb: { planner: 512, scanner: 1_024, publisher: 512, reassembler: 2_048 },
} as const;

/** More of them with the options of the deployment. */
export const fifoOption = { alarmMetrics: 1 } as const;

/**
 * An idle mapping keeps five long polls of 20 seconds open:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html says it of standard queues, and nothing of others.
 */
const idlePollers = 5;
const pollsPerMinute = 3;

/** DynamoDB asks KMS again for a caller that comes after five minutes. */
const keyMinutes = 5;

export interface FixedOptions {
  readonly fifo?: boolean;
  readonly fixedIp?: boolean;
  /** Dashboards beyond the three that every account has for nothing. Default: as if it had none. */
  readonly dashboards?: number;
}

/** What a month of a deployment takes that watches nothing. */
export function fixedUsage({ fifo, fixedIp, dashboards = deployed.dashboards }: FixedOptions = {}): Usage {
  return {
    alarmMetricMonths: deployed.alarmMetrics + (fifo ? fifoOption.alarmMetrics : 0),
    metricMonths: deployed.steadyMetrics,
    dashboardMonths: dashboards,
    fifoRequests: deployed.polledQueues * idlePollers * pollsPerMinute * minutesPerMonth,
    lambdaRequests: minutesPerMonth,
    lambdaGbSeconds: minutesPerMonth * gbSeconds('planner', perTick.plannerMs),
    readUnits: minutesPerMonth * perTick.readUnits,
    keyRequests: minutesPerMonth / keyMinutes,
    ...logs(minutesPerMonth * (bytes.logPerTick + bytes.platformLogPerInvocation)),
    ...(fixedIp ? { natGatewayHours: hoursPerMonth, addressHours: hoursPerMonth } : {}),
  };
}

export function gbSeconds(name: keyof typeof deployed.memoryMb, ms: number): number {
  return (deployed.memoryMb[name] / 1_024) * (ms / 1_000);
}

/** Taken in, and kept for a month. */
export function logs(size: number): Usage {
  return { logGb: size / gigabyte, logGbMonths: size / gigabyte };
}
