import { Logger as LambdaLogger } from '@aws-lambda-powertools/logger';
import type { LogAttributes } from '@aws-lambda-powertools/logger/types';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { Failure } from '../shared/failure.ts';
import { type Logger, withoutSecrets } from '../shared/log.ts';

let secrets: () => ReadonlySet<string> = () => new Set();

/** Says which values no line of the log may hold. */
export function keepSecret(values: () => ReadonlySet<string>): void {
  secrets = values;
}

export const lambdaLogger = new LambdaLogger({
  jsonReplacerFn: (_key, value) =>
    typeof value === 'string'
      ? withoutSecrets(value, secrets(), (secret) => secret)
      : value instanceof Failure
        ? described(value)
        : value,
});
export const metrics = new Metrics();
export const tracer = new Tracer();

/** Farwatch's logger on that of Powertools. */
export const log: Logger = logger(lambdaLogger);

function logger(
  lambda: Pick<LambdaLogger, 'debug' | 'info' | 'warn' | 'error'>,
  bound: LogAttributes = {},
): Logger {
  return {
    debug: (fields, message) => lambda.debug(message, { ...bound, ...fields }),
    info: (fields, message) => lambda.info(message, { ...bound, ...fields }),
    warn: (fields, message) => lambda.warn(message, { ...bound, ...fields }),
    error: (fields, message) => lambda.error(message, { ...bound, ...fields }),
    child: (fields) => logger(lambda, { ...bound, ...fields }),
  };
}

/** For the user: what happened and what to do. Anything else is a defect: with its stack. */
function described(failure: Failure) {
  const { name, message, advice, cause } = failure;
  const reason = 'reason' in failure ? { reason: failure.reason } : {};
  return { name, message, ...reason, advice, ...(cause instanceof Error ? { cause: cause.message } : {}) };
}

/** The metrics that alarms watch: each costs money every month, so there are no others (protocol rule 26). */
export type AlarmMetric =
  | 'ScansOverdue'
  | 'ScansIncomplete'
  | 'LoginsRefused'
  | 'PublishFailures'
  | 'TasksGivenUp';

export function count(metric: AlarmMetric, value = 1): void {
  metrics.addMetric(metric, MetricUnit.Count, value);
}
