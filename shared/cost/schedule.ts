import { Cron } from 'croner';
import type { WatchConfig } from '../config/config.ts';
import { hoursPerMonth } from './prices.ts';

const monthMs = hoursPerMonth * 3_600_000;
/** The planner looks no more often. */
const leastMs = 60_000;
/** Enough to know how often a cron comes, whatever its days are. */
const most = { runs: 10_000, ms: 366 * 86_400_000 };

/** How often a watch is scanned in a month, on average. */
export function scansPerMonth(schedule: WatchConfig['schedule'], now: number): number {
  if ('every' in schedule) return monthMs / Math.max(leastMs, schedule.every);
  const cron = new Cron(schedule.cron, { timezone: schedule.timezone });
  let runs = 0;
  let last = now;
  for (let next = cron.nextRun(new Date(now)); next !== null; next = cron.nextRun(next)) {
    if (next.getTime() - now > most.ms) return (runs * monthMs) / most.ms;
    last = next.getTime();
    runs += 1;
    if (runs === most.runs) break;
  }
  return runs === 0 ? 0 : (runs * monthMs) / Math.max(leastMs, last - now);
}
