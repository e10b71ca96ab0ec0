import type { Config } from '../../shared/config/config.ts';
import { type Watched, watchedOf } from '../../shared/config/watched.ts';
import type { Logger } from '../../shared/log.ts';
import type { DynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import { forEachOf } from '../../shared/state/dynamodb/table.ts';
import { enrollWatch } from './plan-scan.ts';

export interface Enrolling {
  readonly config: Config;
  /** Names configuration and outputs. */
  readonly configuration: string;
  readonly outputs: readonly string[];
  readonly state: DynamoState;
  readonly log: Logger;
}

/**
 * Makes a newly deployed configuration known to the state: outputs first, so that they miss nothing, then its watches;
 * those it does not name any more rest. Killed in between, it is done again at the next tick.
 */
export async function enrollAll(
  { config, configuration, outputs, state, log }: Enrolling,
  now: number,
): Promise<void> {
  if ((await state.enrolled()) === configuration) return;
  const watched = watchedOf(config);
  await state.registerOutputs(outputs);
  await forEachOf<Watched>([...watched.values()], async ({ watch, server }) => {
    await enrollWatch(watch, server, state, now);
  });
  await state.retire([...watched.keys()]);
  await state.setEnrolled(configuration);
  log.info({ watches: watched.size, outputs }, 'the configuration is enrolled');
}
