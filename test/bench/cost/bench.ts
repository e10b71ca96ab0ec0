import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { billOf } from '../../../shared/cost/bill.ts';
import { dollars } from '../../../shared/cost/table.ts';
import type { LocalStack } from '../../localstack/localstack.ts';
import { giveToTestUser } from '../../servers/account.ts';
import { opensshMissing, startOpenSsh } from '../../servers/openssh.ts';
import type { TestServer } from '../../servers/test-server.ts';
import { dynamoLocalMissing } from '../../state/dynamodb-local.ts';
import { type BuiltTree, buildTree } from '../../tree-builder.ts';
import { startDelayRelay } from '../delay-relay.ts';
import { Deployment, type Measured } from './deployment.ts';
import {
  fixedLines,
  functionLines,
  type Limit,
  limitLine,
  type MonthOf,
  monthLines,
  monthUsage,
  requestLines,
  scansPerMonth,
  taskLines,
} from './report.ts';
import { readUnitsOf, requestsTo, tasksOf, writeUnitsOf } from './usage.ts';

export interface CostBenchOptions {
  readonly files: number;
  readonly directories: number;
  readonly delayMs: number;
}

const watch = 'default/tree';

/** Counts what AWS would bill for watching one tree over SFTP, and says what it costs at list prices. */
export async function benchCost({ files, directories, delayMs }: CostBenchOptions): Promise<void> {
  const missing = opensshMissing() ?? dynamoLocalMissing();
  if (missing !== undefined) throw new Error(`the benchmark needs a server and DynamoDB Local: ${missing}`);
  const localstack = await startedLocalStack();
  if (localstack === undefined) return;
  const server = await startOpenSsh({ maxStartups: '100' });
  const relay = await startDelayRelay(server.config.port, delayMs / 2);
  print(`building ${files} files in ${directories} directories`);
  const tree = buildTree(server.localRoot, { files, directories, seed: 1 });
  giveToTestUser(server.localRoot);
  const deployment = await Deployment.start({
    endpoint: localstack.endpoint,
    configuration: configuration(server, relay.port),
    secrets: { 'farwatch/far': server.config.privateKey ?? '' },
    scanners: 4,
  });
  try {
    await measureAll(deployment, server, tree);
  } finally {
    await deployment.stop();
    await relay.stop();
    await server.stop();
    await localstack.stop();
  }
}

async function measureAll(deployment: Deployment, server: TestServer, tree: BuiltTree): Promise<void> {
  const scan = () => deployment.measure(() => deployment.scan(watch));
  const directories = tree.directories.length;
  const baseline = await scan();
  phase('baseline', baseline);
  const tick = await deployment.measure(() => deployment.tick());
  phase('the planner looks, and nothing is due', tick);
  const warm = await scan();
  const stored = deployment.stored;
  phase('warm scan', warm);
  const changed = tree.files.filter((_, index) => index % 100 === 0);
  for (const path of changed) await writeFile(join(server.localRoot, path), 'changed');
  const changing = await scan();
  phase(`${changed.length} files changed`, changing);

  print('', '== dollars a month, us-east-1, list prices ==');
  const month: MonthOf = { name: 'a warm scan', scan: warm, tick, directories, stored };
  print(...monthLines(month), '');
  print(...monthLines({ ...month, name: `${changed.length} files changed`, scan: changing }), '');
  const fixed = fixedLines(tick);
  print('the deployment itself:', ...fixed.lines);
  print('', '== limits ==', ...[...limitsOf(month), ...fixed.limits].map(limitLine));
}

function limitsOf(month: MonthOf): readonly Limit[] {
  const { scan } = month;
  const tasks = Math.max(1, tasksOf(scan));
  const own = billOf(monthUsage(month, true)).dollars;
  const whole = billOf(monthUsage(month, false)).dollars;
  return [
    { what: 'read units of a warm scan', most: 150, measured: readUnitsOf(scan) },
    {
      what: 'write units a task, without the beginning and end of the scan',
      most: 10,
      measured: writeUnitsOf(scan, 'task', 'session') / tasks,
    },
    { what: 'SQS requests a task', most: 5, measured: requestsTo('tasks.fifo', scan).length / tasks },
    {
      what: `dollars a month for a warm scan every five minutes (${dollars(whole)} with the waiting for the server)`,
      most: 5,
      measured: own,
      said: dollars,
    },
  ];
}

function phase(name: string, measured: Measured): void {
  print('', `== ${name}: ${measured.seconds.toFixed(2)} s ==`);
  print(...requestLines(measured));
  print(...functionLines(measured));
  if (tasksOf(measured) > 0) print(...taskLines(measured));
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function startedLocalStack(): Promise<LocalStack | undefined> {
  const { installLocalStack } = await import('../../localstack/install.ts');
  const { startLocalStack } = await import('../../localstack/localstack.ts');
  try {
    if (process.env['FARWATCH_TEST_LOCALSTACK'] === undefined) installLocalStack();
  } catch (error) {
    print(`skipped: LocalStack cannot run here: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  return startLocalStack();
}

function configuration(server: TestServer, port: number): object {
  const { host, username, hostKey } = server.config;
  const auth = { privateKey: 'secret:farwatch/far' };
  return {
    servers: { far: { protocol: 'sftp', host, port, username, auth, hostKey, connections: 4 } },
    watches: { tree: { server: 'far', root: server.root, every: '5m' } },
  };
}

export const costNotes = [
  `Counted from the requests and answers of DynamoDB Local and LocalStack, ${scansPerMonth} scans a month. DynamoDB Local says`,
  'the units of too few items of a transaction, and none of a refused request: "as answered" is what it said, the write',
  'units are by the published rules from the very items (twice their size in a transaction, the index on top).',
];
