import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { InvalidInput } from '../shared/failure.ts';
import { lambdaLogger, metrics, tracer } from './observability.ts';

export interface Invocation {
  /** Aborts while there is time left to hand on what is not done. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * The one composition of all functions: log, trace and metrics around work on a parsed event. `marginMs`: how long before
 * the time-out of the function its signal aborts. Nothing cuts the work itself off: it is to end in its own words.
 */
export function handle<Schema extends z.ZodType, Result>(
  event: Schema,
  marginMs: number,
  work: (event: z.output<Schema>, invocation: Invocation) => Promise<Result>,
) {
  return middy<unknown, Result>({ timeoutEarlyInMillis: 0 })
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(injectLambdaContext(lambdaLogger))
    .handler(async (input: unknown, context: Context) => {
      const parsed = event.safeParse(input);
      if (!parsed.success) throw new InvalidInput(`the event is not understood: ${parsed.error.message}`);
      const leftMs = Math.max(1, context.getRemainingTimeInMillis() - marginMs);
      try {
        return await work(parsed.data, { signal: AbortSignal.timeout(leftMs), now: Date.now() });
      } finally {
        // Its middleware would warn, at a cost, of every invocation that has nothing to count.
        if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
      }
    });
}
