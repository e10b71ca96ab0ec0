import type { Command } from 'commander';
import { InvalidInput } from '../../shared/failure.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import { withHome } from './home.ts';
import { printLines, withHomeOptions } from './options.ts';

const pageSize = 1_000;

export function addChanges(program: Command): void {
  withHomeOptions(program.command('changes'))
    .argument('<watch>', 'name of the watch')
    .option(
      '--since <cursor>',
      'only what came after: a cursor that this command printed, or the id of a change',
    )
    .description(
      'print the change log, one change per line as published; the next cursor goes to standard error',
    )
    .action(async (name: string, { since }: { readonly since?: string }, command: Command) => {
      process.exitCode = await withHome(command, async (home) => {
        const { key } = await home.watchNamed(name);
        return printChanges(home.state, key, since);
      });
    });
}

async function printChanges(state: State, key: WatchKey, since: string | undefined): Promise<number> {
  let cursor = since === undefined ? null : await cursorFrom(state, key, since);
  let resync = false;
  const lines = async function* () {
    for (;;) {
      const page = await state.changes(key, cursor, pageSize);
      resync ||= page.resync;
      cursor = page.cursor;
      for (const change of page.changes) yield JSON.stringify(change);
      if (page.changes.length < pageSize) return;
    }
  };
  await printLines(lines());
  if (cursor !== null) process.stderr.write(`cursor: ${cursor}\n`);
  if (!resync) return 0;
  process.stderr.write(
    'farwatch: resync: changes after that cursor are not kept any more\n' +
      '  Take "farwatch snapshot" as the new beginning, then go on from the cursor above.\n',
  );
  return 1;
}

async function cursorFrom(state: State, key: WatchKey, since: string): Promise<string> {
  if (!/^[0-9a-f]{32}$/.test(since)) return since;
  const cursor = await state.cursorOf(key, since);
  if (cursor !== undefined) return cursor;
  throw new InvalidInput(`the change log of ${key} holds no change ${since}`, {
    advice: 'It may be older than what is kept: begin again from "farwatch snapshot".',
  });
}
