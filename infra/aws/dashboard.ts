import { Duration, Stack } from 'aws-cdk-lib';
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { ChangeFeed } from './change-feed.ts';
import { ownMetric } from './own-metrics.ts';
import type { ScanWorkflow } from './scan-workflow.ts';
import type { State } from './state.ts';
import type { TaskQueue } from './task-queue.ts';
import type { WatchFunction } from './watch-function.ts';

export interface DashboardProps {
  readonly state: State;
  readonly tasks: TaskQueue;
  readonly feed: ChangeFeed;
  readonly workflow: ScanWorkflow;
  readonly planner: WatchFunction;
  readonly scanner: WatchFunction;
  readonly reassembler: WatchFunction;
  readonly publisher: WatchFunction;
}

const sum = { statistic: Stats.SUM, period: Duration.minutes(5) };
const maximum = { statistic: Stats.MAXIMUM, period: Duration.minutes(5) };

const endOfScan = 'filter message = "scan completed" or message like /^scan incomplete/';

/** What is scanned, what comes out, and what it costs, a row each. */
export class Dashboard extends Construct {
  readonly dashboard: CloudWatchDashboard;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.dashboard = new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: Stack.of(this).stackName,
      defaultInterval: Duration.hours(24),
      widgets: [scans(this, props), changes(this, props), failures(this, props), costs(props)],
    });
  }
}

function scans(scope: Construct, { tasks, scanner, planner, reassembler }: DashboardProps): IWidget[] {
  return [
    heading('Scans'),
    table(
      'Scans of each watch',
      [scanner, planner, reassembler],
      [
        endOfScan,
        'fields strcontains(message, "incomplete") as failed',
        'stats count(*) as scans, sum(failed) as incomplete, latest(files) as files, avg(durationMs) / 1000 as seconds by tenant, watch',
        'sort by incomplete desc, seconds desc',
      ],
    ),
    graph('Overdue and incomplete', [ownMetric(scope, 'ScansOverdue'), ownMetric(scope, 'ScansIncomplete')]),
    graph('Tasks waiting', [
      tasks.queue.metricApproximateNumberOfMessagesVisible(maximum),
      tasks.queue.metricApproximateNumberOfMessagesNotVisible(maximum),
    ]),
  ];
}

function changes(scope: Construct, { feed, planner, scanner, reassembler }: DashboardProps): IWidget[] {
  return [
    heading('Changes'),
    table(
      'Changes of each watch',
      [scanner, planner, reassembler],
      [endOfScan, 'stats sum(changes) as total, max(changes) as most by tenant, watch', 'sort by total desc'],
    ),
    graph('Sent to the queue, and waiting in it', [
      feed.changes.queue.metricNumberOfMessagesSent(sum),
      feed.changes.queue.metricApproximateNumberOfMessagesVisible(maximum),
    ]),
    graph('Oldest wake, refused changes', [
      feed.wakes.queue.metricApproximateAgeOfOldestMessage(maximum),
      ownMetric(scope, 'PublishFailures'),
    ]),
  ];
}

function failures(scope: Construct, props: DashboardProps): IWidget[] {
  const functions = functionsOf(props);
  return [
    heading('Failures'),
    graph('Dead letters', [
      ...[props.tasks, props.feed.wakes, props.feed.changes].map(({ deadLetters }) =>
        deadLetters.metricApproximateNumberOfMessagesVisible(maximum),
      ),
    ]),
    graph(
      'Function errors',
      functions.map((each) => each.function.metricErrors(sum)),
    ),
    graph('Logins refused, tasks given up', [
      ownMetric(scope, 'LoginsRefused'),
      ownMetric(scope, 'TasksGivenUp'),
      props.workflow.stateMachine.metricFailed(sum),
    ]),
  ];
}

function costs(props: DashboardProps): IWidget[] {
  const table = props.state.table;
  return [
    heading('What it costs'),
    graph(
      'Function time, ms',
      functionsOf(props).map((each) => each.function.metricDuration(sum)),
    ),
    graph('Table units', [
      table.metricConsumedReadCapacityUnits(sum),
      table.metricConsumedWriteCapacityUnits(sum),
    ]),
    graph('Messages and workflows', [
      props.tasks.queue.metricNumberOfMessagesSent(sum),
      props.feed.wakes.queue.metricNumberOfMessagesSent(sum),
      props.workflow.stateMachine.metricStarted(sum),
    ]),
  ];
}

function functionsOf({ planner, scanner, reassembler, publisher }: DashboardProps): readonly WatchFunction[] {
  return [planner, scanner, reassembler, publisher];
}

function heading(markdown: string): IWidget {
  return new TextWidget({ markdown: `## ${markdown}`, width: 24, height: 1 });
}

function graph(title: string, left: IMetric[]): IWidget {
  return new GraphWidget({ title, left, width: 8, height: 6 });
}

function table(title: string, sources: readonly WatchFunction[], queryLines: string[]): IWidget {
  return new LogQueryWidget({
    title,
    logGroupNames: sources.map(({ logGroup }) => logGroup.logGroupName),
    queryLines,
    view: LogQueryVisualizationType.TABLE,
    width: 8,
    height: 6,
  });
}
