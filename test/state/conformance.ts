import { describe, test } from 'node:test';
import { fenceCases } from './fence-cases.ts';
import { holdCases } from './hold-cases.ts';
import { logCases } from './log-cases.ts';
import { outputCases } from './output-cases.ts';
import { pathCases } from './path-cases.ts';
import type { OpenedState, StateCheck } from './samples.ts';
import { scanCases } from './scan-cases.ts';
import { slotCases } from './slot-cases.ts';
import { snapshotCases } from './snapshot-cases.ts';
import { tenantCases } from './tenant-cases.ts';
import { watchCases } from './watch-cases.ts';

const groups: Readonly<Record<string, (check: StateCheck) => void>> = {
  watches: watchCases,
  holds: holdCases,
  scans: scanCases,
  fences: fenceCases,
  snapshots: snapshotCases,
  paths: pathCases,
  'change log': logCases,
  outputs: outputCases,
  slots: slotCases,
  tenants: tenantCases,
};

/**
 * What every implementation of the state port must do, said in terms of the port alone. `open` makes a fresh, empty
 * store for each case.
 */
export function stateConformance(name: string, open: () => Promise<OpenedState>): void {
  describe(name, () => {
    for (const [group, cases] of Object.entries(groups)) {
      describe(group, () => {
        cases((title, run) => {
          test(title, async () => {
            const opened = await open();
            try {
              await run(opened);
            } finally {
              await opened.close();
            }
          });
        });
      });
    }
  });
}
