import type { Command } from 'commander';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { type CommonOptions, configuration, watchNamed, withCommonOptions, withState } from './options.ts';

/** Orders to a running Farwatch: rows that it reads within a second (protocol rule 27). */
export function addOrders(program: Command): void {
  add(program, 'scan', 'scan a watch now', (state, key) => state.setNextDue(key, 0));
  add(program, 'pause', 'begin no more scans of a watch', (state, key) => state.setPaused(key, true));
  add(program, 'resume', 'go on with a paused watch', (state, key) => state.setPaused(key, false));
}

function add(
  program: Command,
  name: string,
  description: string,
  order: (state: State, key: WatchKey) => Promise<void>,
): void {
  withCommonOptions(program.command(name))
    .argument('<watch>', 'name of the watch')
    .description(description)
    .action(async (watchName: string, options: CommonOptions) => {
      const { key } = watchNamed(await configuration(options), watchName);
      await withState(options, (state) => order(state, key));
      process.stderr.write(`${name}: ${watchName}: the running farwatch sees it within a second\n`);
    });
}
