import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Config, WatchConfig } from '../../shared/config/config.ts';
import { deployedConfig } from '../../shared/config/deployed.ts';
import { readConfig, readText } from '../../shared/config/load.ts';
import { type Bill, billOf, together } from '../../shared/cost/bill.ts';
import { type FixedOptions, fixedUsage } from '../../shared/cost/deployment.ts';
import {
  connectorDollars,
  firstScanEffort,
  plannedTasks,
  type WatchEstimate,
  watchUsage,
} from '../../shared/cost/estimate.ts';
import { scansPerMonth } from '../../shared/cost/schedule.ts';
import { billLines, columns, count, dollars } from '../../shared/cost/table.ts';
import { InvalidInput } from '../../shared/failure.ts';
import { type WatchKey, watchKey } from '../../shared/state/state.ts';
import { secretNames } from '../aws/secret-names.ts';
import { withHome } from './home.ts';
import { type HomeOptions, stateFile, withHomeOptions } from './options.ts';

interface EstimateOptions extends HomeOptions {
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly changes: readonly string[];
  readonly roundTrip: string;
  readonly fifo?: boolean;
  readonly fixedIp?: boolean;
  readonly json?: boolean;
}

type Sizes = ReadonlyMap<WatchKey, { readonly files: number; readonly directories: number }>;

interface EstimatedWatch {
  readonly watch: string;
  readonly estimate: WatchEstimate;
  readonly bill: Bill;
  /** Lambda's time while it waits for the server. */
  readonly listingDollars: number;
  readonly firstScanDollars: number;
  readonly transferFamilyDollars: number;
}

export function addEstimate(program: Command): void {
  withHomeOptions(program.command('estimate'))
    .description('what the configuration would cost on AWS in a month, at list prices')
    .addOption(amounts('--files', 'files of a watch, or of each: N or WATCH=N (default: of the last scan)'))
    .addOption(amounts('--directories', 'directories of a watch, or of each: N or WATCH=N'))
    .addOption(amounts('--changes', 'changes in a scan of a watch, or of each: N or WATCH=N (default: 0)'))
    .option('--round-trip <ms>', 'milliseconds to the servers and back', '20')
    .option('--fifo', 'with a FIFO queue of changes')
    .option('--fixed-ip', 'with one fixed address')
    .option('--json', 'one JSON object')
    .action(async (options: EstimateOptions, command: Command) => {
      const config = deployed(options.config);
      const watches = await estimated(config, options, command);
      const { fifo = false, fixedIp = false } = options;
      const fixed = billOf(fixedParts({ fifo, fixedIp }, config));
      const lines = options.json ? [jsonOf(fixed, watches)] : readable(fixed, watches);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

function amounts(name: string, description: string): Option {
  return new Option(`${name} <n>`, description)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], '');
}

/** As functions on AWS would take it along, whether or not all of it could be deployed. */
function deployed(path: string): Config {
  const { data } = readConfig(readText(path), path, process.env);
  return deployedConfig(JSON.stringify(data));
}

function fixedParts(options: FixedOptions, config: Config) {
  return together(fixedUsage(options), { secretMonths: secretNames(config).length });
}

async function estimated(
  config: Config,
  options: EstimateOptions,
  command: Command,
): Promise<readonly EstimatedWatch[]> {
  const given = {
    files: amountsOf('--files', options.files, config),
    directories: amountsOf('--directories', options.directories, config),
    changes: amountsOf('--changes', options.changes, config),
  };
  const watches = [...config.watches.values()];
  const said = ({ name }: WatchConfig) =>
    given.files(name) !== undefined && given.directories(name) !== undefined;
  const sizes: Sizes = watches.every(said) ? new Map() : await sizesOfLastScans(command);
  const roundTripMs = amount('--round-trip', options.roundTrip);
  return watches.map((watch) => {
    const last = sizes.get(watchKey(watch));
    const files = given.files(watch.name) ?? last?.files;
    const directories = given.directories(watch.name) ?? last?.directories;
    if (files === undefined || directories === undefined) throw unknownSize(watch.name);
    const changesPerScan = given.changes(watch.name) ?? 0;
    return estimatedWatch(watch, config, { files, directories, changesPerScan, roundTripMs });
  });
}

function estimatedWatch(
  watch: WatchConfig,
  config: Config,
  size: Pick<WatchEstimate, 'files' | 'directories' | 'changesPerScan' | 'roundTripMs'>,
): EstimatedWatch {
  const server = config.servers.get(watch.server);
  if (server === undefined || server.protocol === 'local') {
    throw new InvalidInput(`a directory of this machine cannot be watched from AWS: watch ${watch.name}`);
  }
  const estimate: WatchEstimate = {
    ...size,
    protocol: server.protocol === 'sftp' ? 'sftp' : 'ftp',
    connections: server.connections,
    taskDirectories: watch.scan.taskDirectories,
    scansPerMonth: scansPerMonth(watch.schedule, Date.now()),
  };
  const { own, listing } = watchUsage(estimate);
  const { readUnits, writeUnits } = firstScanEffort(estimate);
  return {
    watch: watch.name,
    estimate,
    bill: billOf(own),
    listingDollars: billOf(listing).dollars,
    firstScanDollars: billOf({ readUnits, writeUnits }).dollars,
    transferFamilyDollars: connectorDollars(estimate.scansPerMonth, estimate.directories),
  };
}

async function sizesOfLastScans(command: Command): Promise<Sizes> {
  const options = command.opts<HomeOptions>();
  if (options.stack === undefined && !existsSync(stateFile(options))) return new Map();
  const records = await withHome(command, ({ state }) => state.watches());
  return new Map(
    records.flatMap(({ key, lastScan }) => {
      if (lastScan === null) return [];
      const { files, directories } = lastScan.counts;
      return [[key, { files, directories: Math.max(0, directories - 1) }]];
    }),
  );
}

/** `N` is for every watch, `WATCH=N` for one. */
function amountsOf(option: string, given: readonly string[], { watches }: Config) {
  const all: string[] = [];
  const byWatch = new Map<string, number>();
  for (const word of given) {
    const at = word.lastIndexOf('=');
    const name = word.slice(0, at);
    if (at === -1) all.push(word);
    else if (watches.has(name)) byWatch.set(name, amount(option, word.slice(at + 1)));
    else throw new InvalidInput(`${option} ${word}: the configuration has no watch ${JSON.stringify(name)}`);
  }
  const last = all.at(-1);
  const each = last === undefined ? undefined : amount(option, last);
  return (watch: string): number | undefined => byWatch.get(watch) ?? each;
}

function amount(option: string, word: string): number {
  if (/^\d+(\.\d+)?$/.test(word)) return Number(word);
  throw new InvalidInput(`${option} ${word}: not a number`, { advice: `Write ${option} 5000.` });
}

function unknownSize(watch: string): InvalidInput {
  return new InvalidInput(`watch ${watch} was not scanned yet, so its size is not known`, {
    advice: `Say it: --files ${watch}=250000 --directories ${watch}=5000.`,
  });
}

function readable(fixed: Bill, watches: readonly EstimatedWatch[]): readonly string[] {
  const each = watches.flatMap(
    ({ watch, estimate, bill, listingDollars, firstScanDollars, transferFamilyDollars }) => [
      `${watch}: ${count(estimate.files)} files in ${count(estimate.directories)} directories, ${count(Math.round(estimate.scansPerMonth))} scans a month of ${tasksText(plannedTasks(estimate))}`,
      ...billLines(bill),
      `waiting for a server ${count(estimate.roundTripMs)} ms away: ${dollars(listingDollars)}; the first scan once: ${dollars(firstScanDollars)}`,
      `AWS Transfer Family connectors, one listing a directory: ${dollars(transferFamilyDollars)}`,
      '',
    ],
  );
  const rows = watches.map(({ watch, bill, listingDollars }) => [
    watch,
    dollars(bill.dollars + listingDollars),
  ]);
  return [
    ...each,
    'the deployment itself, whatever it watches:',
    ...billLines(fixed),
    '(of dashboards, an account has three for nothing)',
    '',
    'a month, us-east-1, list prices without free allowances:',
    ...columns([
      ...rows,
      ['the deployment itself', dollars(fixed.dollars)],
      ['together', dollars(totalOf(fixed, watches))],
    ]),
  ];
}

function tasksText(tasks: number): string {
  return tasks === 1 ? '1 task' : `${count(tasks)} tasks`;
}

function jsonOf(fixed: Bill, watches: readonly EstimatedWatch[]): string {
  const each = watches.map(({ estimate, bill, ...more }) => ({
    ...more,
    ...estimate,
    tasks: plannedTasks(estimate),
    ...bill,
  }));
  return JSON.stringify({ region: 'us-east-1', dollars: totalOf(fixed, watches), fixed, watches: each });
}

function totalOf(fixed: Bill, watches: readonly EstimatedWatch[]): number {
  return watches.reduce(
    (sum, { bill, listingDollars }) => sum + bill.dollars + listingDollars,
    fixed.dollars,
  );
}
