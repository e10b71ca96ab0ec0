import * as z from 'zod';
import { slotKey } from '../../shared/config/identity.ts';
import { SqsTasks } from '../../shared/tasks/sqs-tasks.ts';
import { endScan, endScanServices } from '../ending.ts';
import { handle } from '../handle.ts';
import { openHome } from '../home.ts';
import { count, log } from '../observability.ts';
import { outputNames } from '../outputs.ts';
import { enrollAll } from './enroll-all.ts';
import { environment } from './environment.ts';
import { type TickServices, tick } from './tick.ts';

const env = environment.parse(process.env);
const home = openHome(env);
const outputs = [
  outputNames.bus,
  outputNames.queue,
  ...(env.CHANGES_FIFO_QUEUE_URL === undefined ? [] : [outputNames.fifoQueue]),
];
const connections = new Map(
  [...home.config.servers.values()].map((server) => [slotKey(server), server.connections]),
);
const ending = endScanServices(home, env.WORKFLOW_ARN);
const services: TickServices = {
  watched: home.watched,
  state: home.state,
  outputs,
  log,
  tasks: new SqsTasks({
    client: home.sqs,
    queueUrl: env.TASKS_QUEUE_URL,
    connections: (server) => connections.get(server) ?? 1,
  }),
  end: (watched, scan, unfinished) => endScan(watched, { scan, unfinished, again: true }, ending, Date.now()),
  wake: () => home.wakes.want(),
};
const enrolling = {
  config: home.config,
  configuration: [home.configuration, ...outputs].join(' '),
  outputs,
  state: home.state,
  log,
};
const marginMs = 10_000;

/** The schedule's event has many fields; the daily one asks for a trim of the log. */
const plannerEvent = z.object({ trim: z.boolean().optional() });

export const handler = handle(plannerEvent, marginMs, async ({ trim }, { signal, now }) => {
  if (!(await enrollAll(enrolling, now))) return undefined;
  if (trim === true) {
    const trimmed = await home.state.trim(now - home.config.retentionMs);
    log.info({ trimmed }, 'the change log is trimmed');
  }
  const ticked = await tick(services, now, signal);
  count('ScansOverdue', ticked.overdue);
  await home.wakes.flush();
  log.debug({ ...ticked }, 'tick');
  return ticked;
});
