import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { parseConfig } from '../../shared/config/load.ts';
import { passwordVariable, type StarterAnswers, starterConfig } from '../../shared/config/starter.ts';
import { InvalidInput } from '../../shared/failure.ts';

const protocols = ['sftp', 'ftp', 'ftps', 'ftps-implicit', 'local'] as const;
type Protocol = (typeof protocols)[number];

interface InitOptions {
  readonly config: string;
  readonly force?: boolean;
  readonly protocol?: Protocol;
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
  readonly password?: string;
  readonly root?: string;
  readonly watch?: string;
  readonly server?: string;
}

export function addInit(program: Command): void {
  program
    .command('init')
    .description(
      'write a farwatch.yaml: asks for what the options do not say; without a terminal it asks nothing',
    )
    .addOption(new Option('--config <file>', 'file to write').default('farwatch.yaml').env('FARWATCH_CONFIG'))
    .option('--force', 'overwrite an existing file')
    .addOption(new Option('--protocol <protocol>', 'how to reach the server').choices(protocols))
    .option('--host <host>', 'its name or address')
    .option('--port <port>', 'default: 22, 21 or 990')
    .option('--username <name>', 'who to log in as')
    .option('--password <reference>', 'where the password is: env:NAME, file:PATH or secret:NAME')
    .option('--root <path>', 'absolute path of the tree on the server')
    .option('--server <name>', 'what to call the server')
    .option('--watch <name>', 'what to call the watch')
    .action((options: InitOptions) => init(options));
}

async function init(options: InitOptions): Promise<void> {
  if (existsSync(options.config) && !options.force) {
    throw new InvalidInput(`${options.config} exists already`, {
      advice: 'Name another file with --config, or overwrite it with --force.',
    });
  }
  const answers = await complete(options);
  const text = starterConfig(answers);
  parseConfig(text, options.config, {}); // what cannot work is said now, by the file's own rules
  await writeFile(options.config, text, { flag: options.force ? 'w' : 'wx' });
  const variable = passwordVariable(answers.server);
  const password =
    answers.protocol === 'local' || answers.auth !== undefined
      ? ''
      : `  export ${variable}=…  # the password\n`;
  process.stderr.write(`wrote ${options.config}; next:\n${password}  farwatch check\n  farwatch run\n`);
}

async function complete(options: InitOptions): Promise<StarterAnswers> {
  const ask = asker(process.stdin.isTTY && process.stderr.isTTY);
  const protocol =
    options.protocol ??
    (await ask('--protocol', async () => {
      const { select } = await import('@inquirer/prompts'); // takes longer to load than most commands take to run
      return select({ message: 'Protocol', choices: protocols.map((value) => ({ value })) }, toStderr);
    }));
  const remote = protocol !== 'local';
  const host = options.host ?? (remote ? await ask('--host', () => text('Host')) : 'localhost');
  const username =
    options.username ?? (remote ? await ask('--username', () => text('User name')) : undefined);
  const root = options.root ?? (await ask('--root', () => text('Absolute path of the tree', '/')));
  const server = options.server ?? nameFrom(host, 'server');
  const port = options.port === undefined ? undefined : Number(options.port);
  return {
    protocol,
    host,
    root,
    server,
    watch: options.watch ?? nameFrom(root.split('/').at(-1) ?? '', 'everything'),
    ...(port === undefined ? {} : { port }),
    ...(username === undefined ? {} : { username }),
    ...(options.password === undefined ? {} : { auth: options.password }),
  };
}

/** Questions go to standard error, like everything that is not a change. */
const toStderr = { output: process.stderr };

async function text(message: string, initial?: string): Promise<string> {
  const { input } = await import('@inquirer/prompts');
  return input({ message, required: true, ...(initial === undefined ? {} : { default: initial }) }, toStderr);
}

function asker(interactive: boolean): <T>(option: string, question: () => Promise<T>) => Promise<T> {
  return async (option, question) => {
    if (interactive) return question();
    throw new InvalidInput(`${option} is missing, and there is no terminal to ask on`, {
      advice: 'Give the answers as options: farwatch init --help lists them.',
    });
  };
}

function nameFrom(text: string, otherwise: string): string {
  const name = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 60);
  return name === '' ? otherwise : name;
}
