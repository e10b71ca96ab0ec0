import type { Duration } from 'aws-cdk-lib';
import { Archive, EventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { eventSource } from './change-pattern.ts';
import { ownMetric } from './own-metrics.ts';
import { RedrivenQueue } from './redriven-queue.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

export interface ChangeFeedProps {
  readonly fifo: boolean;
  /** How long the bus can replay what it carried. */
  readonly archived: Duration;
  /** How long a consumer of the changes queues may take for a message. */
  readonly consumerTime: Duration;
  /** How long the publisher may take for a wake. */
  readonly wakeTime: Duration;
}

/** Where changes come out: the bus and the queues, and the wakes that tell the publisher to look into the change log. */
export class ChangeFeed extends Construct {
  readonly bus: EventBus;
  readonly changes: RedrivenQueue;
  readonly changesFifo: RedrivenQueue | undefined;
  readonly wakes: RedrivenQueue;

  constructor(scope: Construct, id: string, props: ChangeFeedProps) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', { description: 'Changes and notices of Farwatch' });
    new Archive(this, 'Archive', {
      sourceEventBus: this.bus,
      description: 'To replay changes into rules that were added or repaired later',
      eventPattern: { source: [eventSource] },
      retention: props.archived,
    });
    this.changes = this.#changesQueue('Changes', false, props.consumerTime);
    this.changesFifo = props.fifo ? this.#changesQueue('ChangesFifo', true, props.consumerTime) : undefined;
    this.wakes = new RedrivenQueue(this, 'Wakes', {
      fifo: true,
      visibilityTimeout: props.wakeTime,
      alarm: {
        section: 'wakes-dead-letters',
        summary: 'Changes wait in the change log because the publisher fails.',
      },
    });
    new RunbookAlarm(this, 'PublishFailuresAlarm', {
      section: 'publish-failures',
      summary: 'The bus or a changes queue has refused changes for a quarter of an hour.',
      metric: ownMetric(this, 'PublishFailures'),
      periods: 3,
    });
  }

  grantAnnounce(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['events:PutEvents'], resources: [this.bus.eventBusArn] }),
    );
  }

  grantPublish(grantee: IGrantable): void {
    this.grantAnnounce(grantee);
    this.changes.grantSend(grantee);
    this.changesFifo?.grantSend(grantee);
  }

  #changesQueue(id: string, fifo: boolean, visibilityTimeout: Duration): RedrivenQueue {
    return new RedrivenQueue(this, id, {
      fifo,
      visibilityTimeout,
      alarm: {
        section: fifo ? 'changes-fifo-dead-letters' : 'changes-dead-letters',
        summary: 'A consumer of the changes queue could not take a batch of changes.',
      },
    });
  }
}
