import type { Row } from './cell.ts';
import type { Cell } from './plan.ts';
import { usualTree } from './plan.ts';

/** Figures made up, for tests of what is made of them. */
export function madeUpRow(
  row: Pick<Row, 'client' | 'variant' | 'wallSeconds'> & Partial<Row>,
  cell: Partial<Cell> = {},
): Row {
  return {
    cell: {
      server: 'openssh',
      roundTripMs: 20,
      shape: usualTree,
      clients: [],
      connections: 8,
      checkers: [],
      runs: 1,
      ...cell,
    },
    cpuSeconds: 1,
    peakMegabytes: 100,
    exitCode: 0,
    stdoutLines: 0,
    stderr: '',
    packets: 1_000,
    bytes: 1_000_000,
    connections: 8,
    sessions: 8,
    lateMeanUs: 1,
    ...row,
  };
}
