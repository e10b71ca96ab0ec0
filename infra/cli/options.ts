import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Config, WatchConfig } from '../../shared/config/config.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { formatProblems } from '../../shared/config/problems.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';

/** What every command takes. */
export interface CommonOptions {
  readonly config: string;
  readonly state?: string;
}

export function withCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('--config <file>', 'configuration').default('farwatch.yaml').env('FARWATCH_CONFIG'))
    .addOption(
      new Option('--state <file>', 'state (default: farwatch.db beside the configuration)').env(
        'FARWATCH_STATE',
      ),
    );
}

export function stateFile(options: CommonOptions): string {
  return options.state ?? join(dirname(options.config), 'farwatch.db');
}

/** Loads the configuration and prints its warnings. */
export async function configuration(options: CommonOptions): Promise<Config> {
  const { config, warnings } = await loadConfig(options.config, process.env);
  if (warnings.length > 0) process.stderr.write(`${formatProblems(warnings)}\n`);
  return config;
}

/** Works on the state beside a running Farwatch, if one is there. */
export async function withState<T>(options: CommonOptions, work: (state: State) => Promise<T>): Promise<T> {
  const state = openSqliteState(stateFile(options), { create: false });
  try {
    return await work(state);
  } finally {
    await state.close();
  }
}

export function watchNamed(
  config: Config,
  name: string,
): { readonly key: WatchKey; readonly watch: WatchConfig } {
  const watch = config.watches.get(name);
  if (watch === undefined) {
    throw new InvalidInput(`the configuration has no watch ${JSON.stringify(name)}`, {
      advice: `It has: ${[...config.watches.keys()].join(', ')}.`,
    });
  }
  return { key: watchKey(watch), watch };
}

/** Prints lines to standard output as fast as they are taken; a reader that goes away ends it quietly. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  const { stdout } = process;
  let gone = false;
  stdout.on('error', () => {
    gone = true;
  });
  for await (const line of lines) {
    if (gone) return;
    if (!stdout.write(`${line}\n`)) {
      await new Promise((resolve) => {
        stdout.once('drain', resolve);
        stdout.once('error', resolve);
      });
    }
  }
}
