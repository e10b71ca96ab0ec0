import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Measured, measure } from '../measure.ts';
import type { Network, Traffic } from '../network/network.ts';
import type { FarServer } from '../server/far-server.ts';
import type { BenchTree } from '../trees.ts';

/** A server with a tree, somewhere, and a folder for the files of clients. */
export interface Stage {
  readonly network: Network;
  readonly server: FarServer;
  readonly tree: BenchTree;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

export interface Command {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type Run = Measured & Traffic;

/** Runs a client at its end of the network. One that fails is no measurement. */
export async function run(stage: Stage, { command, env }: Command): Promise<Run> {
  await stage.network.traffic();
  const measured = await measure(stage.network.onClient(command), {
    signal: stage.signal,
    env: { HOME: stage.scratch, ...env },
  });
  const traffic = await stage.network.traffic();
  if (measured.exitCode !== 0)
    throw new Error(`${command.join(' ')} ended with ${measured.exitCode}: ${measured.stderr}`);
  return { ...measured, ...traffic };
}

/** A listing that misses something is no listing. */
export function complete(stage: Stage, client: string, listing: Run): Run {
  if (listing.stdoutLines === stage.tree.entries) return listing;
  throw new Error(`${client} listed ${listing.stdoutLines} of ${stage.tree.entries}: ${listing.stderr}`);
}

export const keyFile = (stage: Stage): string => join(stage.scratch, 'key');
export const caFile = (stage: Stage): string => join(stage.scratch, 'ca.pem');

export async function writeSecrets({ scratch, server }: Pick<Stage, 'scratch' | 'server'>): Promise<void> {
  await writeFile(join(scratch, 'key'), server.privateKey, { mode: 0o600 });
  await writeFile(join(scratch, 'ca.pem'), server.ca);
}
