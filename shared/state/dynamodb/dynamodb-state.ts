import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { State } from '../state.ts';
import { dynamoChangeLog } from './change-log.ts';
import { type Deployment, dynamoDeployment } from './deployment.ts';
import { Fences } from './fences.ts';
import { Forgotten } from './forgotten.ts';
import { HeldMemory } from './held-memory.ts';
import { Pending } from './pending.ts';
import { dynamoScans } from './scans.ts';
import { dynamoServers } from './servers.ts';
import type { Services } from './services.ts';
import { dynamoSlots } from './slots.ts';
import { dynamoSnapshots } from './snapshots.ts';
import { Stamps } from './stamps.ts';
import { type OnConsumed, Table } from './table.ts';
import { WatchRows } from './watch-rows.ts';
import { dynamoWatches } from './watches.ts';

export interface DynamoStateOptions {
  readonly client: DynamoDBClient;
  /** A table as `createTable` defines it. */
  readonly table: string;
  /** How long changes are kept: they expire by themselves some time after `trim` may have dropped them. */
  readonly retentionMs?: number;
  /** Told the capacity units of every request. */
  readonly onConsumed?: OnConsumed;
  /** Stamps commits and expiry; everything else is told the time by its caller. */
  readonly now?: () => number;
}

const defaultRetentionMs = 30 * 86_400_000;

export type DynamoState = State & Deployment;

/** The state in one DynamoDB table, for any number of processes. Closing it leaves the client to its owner. */
export function openDynamoState(options: DynamoStateOptions): DynamoState {
  const now = options.now ?? Date.now;
  const table = new Table(options.client, options.table, options.onConsumed);
  const rows = new WatchRows(table);
  const fences = new Fences(table, rows);
  const pending = new Pending(table);
  const forgotten = new Forgotten(table, pending);
  const services: Services = {
    table,
    rows,
    fences,
    now,
    pending,
    forgotten,
    held: new HeldMemory(),
    stamps: new Stamps(now),
    logMs: 2 * (options.retentionMs ?? defaultRetentionMs),
  };
  return {
    ...dynamoWatches(services),
    ...dynamoScans(services),
    ...dynamoSnapshots(services),
    ...dynamoChangeLog(services),
    ...dynamoSlots(table),
    ...dynamoServers(table),
    ...dynamoDeployment(table),
    async close() {},
  };
}
