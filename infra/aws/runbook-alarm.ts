import { Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

export interface RunbookAlarmProps {
  /** Heading of RUNBOOK.md as an anchor; with the stack's name it is the alarm's. */
  readonly section: string;
  /** One sentence: what is wrong when it rings. */
  readonly summary: string;
  readonly metric: IMetric;
  /** So many periods in a row; 1 by default. */
  readonly periods?: number;
  /** No data is as bad as bad data. */
  readonly silenceIsBad?: boolean;
}

/** Rings as soon as the metric is above zero. `-c runbook=https://…` makes the descriptions link to your own copy. */
export class RunbookAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: RunbookAlarmProps) {
    const runbook = String(scope.node.tryGetContext('runbook') ?? 'infra/aws/RUNBOOK.md');
    super(scope, id, {
      alarmName: `${Stack.of(scope).stackName}-${props.section}`,
      alarmDescription: `${props.summary} ${runbook}#${props.section}`,
      metric: props.metric,
      threshold: 0,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: props.periods ?? 1,
      treatMissingData: props.silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
  }
}
