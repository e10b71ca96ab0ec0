import type { Command } from 'commander';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { type Order, withHome } from './home.ts';
import { withHomeOptions } from './options.ts';

/** Orders to a running Farwatch: rows that it reads (protocol rule 27). */
export function addOrders(program: Command): void {
  add(program, 'scan', 'scan a watch now', (state, key) => state.setNextDue(key, 0));
  add(program, 'pause', 'begin no more scans of a watch', (state, key) => state.setPaused(key, true));
  add(program, 'resume', 'go on with a paused watch', (state, key) => state.setPaused(key, false));
}

function add(
  program: Command,
  name: Order,
  description: string,
  order: (state: State, key: WatchKey) => Promise<void>,
): void {
  withHomeOptions(program.command(name))
    .argument('<watch>', 'name of the watch')
    .description(description)
    .action(async (watchName: string, _options: unknown, command: Command) => {
      await withHome(command, async (home) => {
        const { key } = await home.watchNamed(watchName);
        await order(home.state, key);
        process.stderr.write(`${name}: ${watchName}: ${await home.obey(key, name)}\n`);
      });
    });
}
