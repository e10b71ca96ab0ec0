import type { StampContext } from '../../shared/changes/stamp.ts';
import type { ServerConfig, WatchConfig } from '../../shared/config/config.ts';
import { nextDue } from '../../shared/config/schedule.ts';
import type { Logger } from '../../shared/log.ts';
import {
  type ClaimedTask,
  type DirectoryCommit,
  type Hold,
  type HoldMembers,
  type Partial,
  type ScanEnd,
  type ScanRecord,
  type ScanSummary,
  type State,
  type WatchRecord,
  watchKey,
} from '../../shared/state/state.ts';
import { digestText } from '../../shared/tree/digest.ts';
import { isBelow } from '../../shared/tree/entry.ts';
import { judge, type MissingEntry, type Verdict } from '../../shared/tree/judge.ts';
import { covers, type TaskScope } from '../../shared/tree/plan.ts';
import { compileSelection } from '../../shared/tree/selection.ts';
import { verdictCommits } from './commits.ts';
import { type HeldChanges, type HeldRules, readHeld } from './held.ts';
import { survey } from './survey.ts';

export interface ReassemblerServices {
  readonly state: State;
  readonly log: Logger;
  readonly committed: () => void;
}

export interface Reassembly {
  readonly watch: WatchConfig;
  readonly server: ServerConfig;
  readonly scan: number;
  /** Scopes of tasks that were given up: they come first in the next scan. */
  readonly unfinished: readonly TaskScope[];
  /** Changes that `judgeHeldChanges` has published before. */
  readonly changes?: number;
  /** Entries that consumers knew of before, as its first call has counted them; null or absent: not counted yet. */
  readonly total?: number | null;
}

export interface Reassembled {
  readonly summary: ScanSummary;
  readonly hold: Hold | null;
  /** The hold was not there after the last scan. */
  readonly newlyHeld: boolean;
  readonly released: boolean;
}

/**
 * Ends a scan whose tasks are all done: judges what is held, rolls the digests up, plans the next scan and closes.
 * Killed in between, it is called again and goes on with what is still held. Undefined when somebody else closed
 * the scan. Throws Fenced when another attempt took over.
 */
export async function reassemble(
  reassembly: Reassembly,
  services: ReassemblerServices,
  now: number,
): Promise<Reassembled | undefined> {
  const judged = await judgeScan(reassembly, services, now);
  if (judged === undefined) return undefined;
  const { claimed, record } = judged;
  const { changes } = await commitVerdict(judged, reassembly, services, new AbortController().signal);
  const end = await scanEnd(reassembly, judged, (reassembly.changes ?? 0) + changes, services.state, now);
  await services.state.closeScan(claimed.fence, end, now);
  const { hold } = end;
  return {
    summary: end.summary,
    hold,
    newlyHeld: hold !== null && hold.digest !== record.hold?.digest,
    released: hold === null && record.hold !== null,
  };
}

/**
 * The part of the end of a large scan that may take long: publishes what its judgement lets go, until all of it is in the
 * log (`done`) or `signal` aborts. Call it again until it is done, then `reassemble`, which finds little left.
 */
export async function judgeHeldChanges(
  reassembly: Reassembly,
  services: ReassemblerServices,
  now: number,
  signal: AbortSignal,
): Promise<{ readonly done: boolean; readonly changes: number; readonly total: number | null }> {
  const judged = await judgeScan(reassembly, services, now);
  if (judged === undefined) return { done: true, changes: 0, total: null };
  return { ...(await commitVerdict(judged, reassembly, services, signal)), total: judged.total };
}

/** A scan's end in the hands of one attempt, judged and nothing of it written yet. */
interface Judged extends Standing {
  readonly claimed: ClaimedTask;
  readonly rules: HeldRules;
  readonly held: HeldChanges;
  readonly total: number;
  readonly verdict: Verdict;
}

async function judgeScan(
  reassembly: Reassembly,
  { state }: ReassemblerServices,
  now: number,
): Promise<Judged | undefined> {
  const { watch, scan } = reassembly;
  const key = watchKey(watch);
  const claimed = await state.claimReassembly(key, scan, now);
  const record = await state.watch(key);
  if (claimed === undefined || record === undefined) return undefined;
  const rules: HeldRules = {
    scan: claimed.scan.scan,
    confirm: watch.deletes.confirm,
    settleMs: watch.settleMs,
    selection: compileSelection(watch.selection),
    now,
  };
  const held = await readHeld(key, state, rules);
  const standing: Standing = { record, members: await state.holdMembers(key) };
  const total = reassembly.total ?? (await knownEntries(record, held, claimed.logged, state));
  return { ...standing, claimed, rules, held, total, verdict: judgeHeld(watch, standing, held, total) };
}

/** How the watch stood before this scan's end. */
interface Standing {
  readonly record: WatchRecord;
  readonly members: HoldMembers;
}

/** Entries that consumers know of, or fewer: what an earlier attempt created must not make room for deletions that it held. */
async function knownEntries(
  record: WatchRecord,
  held: HeldChanges,
  logged: number,
  state: State,
): Promise<number> {
  if (held.missing.length === 0) return 0;
  let total = -logged;
  for await (const directory of state.directories(record.key, '')) total += directory.reported;
  // Of what is missing they know, if of nothing else.
  return Math.max(total, held.missing.filter(({ reported }) => reported !== null).length);
}

function judgeHeld(
  watch: WatchConfig,
  { record, members }: Standing,
  held: HeldChanges,
  total: number,
): Verdict {
  return judge({
    missing: held.missing,
    appeared: held.appeared,
    total,
    moves: watch.moves,
    maxPercent: watch.deletes.maxPercent,
    minCount: watch.deletes.minCount,
    approved: new Set(record.hold?.decision === 'approved' ? members.held : []),
    rejected: new Set(members.rejected),
  });
}

async function commitVerdict(
  { claimed, verdict, held, rules }: Judged,
  { watch }: Reassembly,
  { state, committed }: ReassemblerServices,
  signal: AbortSignal,
): Promise<{ readonly done: boolean; readonly changes: number }> {
  const stamp: StampContext = {
    tenant: watch.tenant,
    server: watch.server,
    watch: watch.name,
    root: watch.root,
    epoch: claimed.scan.epoch,
    scan: claimed.scan.scan,
    phase: 2,
  };
  let changes = 0;
  for (const commits of packed(verdictCommits(held, verdict, rules, stamp), state.commitLimit)) {
    if (signal.aborted) return { done: false, changes };
    await state.commit(claimed.fence, commits);
    const logged = commits.reduce((sum, commit) => sum + commit.changes.length, 0);
    if (logged > 0) committed();
    changes += logged;
  }
  return { done: true, changes };
}

/** Fills commits with whole groups as far as they fit; a group beyond the limit still goes in one. */
function packed(
  groups: readonly (readonly DirectoryCommit[])[],
  limit: number,
): readonly (readonly DirectoryCommit[])[] {
  const packs: DirectoryCommit[][] = [];
  for (const group of groups) {
    const last = packs.at(-1);
    if (last !== undefined && last.length + group.length <= limit) last.push(...group);
    else packs.push([...group]);
  }
  return packs;
}

async function scanEnd(
  reassembly: Reassembly,
  judged: Judged,
  changes: number,
  state: State,
  now: number,
): Promise<ScanEnd> {
  const {
    record,
    held,
    verdict,
    claimed: { scan },
  } = judged;
  const { watch, unfinished } = reassembly;
  const partials = await notGone(scan, held.missing, state);
  const excused = scan.partials.length - partials.length;
  const partialDirectories = scan.counts.partialDirectories - excused;
  const complete = partialDirectories === 0 && scan.failure === null;
  const untouched = scan.counts.changedDirectories === 0 && held.directories.size === 0;
  const last = record.lastScan;
  const tree =
    untouched && complete && last?.status === 'complete' && record.plan !== null
      ? { digest: last.treeDigest, plan: record.plan, dueAt: null }
      : await survey(reassembly, scan.startedAt, state);
  return {
    summary: {
      scan: scan.scan,
      status: complete ? 'complete' : 'incomplete',
      startedAt: scan.startedAt,
      endedAt: now,
      counts: { ...scan.counts, partialDirectories, changes: scan.counts.changes + changes },
      treeDigest: tree.digest,
      partials,
      failure: scan.failure,
    },
    plan: unfinishedFirst(tree.plan, [
      ...unfinished.flatMap((scope) => scope.subtrees),
      ...partials.map((partial) => partial.path),
    ]),
    nextDueAt: Math.min(nextDue(watch, now), Math.max(now, tree.dueAt ?? Number.POSITIVE_INFINITY)),
    hold: holdOf(verdict, judged, scan.scan),
    rejected: verdict.rejected,
  };
}

/** Directories that were asked for in vain and are still thought to be there. */
async function notGone(
  { watch, partials }: ScanRecord,
  missing: readonly MissingEntry[],
  state: State,
): Promise<readonly Partial[]> {
  const left = partials.filter((partial) => !isProvedGone(partial, missing));
  const records = left.map(async ({ reason, path }) =>
    // Without a record: an earlier slice of the judgement has found it gone.
    reason === 'not-found' ? state.directory(watch, path) : null,
  );
  const found = await Promise.all(records);
  return left.filter((_, index) => found[index] !== undefined);
}

/** A directory that answered "not found" and that its parent does not list either is gone, not unfinished. */
function isProvedGone(
  partial: { readonly path: string; readonly reason: string },
  missing: readonly MissingEntry[],
): boolean {
  return (
    partial.reason === 'not-found' &&
    missing.some(
      (entry) =>
        entry.kind === 'directory' &&
        entry.shown &&
        (entry.path === partial.path || isBelow(partial.path, entry.path)),
    )
  );
}

/** What a scan could not finish comes first in the next one (protocol rule 6). */
function unfinishedFirst(plan: readonly TaskScope[], unfinished: readonly string[]): readonly TaskScope[] {
  const isFirst = (scope: TaskScope) => unfinished.some((path) => covers(scope, path));
  return [...plan.filter(isFirst), ...plan.filter((scope) => !isFirst(scope))];
}

/** What waits for an answer after this scan, or for the scan that can act on the answer. */
function holdOf(verdict: Verdict, standing: Standing, scan: number): ScanEnd['hold'] {
  const { record } = standing;
  if (verdict.held.length === 0) return approvedStill(verdict, standing);
  const members = verdict.held.toSorted();
  const digest = digestText(members.join('\n')).slice(0, 12);
  const since = record.hold?.digest === digest ? record.hold.scan : scan;
  const percent = Math.round(verdict.percent);
  return { digest, count: members.length, percent, scan: since, decision: 'pending', members };
}

/** Members that this scan could not look at keep the approval they have. */
function approvedStill(verdict: Verdict, { record: { hold }, members: { held } }: Standing): ScanEnd['hold'] {
  if (hold?.decision !== 'approved') return null;
  const unproved = new Set(verdict.unproved);
  const members = held.filter((member) => unproved.has(member));
  return members.length === 0 ? null : { ...hold, count: members.length, members };
}
