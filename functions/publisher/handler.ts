import { SQSClient } from '@aws-sdk/client-sqs';
import { QueueChannel } from '../../shared/changes/queue-channel.ts';
import { handle } from '../handle.ts';
import { openHome } from '../home.ts';
import { count, log } from '../observability.ts';
import { outputNames } from '../outputs.ts';
import { sqsEvent } from '../sqs-event.ts';
import { environment } from './environment.ts';
import { type Output, publish } from './publish.ts';

const env = environment.parse(process.env);
const home = openHome(env);
const sqs = new SQSClient();
const marginMs = 10_000;

const outputs: readonly Output[] = [
  { name: outputNames.bus, channel: home.bus },
  {
    name: outputNames.queue,
    channel: new QueueChannel({ client: sqs, queueUrl: env.CHANGES_QUEUE_URL, fifo: false }),
  },
  ...(env.CHANGES_FIFO_QUEUE_URL === undefined
    ? []
    : [
        {
          name: outputNames.fifoQueue,
          channel: new QueueChannel({ client: sqs, queueUrl: env.CHANGES_FIFO_QUEUE_URL, fifo: true }),
        },
      ]),
];

/**
 * The outputs go side by side, each from its own position: one that fails delays no other (protocol rule 18). Its wake
 * counts as done, for all outputs share the group of the wakes: the planner sends another one within minutes.
 */
export const handler = handle(sqsEvent, marginMs, async (_wakes, { signal, now }) => {
  const results = await Promise.all(outputs.map((output) => bring(output, now, signal)));
  const failures = results.filter((failed) => failed).length;
  if (failures > 0) count('PublishFailures', failures);
  else if (signal.aborted) {
    home.wakes.want();
    await home.wakes.flush();
  }
  return { batchItemFailures: [] };
});

/** Whether the output did not take everything. */
async function bring(output: Output, now: number, signal: AbortSignal): Promise<boolean> {
  try {
    const { failed } = await publish(output, { state: home.state, log }, now, signal);
    return failed !== undefined;
  } catch (error) {
    log.error({ output: output.name, err: error }, 'an output could not be brought up to date');
    return true;
  }
}
