import type { Command } from 'commander';
import type { Config } from '../../shared/config/config.ts';
import { deployableConfig } from '../../shared/config/deployable.ts';
import { formatProblems } from '../../shared/config/problems.ts';
import { configJsonSchema } from '../../shared/config/schema.ts';
import { type CommonOptions, configuration, withCommonOptions } from './options.ts';

interface CheckOptions extends CommonOptions {
  readonly schema?: boolean;
  readonly aws?: boolean;
}

export function addCheck(program: Command): void {
  withCommonOptions(program.command('check'))
    .description('validate the configuration: names file, line, column and key of every error')
    .option('--schema', 'print the JSON Schema of the configuration, for editors, and exit')
    .option('--aws', 'also what a deployment on AWS would refuse')
    .action(async (options: CheckOptions) => {
      if (options.schema) {
        process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
        return;
      }
      const { servers, watches, outputs } = options.aws ? deployable(options) : await configuration(options);
      const others = options.aws ? 'ready to deploy' : `${outputs.length} outputs`;
      process.stderr.write(
        `${options.config}: fine: ${servers.size} servers, ${watches.size} watches, ${others}\n`,
      );
    });
}

function deployable(options: CommonOptions): Config {
  const { config, warnings } = deployableConfig(options.config, process.env);
  if (warnings.length > 0) process.stderr.write(`${formatProblems(warnings)}\n`);
  return config;
}
