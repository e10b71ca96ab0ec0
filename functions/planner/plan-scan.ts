import type { ServerConfig, WatchConfig } from '../../shared/config/config.ts';
import { epochIdentity } from '../../shared/config/identity.ts';
import { type ScanRecord, type State, watchKey } from '../../shared/state/state.ts';
import { selectionDigest } from '../../shared/tree/selection.ts';

/** Makes the watch known to the state; a changed root or server begins a new epoch. */
export async function enrollWatch(
  watch: WatchConfig,
  server: ServerConfig,
  state: State,
  now: number,
): Promise<void> {
  await state.enroll(
    {
      key: watchKey(watch),
      was: watch.was === undefined ? null : `${watch.tenant}/${watch.was}`,
      server: watch.server,
      root: watch.root,
      identity: epochIdentity(server, watch.root),
      initial: watch.initial,
    },
    now,
  );
}

/**
 * Begins the next scan of a watch from the plan that the last reassembly left; a first scan is one task that splits
 * as it goes. Undefined while a scan is open: a watch never has two.
 */
export async function planScan(
  watch: WatchConfig,
  state: State,
  now: number,
): Promise<ScanRecord | undefined> {
  const key = watchKey(watch);
  const record = await state.watch(key);
  if (record === undefined || record.openScan !== null) return undefined;
  return state.beginScan(
    {
      watch: key,
      after: record.scan,
      scope: selectionDigest(watch.selection),
      rules: watch.selection,
      tasks: record.plan ?? [{ subtrees: [''], except: [] }],
      deadlineMs: watch.scan.deadlineMs,
    },
    now,
  );
}
