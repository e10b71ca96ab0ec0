import type { Command } from 'commander';
import type { Config } from '../../shared/config/config.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import { compileSelection, type Selection } from '../../shared/tree/selection.ts';
import { configuration, type HomeOptions, stateFile } from './options.ts';

/** Where Farwatch runs that a command is about: this machine, or a deployment. */
export interface Home {
  readonly state: State;
  /** InvalidInput, naming the watches that there are, where this is none. */
  watchNamed(name: string): Promise<NamedWatch>;
  /** Sees to it that what was written to the state is soon obeyed. Says for people what happens next. */
  obey(watch: WatchKey, order: Order): Promise<string>;
}

export type Order = 'scan' | 'pause' | 'resume' | 'approved' | 'rejected';

export interface NamedWatch {
  readonly key: WatchKey;
  /** Absolute on the server. */
  readonly root: string;
  /** What is reported of a directory that was listed under this scope. */
  selection(scope: string): Promise<Selection>;
}

export async function withHome<T>(command: Command, work: (home: Home) => Promise<T>): Promise<T> {
  const options = command.opts<HomeOptions>();
  if (options.stack === undefined) return withLocalHome(options, work);
  const given = (option: string) => command.getOptionValueSource(option) === 'cli';
  if (given('state')) {
    throw new InvalidInput('--state is a file of this machine, and --stack a deployment on AWS', {
      advice: 'Leave one of them out.',
    });
  }
  const { withDeployedHome } = await import('./deployment/deployed-home.ts'); // loads slowly, as all clients of AWS do
  return withDeployedHome(
    {
      stack: options.stack,
      ...(options.region === undefined ? {} : { region: options.region }),
      ...(given('config') ? { config: await configuration(options) } : {}),
    },
    work,
  );
}

/** Works on the state beside a running Farwatch, if one is there. */
async function withLocalHome<T>(options: HomeOptions, work: (home: Home) => Promise<T>): Promise<T> {
  if (options.region !== undefined) {
    throw new InvalidInput('--region without --stack', { advice: 'Name the deployment: --stack Farwatch.' });
  }
  const config = await configuration(options);
  const state = openSqliteState(stateFile(options), { create: false });
  try {
    return await work({
      state,
      watchNamed: async (name) => configuredWatch(config, name),
      obey: async () => 'the running farwatch sees it within a second',
    });
  } finally {
    await state.close();
  }
}

function configuredWatch(config: Config, name: string): NamedWatch {
  const watch = config.watches.get(name);
  if (watch === undefined) {
    throw new InvalidInput(`the configuration has no watch ${JSON.stringify(name)}`, {
      advice: `It has: ${[...config.watches.keys()].join(', ')}.`,
    });
  }
  const selection = compileSelection(watch.selection);
  return { key: watchKey(watch), root: watch.root, selection: async () => selection };
}
