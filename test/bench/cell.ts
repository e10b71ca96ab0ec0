import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Farwatch } from './clients/farwatch.ts';
import { lftp } from './clients/lftp.ts';
import { libraryLoop } from './clients/library.ts';
import { rclone } from './clients/rclone.ts';
import { findOnServer } from './clients/ssh.ts';
import { type Run, type Stage, writeSecrets } from './clients/stage.ts';
import { Network } from './network/network.ts';
import type { Cell, ClientName } from './plan.ts';
import { type FarServer, startFarServer } from './server/far-server.ts';
import { serverKinds } from './server/kinds.ts';
import type { BenchTree } from './trees.ts';

/** A client's figures over one tree. */
export interface Row extends Run {
  readonly cell: Cell;
  readonly client: ClientName;
  /** E.g. `first scan`, `8 checkers`. */
  readonly variant: string;
  /** Of Farwatch's first scan. */
  readonly stateBytes?: number;
  /** Files of the tree that was really listed. */
  readonly extrapolatedFrom?: number;
}

export interface Surroundings {
  readonly tree: BenchTree;
  readonly signal: AbortSignal;
  tell(row: Row): void;
  /** A client that fails has no figures, and the others go on. */
  fail(client: ClientName, error: unknown): void;
}

/** One server with one tree at one distance, and client after client. Everything it starts ends with it. */
export async function measureCell(cell: Cell, around: Surroundings): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'farwatch-bench-'));
  try {
    const network = await Network.open(cell.roundTripMs);
    try {
      const server = await startFarServer(network, cell.server, around.tree.root);
      try {
        await measureClients(cell, around, { network, server, scratch });
      } finally {
        await server.stop();
      }
    } finally {
      await network.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type Place = { readonly network: Network; readonly server: FarServer; readonly scratch: string };

async function measureClients(cell: Cell, around: Surroundings, place: Place): Promise<void> {
  const stage: Stage = { ...place, tree: around.tree, signal: around.signal };
  await writeSecrets(stage);
  const tell = (client: ClientName, variant: string, run: Run, more: Pick<Row, 'stateBytes'> = {}) => {
    // Over SFTP, a connection is a session.
    const sessions = run.sessions ?? (place.server.protocol === 'sftp' ? run.connections : undefined);
    around.tell({ cell, client, variant, ...run, ...(sessions === undefined ? {} : { sessions }), ...more });
  };
  const turn = async (client: ClientName, work: () => Promise<void>): Promise<void> => {
    if (!cell.clients.includes(client)) return;
    try {
      await work();
    } catch (error) {
      if (around.signal.aborted) throw error;
      around.fail(client, error);
    }
  };
  await turn('farwatch', () => measureFarwatch(cell, stage, tell));
  for (const checkers of cell.checkers) {
    await turn('rclone', async () => tell('rclone', `${checkers} checkers`, await rclone(stage, checkers)));
  }
  await turn('lftp', async () => tell('lftp', 'find -l', await lftp(stage)));
  await turn('library', async () => tell('library', 'loop', await libraryLoop(stage)));
  if (place.server.protocol !== 'sftp') return;
  await turn('find', async () =>
    tell('find', 'on the server', await median(cell.runs, () => findOnServer(stage))),
  );
}

/** What was seen in one minute is trusted when it still stands in another (`shared/tree/probe.ts`). */
const trustMs = 62_000;

type Tell = (client: ClientName, variant: string, run: Run, more?: Pick<Row, 'stateBytes'>) => void;

async function measureFarwatch(cell: Cell, stage: Stage, tell: Tell): Promise<void> {
  const { connections, inFlight } = cell;
  const farwatch = await Farwatch.configured(stage, {
    connections,
    ...(inFlight === undefined ? {} : { inFlight }),
  });
  const first = await farwatch.scan(0);
  if (inFlight !== undefined)
    return tell('farwatch', `${connections === 1 ? '1 slot' : `${connections} slots`}, one in flight`, first);
  tell('farwatch', 'first scan', first, { stateBytes: await farwatch.stateBytes() });
  // As any watch that looks every few minutes has long done.
  for (let scan = 0; scan < serverKinds[cell.server].scansToTrust; scan += 1) {
    await delay(trustMs, undefined, { signal: stage.signal });
    tell('farwatch', scan === 0 ? 'second scan' : 'third scan', await farwatch.scan(0));
  }
  tell('farwatch', 'warm scan', await median(cell.runs, () => farwatch.scan(0)));
  try {
    tell('farwatch', '1 % changed', await farwatch.scan(stage.tree.change()));
  } finally {
    stage.tree.restore();
  }
}

/** Of an odd number of runs, by wall time. */
async function median(runs: number, once: () => Promise<Run>): Promise<Run> {
  const all: Run[] = [];
  for (let count = 0; count < runs; count += 1) all.push(await once());
  const middle = all.sort((a, b) => a.wallSeconds - b.wallSeconds)[Math.floor(runs / 2)];
  if (middle === undefined) throw new Error('nothing was run');
  return middle;
}
