import { Duration } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { RunbookAlarm } from './runbook-alarm.ts';

export interface RedrivenQueueProps {
  readonly fifo: boolean;
  readonly visibilityTimeout: Duration;
  /** Of the alarm that rings when a message was given up. */
  readonly alarm: { readonly section: string; readonly summary: string };
}

const keptAsLongAsPossible = Duration.days(14);
const tries = 5;

/** A queue, where its messages go when nobody could take them, and the alarm that says so. */
export class RedrivenQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: RedrivenQueueProps) {
    super(scope, id);
    const kind = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: keptAsLongAsPossible,
      ...(props.fifo && {
        fifo: true,
        deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
        fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      }),
    };
    this.deadLetters = new Queue(this, 'DeadLetters', kind);
    this.queue = new Queue(this, 'Queue', {
      ...kind,
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: tries },
    });
    new RunbookAlarm(this, 'DeadLettersAlarm', {
      ...props.alarm,
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
    });
  }

  grantSend(grantee: IGrantable): void {
    this.#grant(grantee, ['sqs:SendMessage']);
  }

  /** What an event source mapping needs. */
  grantConsume(grantee: IGrantable): void {
    this.#grant(grantee, ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']);
  }

  /** To have a message again sooner than its visibility says. */
  grantHasten(grantee: IGrantable): void {
    this.#grant(grantee, ['sqs:ChangeMessageVisibility']);
  }

  #grant(grantee: IGrantable, actions: string[]): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions, resources: [this.queue.queueArn] }),
    );
  }
}
