import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  JitterType,
  JsonPath,
  Pass,
  Result,
  StateMachine,
  StateMachineType,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import type { FailureName } from '../../shared/failure.ts';
import type { Reassembler } from './reassembler.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

/** Trying again cannot help: the input is wrong, or another attempt has ended the scan. */
const hopeless: readonly FailureName[] = ['InvalidInput', 'Fenced'];
/** Somebody wrote at the same moment. */
const rivalry: readonly FailureName[] = ['StaleSnapshot'];

/**
 * Ends a large scan. The caller names the execution for the watch, epoch and scan, so that it starts once.
 * There is no log group: the history of a standard workflow keeps every step for 90 days, and the right to deliver logs
 * cannot be limited to one of them.
 */
export class ScanWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { reassembler }: { readonly reassembler: Reassembler }) {
    super(scope, id);
    const failed = new Fail(this, 'Failed', {
      errorPath: JsonPath.stringAt('$.failure.Error'),
      causePath: JsonPath.stringAt('$.failure.Cause'),
    });
    const step = (name: 'judge' | 'close', state: string) => {
      const begin = new Pass(this, `Begin to ${name}`, {
        result: Result.fromString(name),
        resultPath: '$.step',
      });
      const work = this.#work(state, reassembler);
      work.addCatch(failed, { resultPath: '$.failure' });
      return { begin, work };
    };
    const judge = step('judge', 'Judge');
    const close = step('close', 'Close');
    const judged = new Choice(this, 'All judged?')
      .when(Condition.booleanEquals('$.answer.done', true), close.begin.next(close.work))
      .otherwise(judge.work);
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      comment: 'Farwatch: the end of a large scan',
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromChainable(judge.begin.next(judge.work).next(judged)),
      timeout: Duration.hours(6),
      tracingEnabled: true,
    });
    this.#alarm();
  }

  /** To begin an execution, and to see whether it lives. */
  grantStart(grantee: IGrantable): void {
    const executions = Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${this.stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    for (const [action, resource] of [
      ['states:StartExecution', this.stateMachine.stateMachineArn],
      ['states:DescribeExecution', executions],
    ] as const) {
      grantee.grantPrincipal.addToPrincipalPolicy(
        new PolicyStatement({ actions: [action], resources: [resource] }),
      );
    }
  }

  #work(state: string, reassembler: Reassembler): LambdaInvoke {
    const work = new LambdaInvoke(this, state, {
      lambdaFunction: reassembler.function,
      payload: TaskInput.fromJsonPathAt('$'),
      resultSelector: { 'done.$': '$.Payload.done' },
      resultPath: '$.answer',
      taskTimeout: Timeout.duration(Duration.minutes(16)),
      retryOnServiceExceptions: false,
    });
    work.addRetry({ errors: [...hopeless], maxAttempts: 0 });
    work.addRetry({
      errors: [...rivalry],
      interval: Duration.seconds(1),
      backoffRate: 2,
      maxAttempts: 8,
      maxDelay: Duration.minutes(1),
      jitterStrategy: JitterType.FULL,
    });
    work.addRetry({
      errors: [Errors.ALL],
      interval: Duration.seconds(5),
      backoffRate: 3,
      maxAttempts: 6,
      maxDelay: Duration.minutes(10),
      jitterStrategy: JitterType.FULL,
    });
    return work;
  }

  #alarm(): void {
    const sum = { statistic: Stats.SUM };
    new RunbookAlarm(this, 'FailedAlarm', {
      section: 'workflow-failed',
      summary: 'The end of a large scan failed; its watch waits.',
      metric: new MathExpression({
        label: 'failed or timed out',
        expression: 'failed + late',
        usingMetrics: {
          failed: this.stateMachine.metricFailed(sum),
          late: this.stateMachine.metricTimedOut(sum),
        },
      }),
    });
  }
}
