import { hash } from 'node:crypto';
import type { Notice } from '../../shared/changes/change.ts';
import { packs } from '../../shared/changes/packs.ts';
import type { Watched } from '../../shared/config/watched.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import { scanNotices } from './notices.ts';
import { type Reassembled, type ReassemblerServices, type Reassembly, reassemble } from './reassemble.ts';
import { tell } from './tell.ts';
import type { WorkflowInput } from './workflow.ts';

export interface EndServices extends ReassemblerServices {
  readonly notify: (notices: readonly Notice[]) => Promise<void>;
  readonly ended: (watched: Watched, outcome: Reassembled) => void;
}

export interface EndScanServices extends EndServices {
  /** Starts it unless one of this name is at work or has done its work. */
  readonly startWorkflow: (name: string, input: WorkflowInput) => Promise<void>;
}

export interface EndingScan {
  readonly scan: number;
  /** Scopes of tasks that were given up. */
  readonly unfinished: readonly TaskScope[];
  /** Whoever came upon its end before should have ended it, and may have run out of time: few listings can show much gone. */
  readonly again: boolean;
}

/**
 * Ends a scan that has no tasks left: a small one here and now, a large one by its workflow. Doing it again does no
 * harm; a scan with tasks left, or closed, is left alone.
 */
export async function endScan(
  watched: Watched,
  { scan, unfinished, again }: EndingScan,
  services: EndScanServices,
  now: number,
): Promise<void> {
  const { watch, server, key } = watched;
  const record = await services.state.scan(key, scan);
  if (record === undefined || record.closed || record.tasksLeft > 0) return;
  if (!again && record.counts.directories <= watch.scan.workflowFrom) {
    await endHere(watched, { watch, server, scan, unfinished }, services, now);
    return;
  }
  const input: WorkflowInput = {
    tenant: watch.tenant,
    watch: watch.name,
    scan,
    unfinished: fitting(unfinished.flatMap(({ subtrees }) => subtrees)),
    changes: 0,
    total: null,
    done: false,
  };
  await services.startWorkflow(workflowName(watch.name, key, record.epoch, scan), input);
}

/** Reassembles and tells everybody. */
export async function endHere(
  watched: Watched,
  reassembly: Reassembly,
  services: EndServices,
  now: number,
): Promise<void> {
  const outcome = await reassemble(reassembly, services, now);
  if (outcome === undefined) return;
  tell(watched.watch, outcome, services.log);
  services.ended(watched, outcome);
  await services.notify(scanNotices(reassembly, outcome, Date.now()));
}

/**
 * An execution's input has at most 256 KB, a path may take 24, and one with bytes that are not UTF-8 cannot be told to
 * Step Functions; that they come first in the next scan is a kindness.
 */
function fitting(paths: readonly string[]): string[] {
  const tellable = [...new Set(paths)].filter((path) => path.isWellFormed());
  const [first = []] = packs(tellable, { count: 1_000, bytes: 128 * 1_024 }, (path) =>
    Buffer.byteLength(JSON.stringify(path)),
  );
  return [...first];
}

/** At most 80 characters of those that Step Functions takes; the hash tells apart what shortening makes alike. */
function workflowName(watch: string, key: string, epoch: number, scan: number): string {
  const readable = watch.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 32);
  return `${readable}-${hash('sha256', key, 'hex').slice(0, 8)}-${epoch}-${scan}`;
}
