import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, StateUnusable } from '../../failure.ts';

/** What passes: another transaction at work on an item, too many requests, an answer that was lost. */
const passing = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TransactionConflictException',
  'TransactionInProgressException',
  'InternalServerError',
  'ServiceUnavailable',
  'TimeoutError',
]);

const delays = { firstMs: 10, mostMs: 2_000 };
/** With full jitter about two minutes: throttling slows a scanner and never fails a scan (protocol rule 23). */
const mostAttempts = 130;

/** Waits a little longer each time, and never as long as another waiter. */
export async function backOff(attempt: number): Promise<void> {
  if (attempt >= mostAttempts) {
    throw new StateUnusable('the state table takes no more requests', {
      advice: 'Look for throttled requests of the table, and for an account limit on its throughput.',
    });
  }
  await sleep(Math.random() * Math.min(delays.mostMs, delays.firstMs * 2 ** Math.min(attempt, 10)));
}

/** Repeats a request until it is answered. Errors that do not pass are thrown in our words. */
export async function answered<T>(request: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Error) || !passing.has(error.name)) throw error;
      await backOff(attempt);
    }
  }
}

export function tableFailure(error: unknown, table: string): Failure {
  if (error instanceof Failure) return error;
  const name = error instanceof Error ? error.name : String(error);
  const missing = name === 'ResourceNotFoundException';
  return new StateUnusable(
    `the state table ${table} cannot be used: ${missing ? 'it does not exist' : name}`,
    {
      cause: error,
      advice: missing
        ? 'Deploy the stack first, or correct the name of the table and the region.'
        : 'Check the credentials, the region and what this role may do with the table.',
    },
  );
}
