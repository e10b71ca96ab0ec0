import type { Command } from 'commander';
import { withStackOptions } from './options.ts';

interface TailCommandOptions {
  readonly stack: string;
  readonly region?: string;
  readonly watch?: string;
  readonly notices?: boolean;
}

export function addTail(program: Command): void {
  withStackOptions(program.command('tail'))
    .option('--watch <watch>', 'only of this watch')
    .option('--notices', 'notices too: ends of scans, servers that do not answer, held deletions')
    .description('print the changes of a deployment as they happen, until stopped')
    .action(async ({ notices, ...options }: TailCommandOptions) => {
      const stop = stopSignal(); // before anything is made that must be removed
      const { tail } = await import('./deployment/tail.ts'); // loads slowly, as all clients of AWS do
      await tail({ ...options, notices: notices ?? false }, stop);
    });
}

/** However often it is asked to: the end is near, and what is left to do would be left undone in somebody's account. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  return stop.signal;
}
