import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { BusChannel } from '../shared/changes/bus-channel.ts';
import type { Notice } from '../shared/changes/change.ts';
import { Wakes } from '../shared/changes/wakes.ts';
import type { Config } from '../shared/config/config.ts';
import { deployedConfig } from '../shared/config/deployed.ts';
import { type Watched, watchedOf } from '../shared/config/watched.ts';
import { type DynamoState, openDynamoState } from '../shared/state/dynamodb/dynamodb-state.ts';
import type { WatchKey } from '../shared/state/state.ts';
import { log } from './observability.ts';

/** What every function of a deployment works with. */
export interface Home {
  readonly config: Config;
  /** Names the configuration: another one has another name. */
  readonly configuration: string;
  readonly watched: ReadonlyMap<WatchKey, Watched>;
  readonly state: DynamoState;
  readonly sqs: SQSClient;
  readonly bus: BusChannel;
  readonly wakes: Wakes;
  /** Best effort: what is told here stands in the state and in the log too. */
  readonly notify: (notices: readonly Notice[]) => Promise<void>;
}

export interface Places {
  readonly TABLE_NAME: string;
  readonly WAKES_QUEUE_URL: string;
  readonly BUS_NAME: string;
}

/** Clients connect when they are first used, so that a cold start waits for none. */
export function openHome(places: Places, configuration: string = besideTheBundle()): Home {
  const config = deployedConfig(configuration);
  const sqs = new SQSClient();
  const bus = new BusChannel({ client: new EventBridgeClient(), bus: places.BUS_NAME });
  return {
    config,
    configuration: hash('sha256', configuration, 'hex'),
    watched: watchedOf(config),
    state: openDynamoState({
      client: new DynamoDBClient(),
      table: places.TABLE_NAME,
      retentionMs: config.retentionMs,
    }),
    sqs,
    bus,
    wakes: new Wakes({ client: sqs, queueUrl: places.WAKES_QUEUE_URL }),
    notify: async (notices) => {
      for (const notice of notices) {
        try {
          await bus.notify(notice, AbortSignal.timeout(noticeMs));
        } catch (error) {
          log.warn({ notice: notice.type, err: error }, 'a notice was not taken');
        }
      }
    },
  };
}

const noticeMs = 5_000;

function besideTheBundle(): string {
  return readFileSync(join(process.env['LAMBDA_TASK_ROOT'] ?? '.', 'farwatch.json'), 'utf8');
}
