import { Command, CommanderError } from 'commander';
import { addChanges } from './changes.ts';
import { addCheck } from './check.ts';
import { addDecisions } from './decide.ts';
import { reportFailure } from './failure.ts';
import { addInit } from './init.ts';
import { addOrders } from './orders.ts';
import { addRedrive } from './redrive.ts';
import { addRun } from './run.ts';
import { addSnapshot } from './snapshot.ts';
import { addStatus } from './status.ts';
import { addTail } from './tail.ts';
import { version } from './version.ts';

const program = new Command('farwatch')
  .description('Watches FTP, FTPS and SFTP trees and tells exactly what changed.')
  .version(version())
  .showHelpAfterError('(farwatch --help shows what there is)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Begin with:
  farwatch init                        write a farwatch.yaml
  farwatch check                       see what is wrong with it
  farwatch run                         watch, and print every change

Changes go to standard output, one JSON object a line unless it is a terminal; everything else goes to
standard error. Exit codes: 0 done; 1 a scan was incomplete or failed; 2 configuration or usage error.`,
  );

addRun(program);
addCheck(program);
addInit(program);
addSnapshot(program);
addChanges(program);
addStatus(program);
addDecisions(program);
addOrders(program);
addTail(program);
addRedrive(program);
await addDemo(program);

endWithLauncher();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = reportFailure(error);
}

/** Started by the launcher of an older Node, this process must not outlive it, however that one ends. */
function endWithLauncher(): void {
  if (!process.connected) return;
  process.once('disconnect', () => process.exit(137));
  process.channel?.unref();
}

/** The demo starts servers that only a checkout has. */
async function addDemo(to: Command): Promise<void> {
  const demo = new URL('./demo.ts', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return;
  // Not by a literal path: the compiler would draw the demo and its servers into the package.
  const module: { readonly addDemo: (program: Command) => void } = await import(demo.href);
  module.addDemo(to);
}
