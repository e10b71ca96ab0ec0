import type { Notice } from '../../shared/changes/change.ts';
import { whyIncomplete } from './incomplete.ts';
import type { Reassembled, Reassembly } from './reassemble.ts';

/** What everybody who listens for notices is told of the end of a scan. */
export function scanNotices(reassembly: Reassembly, outcome: Reassembled, now: number): readonly Notice[] {
  const { watch } = reassembly;
  const { summary, hold } = outcome;
  const base = {
    version: 1 as const,
    tenant: watch.tenant,
    server: watch.server,
    watch: watch.name,
    scan: summary.scan,
    at: new Date(now).toISOString(),
  };
  const complete = summary.status === 'complete';
  const notices: Notice[] = [
    {
      ...base,
      type: complete ? 'Scan Completed' : 'Scan Incomplete',
      message: complete ? 'scan completed' : whyIncomplete(watch, summary).message,
      detail: {
        ...summary.counts,
        treeDigest: summary.treeDigest,
        durationMs: summary.endedAt - summary.startedAt,
      },
    },
  ];
  const { failure } = summary;
  if (failure?.error === 'RemoteUnavailable') {
    notices.push({ ...base, type: 'Server Unreachable', message: failure.message, detail: {} });
  } else if (failure?.error === 'RemoteAuth') {
    notices.push({ ...base, type: 'Login Refused', message: failure.message, detail: {} });
  }
  if (hold !== null && outcome.newlyHeld) {
    const message = `${hold.count} deletions (${hold.percent} % of the tree) are held: approve or reject them`;
    const detail = { digest: hold.digest, count: hold.count, percent: hold.percent };
    notices.push({ ...base, type: 'Watch Suspended', message, detail });
  }
  if (outcome.released) {
    notices.push({ ...base, type: 'Watch Resumed', message: 'no deletions are held any more', detail: {} });
  }
  return notices;
}
