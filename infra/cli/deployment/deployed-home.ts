import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Config } from '../../../shared/config/config.ts';
import { openDynamoState } from '../../../shared/state/dynamodb/dynamodb-state.ts';
import type { Home } from '../home.ts';
import { deploymentFailure } from './failure.ts';
import { obeyedBy } from './orders.ts';
import { clientOptions, findStack, type Stack, type StackOptions } from './stack.ts';
import { watchOf } from './watch.ts';

export interface DeployedHomeOptions extends StackOptions {
  /** Says whose watch a name means, where the deployment has several of that name. */
  readonly config?: Config;
}

/** The state of a deployment, and its planner. */
export async function withDeployedHome<T>(
  options: DeployedHomeOptions,
  work: (home: Home, stack: Stack) => Promise<T>,
): Promise<T> {
  try {
    const stack = await findStack(options);
    const client = new DynamoDBClient(clientOptions(stack.region));
    const state = openDynamoState({ client, table: stack.outputs.TableName });
    try {
      const home: Home = {
        state,
        watchNamed: (name) => watchOf(state, stack.name, name, options.config),
        obey: (watch, order) => obeyedBy(stack, state, watch, order),
      };
      return await work(home, stack);
    } finally {
      await state.close();
      client.destroy();
    }
  } catch (error) {
    throw deploymentFailure(error);
  }
}
