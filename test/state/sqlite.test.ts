import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State } from '../../shared/state/state.ts';
import { stateConformance } from './conformance.ts';

stateConformance('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-state-'));
  const open = () => openSqliteState(join(directory, 'farwatch.db'), { create: true });
  const handles: State[] = [open()];
  return {
    state: handles[0] ?? open(),
    async reopen() {
      const handle = open();
      handles.push(handle);
      return handle;
    },
    async close() {
      for (const handle of handles) await handle.close();
      await rm(directory, { recursive: true });
    },
  };
});
