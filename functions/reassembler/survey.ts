import type { ServerConfig, WatchConfig } from '../../shared/config/config.ts';
import { type Snapshots, watchKey } from '../../shared/state/state.ts';
import { rollUp } from '../../shared/tree/digest.ts';
import { planTasks, type TaskScope, usualDirectoryMs } from '../../shared/tree/plan.ts';

interface Surveyed {
  readonly watch: WatchConfig;
  readonly server: ServerConfig;
}

export interface Effort {
  readonly startedAt: number;
  /** Of all sessions together. */
  readonly workMs: number;
}

export interface Survey {
  readonly digest: string;
  readonly plan: readonly TaskScope[];
  readonly dueAt: number | null;
}

/** Directories that make a task of their own worth its overhead, at least. */
const directoriesPerTask = 200;

/** One pass over the directories: the digest of the tree, the next plan, and when the first settling file is due. */
export async function survey(
  { watch, server }: Surveyed,
  { startedAt, workMs }: Effort,
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
  const parts = Math.max(
    1,
    Math.min(server.connections, worthTasks({ watch, server }, costs.length, workMs)),
  );
  return { digest: rolled.digest(), plan: planTasks(costs, parts), dueAt };
}

/** How many tasks are worth their overhead, by the directories and by the time that they took. */
function worthTasks({ watch, server }: Surveyed, directories: number, workMs: number): number {
  const { taskDirectories } = watch.scan;
  // FTP lists one directory after another in a session; SFTP many at once, so that a task may well have more.
  const perTask =
    server.protocol === 'sftp' ? Math.max(directoriesPerTask, taskDirectories) : directoriesPerTask;
  return Math.floor(Math.max(directories / perTask, workMs / (usualDirectoryMs * taskDirectories)));
}
