import { type Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Environment } from '../../functions/scanner/environment.ts';
import type { Config } from '../../shared/config/config.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Egress } from './egress.ts';
import { ownMetric } from './own-metrics.ts';
import { RunbookAlarm } from './runbook-alarm.ts';
import type { ScanWorkflow } from './scan-workflow.ts';
import { secretNames } from './secret-names.ts';
import type { State } from './state.ts';
import type { TaskQueue } from './task-queue.ts';
import { type FunctionSettings, WatchFunction } from './watch-function.ts';

export interface ScannerProps {
  readonly settings: FunctionSettings;
  readonly config: Config;
  readonly timeout: Duration;
  readonly state: State;
  readonly tasks: TaskQueue;
  readonly feed: ChangeFeed;
  readonly workflow: ScanWorkflow;
  readonly egress: Egress | undefined;
}

/** The only function that talks to servers, and the only one that may read their secrets. */
export class Scanner extends WatchFunction {
  constructor(scope: Construct, id: string, props: ScannerProps) {
    const { state, tasks, feed, workflow } = props;
    const environment: Environment = {
      TABLE_NAME: state.table.tableName,
      TASKS_QUEUE_URL: tasks.queue.queueUrl,
      WAKES_QUEUE_URL: feed.wakes.queue.queueUrl,
      WORKFLOW_ARN: workflow.stateMachine.stateMachineArn,
      BUS_NAME: feed.bus.eventBusName,
    };
    super(scope, id, {
      name: 'scanner',
      settings: props.settings,
      environment,
      memorySizeMb: 1024,
      timeout: props.timeout,
      egress: props.egress,
    });
    state.grantUse(this);
    tasks.grantConsume(this);
    tasks.grantHasten(this);
    tasks.grantSend(this);
    feed.wakes.grantSend(this);
    feed.grantAnnounce(this);
    workflow.grantStart(this);
    this.#grantSecrets(props.config);
    new EventSourceMapping(this, 'Tasks', {
      target: this.function,
      eventSourceArn: tasks.queue.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: concurrency(props.config),
    });
    new RunbookAlarm(this, 'IncompleteAlarm', {
      section: 'scans-incomplete',
      summary: 'Scans could not list everything: what they missed is unknown, not deleted.',
      metric: ownMetric(this, 'ScansIncomplete'),
    });
    new RunbookAlarm(this, 'LoginsAlarm', {
      section: 'logins-refused',
      summary: 'A server refused our login; its watches rest so that the account is not locked.',
      metric: ownMetric(this, 'LoginsRefused'),
    });
  }

  #grantSecrets(config: Config): void {
    const names = secretNames(config);
    if (names.length === 0) return;
    const stack = Stack.of(this);
    this.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        // Secrets Manager ends every ARN in a hyphen and six characters of its own.
        resources: names.map(
          (name) =>
            `arn:${stack.partition}:secretsmanager:${stack.region}:${stack.account}:secret:${name}-??????`,
        ),
      }),
    );
  }
}

/** More would only wait for slots. Event source mappings take 2 to 1,000. */
function concurrency(config: Config): number {
  const sessions = [...config.servers.values()].reduce((sum, { connections }) => sum + connections, 0);
  return Math.min(Math.max(sessions, 2), 1000);
}
