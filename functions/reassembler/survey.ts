import type { ServerConfig, WatchConfig } from '../../shared/config/config.ts';
import { type Snapshots, watchKey } from '../../shared/state/state.ts';
import { rollUp } from '../../shared/tree/digest.ts';
import { planTasks, type TaskScope } from '../../shared/tree/plan.ts';

interface Surveyed {
  readonly watch: WatchConfig;
  readonly server: ServerConfig;
}

interface Survey {
  readonly digest: string;
  readonly plan: readonly TaskScope[];
  readonly dueAt: number | null;
}

/** Directories that make a task of their own worth its overhead, at least. */
const directoriesPerTask = 200;

/** One pass over the directories: the digest of the tree, the next plan, and when the first settling file is due. */
export async function survey(
  { watch, server }: Surveyed,
  startedAt: number,
  state: Pick<Snapshots, 'directories'>,
): Promise<Survey> {
  const rolled = rollUp();
  const costs: { path: string; cost: number }[] = [];
  let dueAt: number | null = null;
  for await (const directory of state.directories(watchKey(watch), '')) {
    rolled.add(directory.path, directory.digest);
    costs.push({ path: directory.path, cost: 1 + directory.listed / 100 });
    // What was due before this scan and still is could not be looked at: scanning at once would change nothing.
    if (directory.dueAt !== null && directory.dueAt > startedAt) {
      dueAt = Math.min(dueAt ?? directory.dueAt, directory.dueAt);
    }
  }
  // FTP lists one directory after another in a session; SFTP many at once, so that a task may well have more.
  const perTask =
    server.protocol === 'sftp'
      ? Math.max(directoriesPerTask, watch.scan.taskDirectories)
      : directoriesPerTask;
  const parts = Math.max(1, Math.min(server.connections, Math.floor(costs.length / perTask)));
  return { digest: rolled.digest(), plan: planTasks(costs, parts), dueAt };
}
