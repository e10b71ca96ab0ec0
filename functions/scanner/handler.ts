import { randomUUID } from 'node:crypto';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import { slotKey } from '../../shared/config/identity.ts';
import { SecretsManager } from '../../shared/config/secrets-manager.ts';
import { Fenced } from '../../shared/failure.ts';
import { SqsTasks } from '../../shared/tasks/sqs-tasks.ts';
import { parseTask } from '../../shared/tasks/tasks.ts';
import { endScan, endScanServices } from '../ending.ts';
import { handle } from '../handle.ts';
import { openHome } from '../home.ts';
import { keepSecret, log } from '../observability.ts';
import { type SqsRecord, sqsEvent } from '../sqs-event.ts';
import { environment } from './environment.ts';
import { lambdaSessions } from './lambda-sessions.ts';
import { type WorkServices, workTask } from './work-task.ts';

const env = environment.parse(process.env);
const home = openHome(env);
const { state, sqs, wakes } = home;
const secrets = new SecretsManager(new SecretsManagerClient(), Date.now);
keepSecret(() => secrets.values());
const connections = new Map(
  [...home.config.servers.values()].map((server) => [slotKey(server), server.connections]),
);
const ending = endScanServices(home, env.WORKFLOW_ARN);
const services: WorkServices = {
  watched: home.watched,
  state,
  log,
  clock: Date.now,
  committed: () => wakes.want(),
  tasks: new SqsTasks({
    client: sqs,
    queueUrl: env.TASKS_QUEUE_URL,
    connections: (server) => connections.get(server) ?? 1,
  }),
  sessions: (openTasks) =>
    lambdaSessions({ state, secrets, log, clock: Date.now, holder: randomUUID(), openTasks }),
  end: (watched, scan, again) => endScan(watched, { scan, unfinished: [], again }, ending, Date.now()),
};
/** What handing the rest on, logging out and ending the scan may take. */
const marginMs = 15_000;

export const handler = handle(sqsEvent, marginMs, async ({ Records }, { signal }) => {
  const failed: SqsRecord[] = [];
  for (const record of Records) {
    try {
      await workTask(parseTask(record.body), services, signal);
    } catch (error) {
      if (error instanceof Fenced) continue; // another attempt has it
      log.error({ err: error, body: record.body }, 'a task failed');
      failed.push(record);
    }
  }
  // The task is done: it must not come back, and block its slot, for a wake that the planner makes up for.
  await wakes.flush().catch((error: unknown) => log.warn({ err: error }, 'the publisher is woken late'));
  await Promise.all(failed.map(comesBackSoon));
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
});

/** Else the slot would wait for the visibility time-out, which is made for functions that were killed (protocol rule 5). */
async function comesBackSoon({ receiptHandle, attributes }: SqsRecord): Promise<void> {
  const VisibilityTimeout = Math.min(60, 2 ** attributes.ApproximateReceiveCount);
  try {
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: env.TASKS_QUEUE_URL,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout,
      }),
    );
  } catch (error) {
    log.warn({ err: error }, 'a failed task comes back late');
  }
}
