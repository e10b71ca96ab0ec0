import type { Command } from 'commander';
import { escapeControls } from '../../shared/changes/stdout-readable.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { readableName } from '../../shared/tree/name.ts';
import { withHome } from './home.ts';
import { withHomeOptions } from './options.ts';

const shown = 10;

export function addDecisions(program: Command): void {
  add(
    program,
    'approve',
    'approved',
    'let held deletions go: the next scan publishes those that are still absent then',
  );
  add(program, 'reject', 'rejected', 'keep what held deletions would remove, and stay quiet about that set');
}

function add(program: Command, name: string, decision: 'approved' | 'rejected', description: string): void {
  withHomeOptions(program.command(name))
    .argument('<watch>', 'name of the watch')
    .option('--set <digest>', 'the set that was shown (see status); refused if another one is held by now')
    .description(description)
    .action(async (watchName: string, { set }: { readonly set?: string }, command: Command) => {
      await withHome(command, async (home) => {
        const { state } = home;
        const { key } = await home.watchNamed(watchName);
        const hold = (await state.watch(key))?.hold ?? null;
        if (hold === null) {
          throw new InvalidInput(`watch ${watchName} holds no deletions`, {
            advice: 'See "farwatch status".',
          });
        }
        const { held } = await state.holdMembers(key);
        await state.decideHold(key, set ?? hold.digest, decision);
        await home.obey(key, decision);
        const rest = held.length > shown ? `\n  … and ${held.length - shown} more` : '';
        const members = held.slice(0, shown).map((path) => `\n  ${escapeControls(readableName(path))}`);
        process.stderr.write(
          `${decision}: ${hold.count} deletions, set ${hold.digest}${members.join('')}${rest}\n`,
        );
      });
    });
}
