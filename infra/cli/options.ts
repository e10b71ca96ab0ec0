import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Config } from '../../shared/config/config.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { formatProblems } from '../../shared/config/problems.ts';

/** What every command takes. */
export interface CommonOptions {
  readonly config: string;
  readonly state?: string;
}

/** What commands take that work on a deployment too. */
export interface HomeOptions extends CommonOptions {
  readonly stack?: string;
  readonly region?: string;
}

export function withCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('--config <file>', 'configuration').default('farwatch.yaml').env('FARWATCH_CONFIG'))
    .addOption(
      new Option('--state <file>', 'state (default: farwatch.db beside the configuration)').env(
        'FARWATCH_STATE',
      ),
    );
}

export function withHomeOptions(command: Command): Command {
  return withCommonOptions(command)
    .option('--stack <name>', 'work on the deployment of this name on AWS; no configuration is needed')
    .addOption(regionOption());
}

/** For commands that only deployments have. */
export function withStackOptions(command: Command): Command {
  return command
    .requiredOption('--stack <name>', 'the deployment: the name of its stack on AWS')
    .addOption(regionOption());
}

function regionOption(): Option {
  return new Option('--region <region>', 'where the stack is (default: as AWS_REGION or the profile says)');
}

export function stateFile(options: CommonOptions): string {
  return options.state ?? join(dirname(options.config), 'farwatch.db');
}

/** Loads the configuration and prints its warnings. */
export async function configuration(options: Pick<CommonOptions, 'config'>): Promise<Config> {
  const { config, warnings } = await loadConfig(options.config, process.env);
  if (warnings.length > 0) process.stderr.write(`${formatProblems(warnings)}\n`);
  return config;
}

/** Prints lines to standard output as fast as they are taken; a reader that goes away ends it quietly. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  const { stdout } = process;
  let gone = false;
  stdout.on('error', () => {
    gone = true;
  });
  for await (const line of lines) {
    if (gone) return;
    if (!stdout.write(`${line}\n`)) await once(stdout, 'drain').catch(() => undefined);
  }
}
