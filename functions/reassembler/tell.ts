import type { WatchConfig } from '../../shared/config/config.ts';
import type { Logger } from '../../shared/log.ts';
import type { ScanSummary } from '../../shared/state/state.ts';
import { whyIncomplete } from './incomplete.ts';
import type { Reassembled } from './reassemble.ts';

/** Writes the end of a scan to the log: what it found, why it is incomplete, what is held and what to do. */
export function tell(watch: WatchConfig, { summary, hold, newlyHeld }: Reassembled, to: Logger): void {
  const { tenant, name, server } = watch;
  const log = to.child({ tenant, watch: name, server, scan: summary.scan });
  if (summary.status === 'complete') log.info({ ...countsOf(summary) }, 'scan completed');
  else {
    const { failure, partials } = summary;
    const { message, advice } = whyIncomplete(watch, summary);
    const reasons = failure ? { error: failure.error } : { partials: partials.slice(0, 5) };
    log.error({ ...countsOf(summary), ...reasons, advice }, `scan incomplete: ${message}`);
  }
  if (hold !== null && newlyHeld) {
    log.error(
      {
        count: hold.count,
        percent: hold.percent,
        advice: `farwatch approve ${watch.name}, or farwatch reject ${watch.name}`,
      },
      'deletions are held: too many at once',
    );
  }
}

function countsOf(summary: ScanSummary) {
  return { ...summary.counts, durationMs: summary.endedAt - summary.startedAt };
}
