import { Command, CommanderError } from 'commander';
import { reportFailure } from './failure.ts';
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

type AddCommand = (program: Command) => void;

const decisions = async (): Promise<AddCommand> => (await import('./decide.ts')).addDecisions;
const orders = async (): Promise<AddCommand> => (await import('./orders.ts')).addOrders;

/** Each is loaded with what it alone needs, when it is asked for: loading all would take most of a short scan. */
const commands = new Map<string, () => Promise<AddCommand>>([
  ['run', async () => (await import('./run.ts')).addRun],
  ['check', async () => (await import('./check.ts')).addCheck],
  ['init', async () => (await import('./init.ts')).addInit],
  ['snapshot', async () => (await import('./snapshot.ts')).addSnapshot],
  ['changes', async () => (await import('./changes.ts')).addChanges],
  ['status', async () => (await import('./status.ts')).addStatus],
  ['estimate', async () => (await import('./estimate.ts')).addEstimate],
  ['approve', decisions],
  ['reject', decisions],
  ['scan', orders],
  ['pause', orders],
  ['resume', orders],
  ['tail', async () => (await import('./tail.ts')).addTail],
  ['redrive', async () => (await import('./redrive.ts')).addRedrive],
]);
// The demo starts servers that only a checkout has.
if (import.meta.url.endsWith('.ts')) commands.set('demo', demo);

const asked = commands.get(process.argv[2] ?? '');
for (const load of asked === undefined ? new Set(commands.values()) : [asked]) (await load())(program);

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

async function demo(): Promise<AddCommand> {
  // Not by a literal path: the compiler would draw the demo and its servers into the package.
  const file = new URL('./demo.ts', import.meta.url);
  const module: { readonly addDemo: AddCommand } = await import(file.href);
  return module.addDemo;
}
