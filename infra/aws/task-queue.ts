import type { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ownMetric } from './own-metrics.ts';
import { RedrivenQueue } from './redriven-queue.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

/** Tasks in groups of a server's slot: SQS itself keeps two tasks of one slot apart. */
export class TaskQueue extends RedrivenQueue {
  constructor(scope: Construct, id: string, props: { readonly visibilityTimeout: Duration }) {
    super(scope, id, {
      fifo: true,
      visibilityTimeout: props.visibilityTimeout,
      alarm: {
        section: 'tasks-dead-letters',
        summary: 'A task killed its scanner again and again; its scan ends incomplete.',
      },
    });
    new RunbookAlarm(this, 'GivenUpAlarm', {
      section: 'tasks-given-up',
      summary: 'Tasks were ended as incomplete after too many tries.',
      metric: ownMetric(this, 'TasksGivenUp'),
    });
  }
}
