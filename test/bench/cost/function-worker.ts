import { parentPort, threadId, workerData } from 'node:worker_threads';
import { z } from 'zod';

/** One execution environment of a Lambda function: its module is loaded once, one invocation at a time. */
export interface Invoked {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: string;
  readonly durationMs: number;
  /** Of the thread: nobody else's work counts, however busy the machine is. */
  readonly cpuMs: number;
  /** While the event loop had something to do. */
  readonly activeMs: number;
}

const { handlerUrl, timeoutMs } = z
  .object({ handlerUrl: z.string(), timeoutMs: z.number() })
  .parse(workerData);
const handlerModule = z.object({ handler: z.custom<Handler>((value) => typeof value === 'function') });
type Handler = (event: unknown, context: object) => Promise<unknown>;
const invocation = z.object({ id: z.number(), event: z.unknown() });

const { handler } = handlerModule.parse(await import(handlerUrl));

parentPort?.on('message', (message: unknown) => {
  const { id, event } = invocation.parse(message);
  void invoke(id, event).then((invoked) => parentPort?.postMessage(invoked));
});
parentPort?.postMessage('ready');

async function invoke(id: number, event: unknown): Promise<Invoked> {
  const began = performance.now();
  const utilization = performance.eventLoopUtilization();
  const cpu = process.threadCpuUsage();
  const context = {
    functionName: 'bench',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:bench',
    memoryLimitInMB: '1024',
    awsRequestId: `${threadId}-${id}`,
    getRemainingTimeInMillis: () => Math.round(timeoutMs - (performance.now() - began)),
  };
  const outcome = await handler(event, context).then(
    (result) => ({ result }),
    (error: unknown) => ({
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
  const { user, system } = process.threadCpuUsage(cpu);
  return {
    id,
    ...outcome,
    durationMs: performance.now() - began,
    cpuMs: (user + system) / 1_000,
    activeMs: performance.eventLoopUtilization(utilization).active,
  };
}
