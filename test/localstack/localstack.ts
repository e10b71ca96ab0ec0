import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../servers/ports.ts';
import { listensAt, processTree, spawnGuarded } from '../servers/processes.ts';
import { installation } from './installation.ts';

export interface LocalStack {
  readonly endpoint: string;
  /** What clients and commands need to reach it, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** The same for a client of the SDK in this process. */
  readonly clientConfig: ClientConfig;
  /**
   * Processes that run an invocation of the function now (or start up). Idle ones are frozen and left out. Throws for
   * a LocalStack that runs elsewhere.
   */
  pids(functionName: string): readonly number[];
  /** LocalStack's own log, then what the functions wrote. Empty for a LocalStack that runs elsewhere. */
  logs(): string;
  stop(): Promise<void>;
}

interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Why LocalStack cannot run in this test run, or undefined. `npm run test:localstack` never skips. */
export function localStackMissing(): string | undefined {
  return process.env['FARWATCH_TEST_LOCALSTACK_READY'] === '1'
    ? undefined
    : 'LocalStack: run by `npm run test:localstack`';
}

/** An empty LocalStack on a port of its own, or the one at FARWATCH_TEST_LOCALSTACK. It dies with this process. */
export async function startLocalStack(): Promise<LocalStack> {
  const elsewhere = process.env['FARWATCH_TEST_LOCALSTACK'];
  if (elsewhere !== undefined) return runningElsewhere(elsewhere);
  // Not in the checkout: no package.json may stand above the functions' code.
  const scratch = mkdtempSync(join(tmpdir(), 'farwatch-localstack-'));
  const logFile = join(scratch, 'localstack.log');
  const functionLogs = join(scratch, 'functions');
  const port = await freePort();
  const server = spawnGuarded(installation.python, ['-m', 'localstack.runtime.main'], {
    scratch,
    logFile,
    env: serverEnvironment(scratch, functionLogs, port),
  });
  const logs = () =>
    [logFile, ...globSync(join(functionLogs, '*.log'))]
      .map((file) => `==> ${file}\n${readFileSync(file, 'utf8')}`)
      .join('\n');
  const endpoint = `http://127.0.0.1:${port}`;
  for (let waited = 0; !(listensAt(server.pid, port) && (await isHealthy(endpoint))); waited += 100) {
    if (server.exited || waited > 60_000) {
      const said = logs();
      await server.kill();
      rmSync(scratch, { recursive: true, force: true });
      throw new Error(`LocalStack did not start: ${said.slice(-4000)}`);
    }
    await sleep(100);
  }
  return {
    endpoint,
    ...accessTo(endpoint),
    pids: (functionName) => processTree(server.pid).filter((pid) => runsFunction(pid, functionName)),
    logs,
    async stop() {
      await server.kill();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function runningElsewhere(endpoint: string): Promise<LocalStack> {
  if (!(await isHealthy(endpoint))) throw new Error(`no LocalStack answers at ${endpoint}`);
  return {
    endpoint,
    ...accessTo(endpoint),
    pids: () => {
      throw new Error(`the functions of ${endpoint} are not processes of this machine`);
    },
    logs: () => '',
    stop: async () => undefined,
  };
}

function serverEnvironment(scratch: string, functionLogs: string, port: number): Record<string, string> {
  const libraries = join(scratch, 'root/var/lib/localstack/lib');
  mkdirSync(dirname(libraries), { recursive: true });
  symlinkSync(installation.libraries, libraries);
  const temporary = join(scratch, 'tmp');
  mkdirSync(temporary);
  return {
    // A test machine looks like a container; then LocalStack would write to /var/lib, /etc and /usr/lib.
    OVERRIDE_IN_DOCKER: '0',
    FILESYSTEM_ROOT: join(scratch, 'root'),
    TMPDIR: temporary,
    HOME: scratch,
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    // SDKs call the host of a queue's URL; the default one resolves on the internet only.
    SQS_ENDPOINT_STRATEGY: 'path',
    DNS_ADDRESS: '0',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DISABLE_EVENTS: '1',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    FARWATCH_NODE: process.execPath,
    FARWATCH_FUNCTION_LOGS: functionLogs,
    // The defaults make 8 messages a second of a mapping, and up to 10 s of delay.
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.1',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '1',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC: '2',
    DYNAMODB_IN_MEMORY: '1',
    DYNAMODB_REMOVE_EXPIRED_ITEMS: '1',
  };
}

function accessTo(endpoint: string): Pick<LocalStack, 'env' | 'clientConfig'> {
  const region = 'us-east-1';
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return { env, clientConfig: { endpoint, region, credentials } };
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2000) });
    return response.ok;
  } catch {
    return false;
  }
}

function runsFunction(pid: number, functionName: string): boolean {
  try {
    const [, , script, name] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (
      script?.endsWith('/bootstrap.cjs') === true && name === functionName && !/^State:\tT/m.test(status)
    );
  } catch {
    return false;
  }
}
