import { slotKey } from '../../shared/config/identity.ts';
import type { Watched } from '../../shared/config/watched.ts';
import type { Logger } from '../../shared/log.ts';
import type { ScanRecord, State, WatchKey } from '../../shared/state/state.ts';
import type { TaskMessage, Tasks } from '../../shared/tasks/tasks.ts';
import { scanTask } from './scan.ts';
import type { Sessions } from './sessions.ts';

export interface WorkServices {
  readonly watched: ReadonlyMap<WatchKey, Watched>;
  readonly state: State;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly clock: () => number;
  readonly committed: () => void;
  /** Sessions of this invocation; `openTasks` as it stands whenever it is asked. */
  readonly sessions: (openTasks: () => number) => Sessions & { close(): Promise<void> };
  /** Ends a scan that has no tasks left; `again`: this task was done before, and yet it is open. */
  readonly end: (watched: Watched, scan: number, again: boolean) => Promise<void>;
}

/** As many deliveries as the queue makes of one message before it goes to the dead letters. */
const mostAttempts = 5;
const lookMs = 5_000;

/**
 * Works on the task that a message names, and sends what follows from it. Of a task that is done already it sends only
 * that again (protocol rule 3): whoever did it may have died before.
 */
export async function workTask(
  message: TaskMessage,
  services: WorkServices,
  signal: AbortSignal,
): Promise<void> {
  const { state, tasks, clock, end } = services;
  const watched = services.watched.get(`${message.tenant}/${message.watch}`);
  const open = watched && (await state.scan(watched.key, message.scan));
  // The planner ends scans of watches that the configuration does not name any more.
  if (watched === undefined || open === undefined || open.closed) return;
  const { watch, server } = watched;
  const done = await withSessions(watched, open, services, (sessions) =>
    scanTask(
      { watch, server, scan: message.scan, task: message.task, mostAttempts },
      {
        state,
        sessions,
        log: services.log.child({ tenant: watch.tenant, watch: watch.name, scan: message.scan }),
        committed: services.committed,
        advanced: () => undefined,
      },
      clock,
      signal,
    ),
  );
  const left = done?.left ?? (await state.scan(watched.key, message.scan))?.tasksLeft ?? 0;
  const children = done?.children ?? (await waiting(state, watched.key, message.scan));
  await tasks.send(
    slotKey(server),
    children.map((task) => ({ ...message, task })),
  );
  if (left === 0) await end(watched, message.scan, done === undefined);
}

async function withSessions<T>(
  { key }: Watched,
  scan: ScanRecord,
  { state, sessions }: WorkServices,
  work: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  let openTasks = scan.tasksLeft;
  const look = setInterval(() => {
    state.scan(key, scan.scan).then(
      (now) => {
        openTasks = now?.tasksLeft ?? openTasks;
      },
      () => undefined, // the work itself meets the same error
    );
  }, lookMs).unref();
  const opened = sessions(() => openTasks);
  try {
    return await work(opened);
  } finally {
    clearInterval(look);
    await opened.close();
  }
}

async function waiting(state: State, key: WatchKey, scan: number): Promise<readonly string[]> {
  const open = await state.tasks(key, scan);
  return open.filter(({ status }) => status === 'waiting').map(({ task }) => task);
}
