import { Argument, type Command } from 'commander';
import type { QueueName } from './deployment/redrive.ts';
import { withStackOptions } from './options.ts';

const queues: readonly QueueName[] = ['changes', 'tasks', 'wakes'];

interface RedriveCommandOptions {
  readonly stack: string;
  readonly region?: string;
}

export function addRedrive(program: Command): void {
  withStackOptions(program.command('redrive'))
    .addArgument(new Argument('[queue]', 'of which queue (default: every one that has any)').choices(queues))
    .description('move what a deployment gave up, in its dead-letter queues, back to be tried again')
    .action(async (queue: QueueName | undefined, options: RedriveCommandOptions) => {
      const { redrive } = await import('./deployment/redrive.ts'); // loads slowly, as all clients of AWS do
      await redrive({ ...options, ...(queue === undefined ? {} : { queue }) });
    });
}
