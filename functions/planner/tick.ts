import { slotKey } from '../../shared/config/identity.ts';
import type { Watched } from '../../shared/config/watched.ts';
import { forEachOf } from '../../shared/state/dynamodb/table.ts';
import type { WatchKey } from '../../shared/state/state.ts';
import type { TaskMessage } from '../../shared/tasks/tasks.ts';
import { type LookingAfter, lookAfter } from './look-after.ts';
import { planScan } from './plan-scan.ts';

export interface TickServices extends LookingAfter {
  readonly outputs: readonly string[];
  /** Tells the publisher that changes wait. */
  readonly wake: () => void;
}

export interface Ticked {
  readonly begun: number;
  readonly open: number;
  /** Watches whose scan should have begun, or ended, ten minutes ago, and those that failed just now. */
  readonly overdue: number;
}

/** Watches begun at once; a tick goes on while it has time (protocol rule 25). */
const perRound = 50;
const mostOpen = 1_000;
const lateMs = 600_000;
const tickMs = 60_000;

/**
 * One look at what is due and at what is open, and at nothing else: idle watches cost nothing. A watch that fails is
 * told of and counted, and keeps no other from its scan.
 */
export async function tick(services: TickServices, now: number, signal: AbortSignal): Promise<Ticked> {
  const { state } = services;
  const open = await state.openScans(mostOpen);
  let overdue = 0;
  await forEachOf(open, async (key) => {
    if (signal.aborted) return;
    if (await isLate(key, services, () => lookAfter(key, services, now))) overdue += 1;
  });
  const looked = new Set<WatchKey>();
  for (let limit = perRound, more = true; more && !signal.aborted; ) {
    const due = await state.due(now, limit);
    const fresh = due.filter((key) => !looked.has(key));
    more = due.length === limit || fresh.length > perRound;
    // The index follows late: what it still shows of earlier rounds must not hide what stands behind.
    limit = perRound + due.length - fresh.length;
    const round = fresh.slice(0, perRound);
    for (const key of round) looked.add(key);
    await forEachOf(round, async (key) => {
      const watched = services.watched.get(key);
      if (watched === undefined || signal.aborted) return;
      if (await isLate(key, services, () => begin(watched, services, now))) overdue += 1;
    });
  }
  const late = await state.due(now - lateMs, perRound);
  overdue += late.filter((key) => !looked.has(key)).length;
  await wakeForWaiting(services, now);
  return { begun: looked.size, open: open.length, overdue };
}

/** What the look says; and one that failed counts as late. */
async function isLate(key: WatchKey, { log }: TickServices, look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    const [tenant, watch] = key.split('/');
    log.error({ tenant, watch, err: error }, 'the planner could not look after a watch');
    return true;
  }
}

async function begin({ key, watch, server }: Watched, services: TickServices, now: number): Promise<false> {
  const scan = await planScan(watch, services.state, now);
  if (scan === undefined) return false;
  const tasks = await services.state.tasks(key, scan.scan);
  const messages = tasks.map(({ task }): TaskMessage => {
    return { tenant: watch.tenant, watch: watch.name, scan: scan.scan, task };
  });
  await services.tasks.send(slotKey(server), messages);
  return false;
}

/**
 * Changes that wait, because whoever committed them died before it told the publisher, or an output did not take them. The
 * outputs take turns, a tick each: looking costs, and a wake that was lost is missing to all of them.
 */
async function wakeForWaiting({ state, outputs, wake }: TickServices, now: number): Promise<void> {
  const output = outputs[Math.floor(now / tickMs) % outputs.length];
  if (output === undefined) return;
  const { waiting } = await state.unpublished(output, { limit: 1 });
  if (waiting > 0) wake();
}
