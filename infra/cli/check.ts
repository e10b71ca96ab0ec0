import type { Command } from 'commander';
import { configJsonSchema } from '../../shared/config/schema.ts';
import { type CommonOptions, configuration, withCommonOptions } from './options.ts';

export function addCheck(program: Command): void {
  withCommonOptions(program.command('check'))
    .description('validate the configuration: names file, line, column and key of every error')
    .option('--schema', 'print the JSON Schema of the configuration, for editors, and exit')
    .action(async (options: CommonOptions & { readonly schema?: boolean }) => {
      if (options.schema) {
        process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
        return;
      }
      const { servers, watches, outputs } = await configuration(options);
      process.stderr.write(
        `${options.config}: fine: ${servers.size} servers, ${watches.size} watches, ${outputs.length} outputs\n`,
      );
    });
}
