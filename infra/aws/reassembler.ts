import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment } from '../../functions/reassembler/environment.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { State } from './state.ts';
import { type FunctionSettings, WatchFunction } from './watch-function.ts';

export interface ReassemblerProps {
  readonly settings: FunctionSettings;
  readonly state: State;
  readonly feed: ChangeFeed;
}

/** Ends large scans, a step at a time. */
export class Reassembler extends WatchFunction {
  constructor(scope: Construct, id: string, { settings, state, feed }: ReassemblerProps) {
    const environment: Environment = {
      TABLE_NAME: state.table.tableName,
      WAKES_QUEUE_URL: feed.wakes.queue.queueUrl,
      BUS_NAME: feed.bus.eventBusName,
    };
    super(scope, id, {
      name: 'reassembler',
      settings,
      environment,
      memorySizeMb: 2048,
      timeout: Duration.minutes(15),
    });
    state.grantUse(this);
    feed.wakes.grantSend(this);
    feed.grantAnnounce(this);
  }
}
