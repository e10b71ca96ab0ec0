import { hash } from 'node:crypto';
import { Cron } from 'croner';
import type { WatchConfig } from './config.ts';

/**
 * When the watch is due next, after `now`. Watches of one interval are spread over it by a stable offset, so that
 * ten thousand of them do not begin in one second (protocol rule 25).
 */
export function nextDue(watch: Pick<WatchConfig, 'tenant' | 'name' | 'schedule'>, now: number): number {
  const { schedule } = watch;
  if ('cron' in schedule) {
    const next = new Cron(schedule.cron, { timezone: schedule.timezone }).nextRun(new Date(now));
    return next === null ? Number.MAX_SAFE_INTEGER : next.getTime();
  }
  const offset =
    Number.parseInt(hash('sha256', `${watch.tenant}/${watch.name}`, 'hex').slice(0, 8), 16) % schedule.every;
  return Math.floor((now - offset) / schedule.every + 1) * schedule.every + offset;
}
