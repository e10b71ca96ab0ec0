import { Annotations, Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type EventBus, type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Config } from '../../shared/config/config.ts';
import { deployableConfig } from '../../shared/config/deployable.ts';
import { formatProblems } from '../../shared/config/problems.ts';
import { AlarmTopic } from './alarm-topic.ts';
import { bundledCode, type FunctionName } from './bundle.ts';
import { ChangeFeed } from './change-feed.ts';
import { type ChangePattern, checkNames, eventPattern } from './change-pattern.ts';
import { Dashboard } from './dashboard.ts';
import { Egress } from './egress.ts';
import { Outputs } from './outputs.ts';
import { Planner } from './planner.ts';
import { Publisher } from './publisher.ts';
import { Reassembler } from './reassembler.ts';
import { ScanWorkflow } from './scan-workflow.ts';
import { Scanner } from './scanner.ts';
import { Schedule } from './schedule.ts';
import { State } from './state.ts';
import { TaskQueue } from './task-queue.ts';

export interface FarwatchProps {
  /** Path of farwatch.yaml. */
  readonly config: string;
  /** A FIFO queue of changes beside the ordinary one: in order for each watch. Default: none. */
  readonly fifo?: boolean;
  /** The scanner reaches servers from one fixed address. Default: from AWS's; see `Egress` for the price. */
  readonly fixedIp?: boolean;
  /** Where alarms go. Default: nowhere but the console. */
  readonly alarms?: { readonly email: string } | { readonly topic: ITopic };
  /** Nobody can delete the table by mistake. Default: true. */
  readonly deletionProtection?: boolean;
  /** How long the bus can replay changes. Default: 30 days. */
  readonly archived?: Duration;
  /** How long a consumer of the changes queue may take for a message. Default: 6 minutes. */
  readonly consumerTime?: Duration;
  /** Default: a month. */
  readonly logRetention?: RetentionDays;
  /** The functions as a pipeline of yours built them. Default: built here and now. */
  readonly code?: (name: FunctionName, configuration: string) => Code;
}

export type { ChangePattern };

/** Lambda's rule for queues: a message stays invisible for six times the time that a function may take. */
const invisible = 6;
const publisherTimeout = Duration.seconds(60);

/** One deployment of Farwatch; one a stack. */
export class Farwatch extends Construct {
  readonly bus: EventBus;
  readonly changesQueue: IQueue;
  readonly changesFifoQueue: IQueue | undefined;
  readonly table: Table;
  /** For rights beyond its own: to the key that encrypts a secret, say. */
  readonly scannerRole: IGrantable;
  readonly #config: Config;

  constructor(scope: Construct, id: string, props: FarwatchProps) {
    super(scope, id);
    const { config, json, warnings } = deployableConfig(props.config, process.env);
    if (warnings.length > 0) Annotations.of(this).addWarningV2('farwatch:config', formatProblems(warnings));
    const { code = bundledCode, logRetention = RetentionDays.ONE_MONTH } = props;
    const settings = { code: (name: FunctionName) => code(name, json), logRetention };
    const timeout = scannerTimeout(config);

    const state = new State(this, 'State', { deletionProtection: props.deletionProtection ?? true });
    const tasks = new TaskQueue(this, 'Tasks', { visibilityTimeout: times(invisible, timeout) });
    const feed = new ChangeFeed(this, 'Feed', {
      fifo: props.fifo ?? false,
      archived: props.archived ?? Duration.days(30),
      consumerTime: props.consumerTime ?? Duration.minutes(6),
      wakeTime: times(invisible, publisherTimeout),
    });
    const egress = props.fixedIp ? new Egress(this, 'Egress') : undefined;

    const reassembler = new Reassembler(this, 'Reassembler', { settings, state, feed });
    const workflow = new ScanWorkflow(this, 'Workflow', { reassembler });
    const shared = { settings, state, tasks, feed, workflow };
    const scanner = new Scanner(this, 'Scanner', { ...shared, config, timeout, egress });
    const planner = new Planner(this, 'Planner', shared);
    const publisher = new Publisher(this, 'Publisher', { settings, timeout: publisherTimeout, state, feed });
    new Schedule(this, 'Schedule', { planner });

    const functions = { planner, scanner, reassembler, publisher };
    const { dashboard } = new Dashboard(this, 'Dashboard', { state, tasks, feed, workflow, ...functions });
    if (props.alarms) new AlarmTopic(this, 'Alarms', props.alarms);
    new Outputs(this, 'Outputs', {
      TableName: state.table.tableName,
      BusName: feed.bus.eventBusName,
      BusArn: feed.bus.eventBusArn,
      ChangesQueueUrl: feed.changes.queue.queueUrl,
      ChangesQueueArn: feed.changes.queue.queueArn,
      ChangesDeadLetterQueueUrl: feed.changes.deadLetters.queueUrl,
      ChangesFifoQueueUrl: feed.changesFifo?.queue.queueUrl,
      ChangesFifoDeadLetterQueueUrl: feed.changesFifo?.deadLetters.queueUrl,
      TasksQueueUrl: tasks.queue.queueUrl,
      TasksDeadLetterQueueUrl: tasks.deadLetters.queueUrl,
      WakesQueueUrl: feed.wakes.queue.queueUrl,
      WakesDeadLetterQueueUrl: feed.wakes.deadLetters.queueUrl,
      PlannerFunctionName: planner.function.functionName,
      ScannerFunctionName: scanner.function.functionName,
      PublisherFunctionName: publisher.function.functionName,
      ReassemblerFunctionName: reassembler.function.functionName,
      WorkflowArn: workflow.stateMachine.stateMachineArn,
      DashboardName: dashboard.dashboardName,
      EgressIp: egress?.ip,
    });

    this.bus = feed.bus;
    this.changesQueue = feed.changes.queue;
    this.changesFifoQueue = feed.changesFifo?.queue;
    this.table = state.table;
    this.scannerRole = scanner;
    this.#config = config;
  }

  /** A rule on the bus. Names that the configuration does not know are refused: such a rule would be silent for ever. */
  onChange(
    id: string,
    { pattern = {}, target }: { readonly pattern?: ChangePattern; readonly target: IRuleTarget },
  ): Rule {
    checkNames(pattern, this.#config);
    return new Rule(this, id, { eventBus: this.bus, eventPattern: eventPattern(pattern), targets: [target] });
  }
}

/** Twice what a scanner plans for, which it ends earlier by itself. */
function scannerTimeout(config: Config): Duration {
  const budgets = [...config.watches.values()].map(({ scan }) => scan.taskBudgetMs);
  return Duration.seconds(Math.min(Math.max(Math.ceil((2 * Math.max(0, ...budgets)) / 1000), 20), 120));
}

function times(factor: number, duration: Duration): Duration {
  return Duration.seconds(factor * duration.toSeconds());
}
