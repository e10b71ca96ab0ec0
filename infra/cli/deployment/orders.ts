import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { Failure, InvalidInput } from '../../../shared/failure.ts';
import type { State, WatchKey, WatchRecord } from '../../../shared/state/state.ts';
import type { Order } from '../home.ts';
import { deploymentFailure } from './failure.ts';
import { clientOptions, type Stack } from './stack.ts';

/** Calls the planner, which looks by itself only once a minute, and says what becomes of the order. */
export async function obeyedBy(stack: Stack, state: State, key: WatchKey, order: Order): Promise<string> {
  const watch = await state.watch(key);
  if (watch === undefined || !watch.active) {
    throw new InvalidInput(`the configuration of ${stack.name} names the watch ${key} no more`, {
      advice: 'Deploy it with the watch in its configuration: it goes on from what is kept of it.',
    });
  }
  if (order === 'pause') return 'no more scans begin; one that is under way goes on to its end';
  if (order === 'rejected') return 'their deletions are not reported';
  if (watch.paused) return 'it is paused, and scanned once it is resumed';
  const begins = watch.openScan === null && watch.nextDueAt <= Date.now();
  if (begins) await listedAsDue(state, watch);
  try {
    await callPlanner(stack);
  } catch (error) {
    const failure = deploymentFailure(error);
    if (!(failure instanceof Failure)) throw error;
    return `the planner sees it within a minute (it could not be called: ${failure.message})`;
  }
  if (watch.openScan !== null) {
    const next = order === 'scan' ? ', the one asked for follows at once' : '';
    return `scan ${watch.openScan} is under way${next}`;
  }
  return begins ? 'the planner begins the next scan' : 'the planner goes on with it';
}

const lookMs = 100;
const mostLooks = 30;

/** The index that the planner reads follows the table within moments: called too early, it would find nothing. */
async function listedAsDue(state: State, { key }: WatchRecord): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    if ((await state.due(Date.now(), 1_000)).includes(key)) return;
    if ((await state.watch(key))?.openScan !== null) return;
    await sleep(lookMs);
  }
}

async function callPlanner({ region, outputs }: Stack): Promise<void> {
  const client = new LambdaClient(clientOptions(region));
  try {
    const input = {
      FunctionName: outputs.PlannerFunctionName,
      InvocationType: 'Event',
      Payload: '{}',
    } as const;
    await client.send(new InvokeCommand(input));
  } finally {
    client.destroy();
  }
}
