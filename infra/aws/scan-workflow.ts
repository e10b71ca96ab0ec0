import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  JitterType,
  JsonPath,
  StateMachine,
  StateMachineType,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct, type IConstruct } from 'constructs';
import type { FailureName } from '../../shared/failure.ts';
import { accept, logicalId, resourceFinding } from './accept.ts';
import type { Reassembler } from './reassembler.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

/** Trying again cannot help: the input is wrong, or another attempt has ended the scan. */
const hopeless: FailureName[] = ['InvalidInput', 'Fenced'];
/** Somebody wrote at the same moment. */
const rivalry: FailureName[] = ['StaleSnapshot'];

const retries = [
  { errors: hopeless, maxAttempts: 0 },
  {
    errors: rivalry,
    interval: Duration.seconds(1),
    backoffRate: 2,
    maxAttempts: 8,
    maxDelay: Duration.minutes(1),
    jitterStrategy: JitterType.FULL,
  },
  {
    errors: [Errors.ALL],
    interval: Duration.seconds(5),
    backoffRate: 3,
    maxAttempts: 6,
    maxDelay: Duration.minutes(10),
    jitterStrategy: JitterType.FULL,
  },
];

/**
 * Ends a large scan: judges what is held, in as many rounds as it takes, then closes the scan. The caller names the
 * execution for the watch, epoch and scan, so that it starts once.
 */
export class ScanWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { reassembler }: { readonly reassembler: Reassembler }) {
    super(scope, id);
    const failed = new Fail(this, 'Failed', {
      errorPath: JsonPath.stringAt('$.failure.Error'),
      causePath: JsonPath.stringAt('$.failure.Cause'),
    });
    const judge = this.#step('Judge', 'judge', reassembler, failed);
    const close = this.#step('Close', 'close', reassembler, failed);
    const judged = new Choice(this, 'All judged?')
      .when(Condition.booleanEquals('$.done', true), close)
      .otherwise(judge);
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      comment: 'Farwatch: the end of a large scan',
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromChainable(judge.next(judged)),
      timeout: Duration.hours(6),
      tracingEnabled: true,
    });
    new RunbookAlarm(this, 'FailedAlarm', {
      section: 'workflow-failed',
      summary: 'The end of a large scan failed; its watch waits.',
      // One that timed out leaves its scan open: the planner counts that as overdue.
      metric: this.stateMachine.metricFailed({ statistic: Stats.SUM }),
    });
    this.#acceptances(reassembler);
  }

  /** To begin an execution, and to see whether it lives. */
  grantStart(grantee: IGrantable & IConstruct): void {
    const executions = Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${this.stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const { grantPrincipal } = grantee;
    grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [this.stateMachine.stateMachineArn],
      }),
    );
    grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }),
    );
    const name = `<${logicalId(this.stateMachine)}.Name>`;
    accept(
      grantee,
      resourceFinding(`arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:${name}:*`),
      'Executions are named for their scans; these are the ones of this workflow alone.',
    );
  }

  /** The answer of a step is the input of the next one. */
  #step(id: string, step: string, reassembler: Reassembler, failed: Fail): LambdaInvoke {
    const work = new LambdaInvoke(this, id, {
      lambdaFunction: reassembler.function,
      payload: TaskInput.fromObject({ step, input: JsonPath.entirePayload }),
      outputPath: '$.Payload',
      taskTimeout: Timeout.duration(Duration.minutes(16)),
      retryOnServiceExceptions: false,
    });
    for (const retry of retries) work.addRetry(retry);
    work.addCatch(failed, { resultPath: '$.failure' });
    return work;
  }

  #acceptances(reassembler: Reassembler): void {
    accept(
      this.stateMachine,
      'SF1',
      'The history of a standard workflow keeps every step for 90 days. A log group would need rights to the log deliveries of the whole account.',
    );
    accept(
      this.stateMachine,
      resourceFinding(`<${logicalId(reassembler.function)}.Arn>:*`),
      'The versions of this one function.',
    );
    accept(this.stateMachine, resourceFinding('*'), 'X-Ray has no resources to name.');
  }
}
