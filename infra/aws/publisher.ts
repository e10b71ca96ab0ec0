import type { Duration } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Environment } from '../../functions/publisher/environment.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { State } from './state.ts';
import { type FunctionSettings, WatchFunction } from './watch-function.ts';

export interface PublisherProps {
  readonly settings: FunctionSettings;
  readonly timeout: Duration;
  readonly state: State;
  readonly feed: ChangeFeed;
}

/** Carries the change log to the bus and the queues, each at its own pace. */
export class Publisher extends WatchFunction {
  constructor(scope: Construct, id: string, { settings, timeout, state, feed }: PublisherProps) {
    const environment: Environment = {
      TABLE_NAME: state.table.tableName,
      BUS_NAME: feed.bus.eventBusName,
      CHANGES_QUEUE_URL: feed.changes.queue.queueUrl,
      ...(feed.changesFifo && { CHANGES_FIFO_QUEUE_URL: feed.changesFifo.queue.queueUrl }),
      WAKES_QUEUE_URL: feed.wakes.queue.queueUrl,
    };
    super(scope, id, { name: 'publisher', settings, environment, memorySizeMb: 512, timeout });
    state.grantUse(this);
    feed.wakes.grantConsume(this);
    feed.wakes.grantSend(this);
    feed.grantPublish(this);
    new EventSourceMapping(this, 'Wakes', {
      target: this.function,
      eventSourceArn: feed.wakes.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      // The least there is; wakes are of one group, so there is one publisher at a time.
      maxConcurrency: 2,
    });
  }
}
