import type { Row } from './cell.ts';
import type { TreeShape } from './trees.ts';

/**
 * What a client that takes a directory after the other would need for a larger tree: round trips by the directory
 * decide. Memory and sessions stay.
 */
export function extrapolate(row: Row, shape: TreeShape): Row {
  const factor = (shape.directories + 1) / (row.cell.shape.directories + 1);
  return {
    ...row,
    cell: { ...row.cell, shape },
    extrapolatedFrom: row.cell.shape.files,
    wallSeconds: row.wallSeconds * factor,
    cpuSeconds: row.cpuSeconds * factor,
    bytes: Math.round(row.bytes * factor),
    packets: Math.round(row.packets * factor),
    connections: Math.max(row.sessions ?? 0, Math.round(row.connections * factor)),
  };
}
