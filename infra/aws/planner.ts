import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment } from '../../functions/planner/environment.ts';
import type { ChangeFeed } from './change-feed.ts';
import { ownMetric } from './own-metrics.ts';
import { RunbookAlarm } from './runbook-alarm.ts';
import type { ScanWorkflow } from './scan-workflow.ts';
import type { State } from './state.ts';
import type { TaskQueue } from './task-queue.ts';
import { type FunctionSettings, WatchFunction } from './watch-function.ts';

export interface PlannerProps {
  readonly settings: FunctionSettings;
  readonly state: State;
  readonly tasks: TaskQueue;
  readonly feed: ChangeFeed;
  readonly workflow: ScanWorkflow;
}

/** Begins the scans that are due, once a minute, and looks after those that are stuck. */
export class Planner extends WatchFunction {
  constructor(scope: Construct, id: string, { settings, state, tasks, feed, workflow }: PlannerProps) {
    const environment: Environment = {
      TABLE_NAME: state.table.tableName,
      TASKS_QUEUE_URL: tasks.queue.queueUrl,
      WAKES_QUEUE_URL: feed.wakes.queue.queueUrl,
      WORKFLOW_ARN: workflow.stateMachine.stateMachineArn,
      BUS_NAME: feed.bus.eventBusName,
      ...(feed.changesFifo && { CHANGES_FIFO_QUEUE_URL: feed.changesFifo.queue.queueUrl }),
    };
    super(scope, id, {
      name: 'planner',
      settings,
      environment,
      memorySizeMb: 512,
      timeout: Duration.seconds(50),
      // A trace of every minute would cost more than all the rest of the planner.
      traced: false,
    });
    state.grantUse(this);
    state.grantFindDue(this);
    tasks.grantSend(this);
    feed.wakes.grantSend(this);
    feed.grantAnnounce(this);
    workflow.grantStart(this);
    // The next tick comes anyway; a late one would only be in its way.
    this.function.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new RunbookAlarm(this, 'OverdueAlarm', {
      section: 'scans-overdue',
      summary: 'Watches were not scanned when they should have been, or the planner is not running at all.',
      metric: ownMetric(this, 'ScansOverdue'),
      periods: 3,
      silenceIsBad: true,
    });
  }
}
