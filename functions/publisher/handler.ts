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

/** The outputs go side by side, each from its own position: one that fails delays no other (protocol rule 18). */
export const handler = handle(sqsEvent, marginMs, async ({ Records }, { signal, now }) => {
  const results = await Promise.all(
    outputs.map((output) => publish(output, { state: home.state, log }, now, signal)),
  );
  const failures = results.filter(({ failed }) => failed !== undefined).length;
  if (failures > 0) count('PublishFailures', failures);
  else if (signal.aborted) {
    home.wakes.want();
    await home.wakes.flush();
  }
  // The wake comes again after the visibility time-out, and with it the rest.
  return {
    batchItemFailures: failures === 0 ? [] : Records.map(({ messageId }) => ({ itemIdentifier: messageId })),
  };
});
