import { key, number, string } from './attributes.ts';
import { reassembly, taskPartition } from './fences.ts';
import { findScan, scanReplacement } from './scan-rows.ts';
import { abandonTasks } from './scans.ts';
import type { Services } from './services.ts';
import type { Write } from './table.ts';
import type { VersionedRow } from './watch-rows.ts';

/**
 * The writes that end the open scan of a watch together with its epoch; undefined where it moves on meanwhile. The
 * rows of its tasks end first, so that no attempt may write into either epoch (protocol rule 1).
 */
export async function endOpenScan(
  services: Services,
  { key: watch, row }: VersionedRow,
  now: number,
): Promise<readonly Write[] | undefined> {
  if (row.openScan === null) return [];
  await abandonTasks(services, watch, row.openScan);
  const found = await findScan(services.table, row.number, row.openScan);
  if (found === undefined) return [];
  if (found.row.tasksLeft > 0) return undefined;
  return [
    scanReplacement(row.number, row.openScan, found.version, { ...found.row, closed: true }, now),
    {
      key: key(taskPartition(row.number, row.openScan), reassembly),
      kind: 'update',
      update: {
        text: 'SET st = :done, an = if_not_exists(an, :none)',
        values: { ':done': string('d'), ':none': number(0) },
      },
    },
  ];
}
