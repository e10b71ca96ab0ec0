import type { Config } from '../../shared/config/config.ts';
import { type Watched, watchedOf } from '../../shared/config/watched.ts';
import type { Logger } from '../../shared/log.ts';
import type { Deployment } from '../../shared/state/dynamodb/deployment.ts';
import { forEachOf } from '../../shared/state/dynamodb/table.ts';
import type { State } from '../../shared/state/state.ts';
import { enrollWatch } from './plan-scan.ts';

export interface Enrolling {
  readonly config: Config;
  /** Names configuration and outputs. */
  readonly configuration: string;
  readonly outputs: readonly string[];
  readonly state: State & Deployment;
  readonly log: Logger;
}

/** While a function is updated, AWS may for moments still invoke the code of before. */
const updatingMs = 120_000;

/**
 * Makes a newly deployed configuration known to the state: outputs first, so that they miss nothing, then its watches;
 * those it does not name any more rest. Killed in between, it is done again at the next tick. False where another one has
 * just taken the place of this one: turning back for a last tick would begin removed watches anew, and end new ones.
 */
export async function enrollAll(
  { config, configuration, outputs, state, log }: Enrolling,
  now: number,
): Promise<boolean> {
  const enrolled = await state.enrolled();
  if (enrolled?.configuration === configuration) return true;
  if (enrolled?.former === configuration && now - enrolled.at < updatingMs) {
    log.warn({ since: new Date(enrolled.at).toISOString() }, 'another configuration is being deployed');
    return false;
  }
  const watched = watchedOf(config);
  await state.registerOutputs(outputs);
  await forEachOf<Watched>([...watched.values()], async ({ watch, server }) => {
    await enrollWatch(watch, server, state, now);
  });
  await state.retire([...watched.keys()]);
  await state.setEnrolled({ configuration, former: enrolled?.configuration ?? null, at: now });
  log.info({ watches: watched.size, outputs }, 'the configuration is enrolled');
  return true;
}
