import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { repository } from './installation.ts';
import type { LocalStack } from './localstack.ts';

export interface Deployment {
  readonly stack: string;
  /** `-c` of the CDK: the configuration file and the like. */
  readonly context?: Readonly<Record<string, string>>;
  /** Holds the `cdk.json`; the project's own by default. */
  readonly appDirectory?: string;
  /** For the app at synthesis: passwords that the configuration names, for example. */
  readonly env?: Readonly<Record<string, string>>;
}

const outputs = z.record(z.string(), z.record(z.string(), z.string()));
const bootstrapped = new Map<string, Promise<void>>();

/**
 * `cdk deploy` with the plain CLI, as people do it; a stack that is there already is updated. Returns the stack's
 * outputs by their keys.
 */
export async function deploy(
  localstack: LocalStack,
  deployment: Deployment,
): Promise<Record<string, string>> {
  await bootstrap(localstack);
  return await withScratch(async (scratch) => {
    const file = join(scratch, 'outputs.json');
    await cdk(localstack, deployment, scratch, [
      ...['deploy', deployment.stack, '--require-approval', 'never', '--progress', 'events'],
      ...['--outputs-file', file],
    ]);
    return outputs.parse(JSON.parse(readFileSync(file, 'utf8')))[deployment.stack] ?? {};
  });
}

export async function destroy(localstack: LocalStack, deployment: Deployment): Promise<void> {
  await withScratch((scratch) =>
    cdk(localstack, deployment, scratch, ['destroy', deployment.stack, '--force']),
  );
}

/** Once per LocalStack. */
function bootstrap(localstack: LocalStack): Promise<void> {
  const known = bootstrapped.get(localstack.endpoint);
  if (known !== undefined) return known;
  const started = withScratch((scratch) =>
    cdk(localstack, undefined, scratch, ['bootstrap', 'aws://000000000000/us-east-1']),
  );
  bootstrapped.set(localstack.endpoint, started);
  return started;
}

async function withScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'farwatch-cdk-'));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function cdk(
  localstack: LocalStack,
  deployment: Deployment | undefined,
  scratch: string,
  command: readonly string[],
): Promise<void> {
  const cli = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'));
  const context = Object.entries(deployment?.context ?? {}).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const args = [...command, ...context, '--output', join(scratch, 'cdk.out'), '--no-notices', '--ci'];
  const child = spawn(process.execPath, [cli, ...args], {
    // Bootstrapping needs no app, and must not synthesise the one of this folder.
    cwd: deployment === undefined ? scratch : (deployment.appDirectory ?? repository),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      HOME: scratch,
      LANG: 'C.UTF-8',
      // The app is started by `node`, which has to be this one.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      CDK_DISABLE_VERSION_CHECK: '1',
      ...localstack.env,
      ...deployment?.env,
    },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status === 0) return;
  const said = Buffer.concat(chunks).toString().slice(-6000);
  throw new Error(`cdk ${command[0]} failed:\n${said}\n${localstack.logs().slice(-4000)}`);
}
