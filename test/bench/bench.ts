import { findProgram } from '../servers/account.ts';
import { measureCell, type Row } from './cell.ts';
import { extrapolate } from './extrapolate.ts';
import { networkMissing } from './network/availability.ts';
import { cellsOf, type Options } from './options.ts';
import { type Cell, type ClientName, usualTree } from './plan.ts';
import { serverKinds } from './server/kinds.ts';
import { LiveTable, placeName } from './table.ts';
import { BenchTree } from './trees.ts';

/** Cell after cell. Returns all figures, also those of a run that was interrupted. */
export async function bench(options: Options, signal: AbortSignal): Promise<readonly Row[]> {
  const missing = networkMissing();
  if (missing !== undefined) {
    say(`skipped: ${missing}`);
    return [];
  }
  const cells = cellsOf(options);
  const table = new LiveTable(say);
  const rows: Row[] = [];
  const tell = (row: Row) => {
    rows.push(row);
    table.add(row);
  };
  const fail = (client: ClientName, error: unknown) => {
    process.exitCode = 1;
    say(`  ${client} failed: ${error instanceof Error ? error.message : String(error)}`);
  };
  const trees = new Map<string, BenchTree>();
  try {
    for (const planned of cells) {
      if (signal.aborted) break;
      const cell = possible(planned);
      if (cell === undefined) continue;
      const tree = treeOf(cell, trees, options.keep);
      await measureCell(cell, {
        tree,
        signal,
        fail,
        tell: (row) => [row, ...larger(row, cells)].forEach(tell),
      });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const tree of trees.values()) tree.remove();
  }
  return rows;
}

/** One that takes a directory after the other would take all day over the usual tree: told by a small one. */
function larger(row: Row, cells: readonly Cell[]): readonly Row[] {
  if (row.client !== 'lftp' && row.client !== 'library') return [];
  const { server, roundTripMs, shape } = row.cell;
  const besides = cells.filter((cell) => cell.server === server && cell.roundTripMs === roundTripMs);
  const usual = besides.find((cell) => cell.shape.files === usualTree.files && shape.files < usualTree.files);
  return usual === undefined ? [] : [extrapolate(row, usual.shape)];
}

function treeOf({ shape }: Cell, trees: Map<string, BenchTree>, keepIn: string | undefined): BenchTree {
  const key = JSON.stringify(shape);
  const known = trees.get(key);
  if (known !== undefined) return known;
  const tree = new BenchTree(shape, keepIn);
  trees.set(key, tree);
  return tree;
}

/** The cell without what this machine cannot run, or undefined. */
function possible(cell: Cell): Cell | undefined {
  const missing = serverKinds[cell.server].missing();
  if (missing !== undefined) {
    say(`\n${placeName({ cell })}: skipped: ${missing}`);
    return undefined;
  }
  const clients = cell.clients.filter((client) => {
    const program = programOf(client);
    if (program === undefined || findProgram(program) !== undefined) return true;
    say(`\n${client}: skipped: ${program} is not installed`);
    return false;
  });
  return { ...cell, clients };
}

function programOf(client: ClientName): string | undefined {
  if (client === 'find') return 'ssh';
  return client === 'rclone' || client === 'lftp' ? client : undefined;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
