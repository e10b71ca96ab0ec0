import type { Change } from '../changes/change.ts';
import type { KnownHosts } from '../remote/remote.ts';
import type { TaskScope } from '../tree/plan.ts';
import type { Probe } from '../tree/probe.ts';
import type { SelectionRules } from '../tree/selection.ts';
import type { SnapshotEntry } from '../tree/snapshot.ts';
import type { EncodedEntries } from './entry-codec.ts';

/**
 * The port to what Farwatch remembers. Times are milliseconds since 1970, given by the caller. Every method is
 * atomic: it happens wholly or not at all, and once it has resolved it survives a crash. `watch` is always a
 * `watchKey`, so tenants never meet. Errors: Fenced, StaleSnapshot, StateUnusable, InvalidInput.
 */
export interface State extends Watches, Scans, Snapshots, ChangeLog, Slots, Servers {
  readonly knownHosts: KnownHosts;
  close(): Promise<void>;
}

export type WatchKey = `${string}/${string}`;

export function watchKey(watch: { readonly tenant: string; readonly name: string }): WatchKey {
  return `${watch.tenant}/${watch.name}`;
}

// ---------------------------------------------------------------------------------------------- watches

export interface Watches {
  /**
   * Makes the watch known, or brings its record up to date. A first enrolment or another `identity` starts a new
   * epoch: its snapshots are gone, the root gets a stub of kind `initial`, and an open scan is ended. Epoch numbers
   * are seconds since 1970 and only grow, so that sequences grow even when the state is lost and begun again.
   * `was`: the former key, whose record moves over if this watch is not known yet.
   */
  enroll(watch: Enrolment, now: number): Promise<WatchRecord>;
  watch(watch: WatchKey): Promise<WatchRecord | undefined>;
  watches(): Promise<readonly WatchRecord[]>;
  /** Keys of enrolled, unpaused watches without an open scan and with `nextDueAt` reached, earliest first. */
  due(now: number, limit: number): Promise<readonly WatchKey[]>;
  setNextDue(watch: WatchKey, nextDueAt: number): Promise<void>;
  setPaused(watch: WatchKey, paused: boolean): Promise<void>;
  /** The answer to held deletions; InvalidInput if `digest` is not the set that is held now. */
  decideHold(watch: WatchKey, digest: string, decision: 'approved' | 'rejected'): Promise<void>;
  /** The members of a hold, as paths relative to the root, in the order they were stored. */
  holdMembers(watch: WatchKey): Promise<HoldMembers>;
  /** Stops scheduling watches of other keys than these. Their records and epochs stay. */
  retire(except: readonly WatchKey[]): Promise<void>;
}

export interface Enrolment {
  readonly key: WatchKey;
  readonly was: WatchKey | null;
  readonly server: string;
  readonly root: string;
  /** What makes an epoch: protocol family, host, port, user and root. */
  readonly identity: string;
  readonly initial: 'baseline' | 'emit';
}

export interface WatchRecord extends Enrolment {
  /** False once no configuration names it; its record and epoch stay. */
  readonly active: boolean;
  readonly epoch: number;
  /** Number of the last scan begun, over all epochs; 0 before the first. */
  readonly scan: number;
  readonly openScan: number | null;
  readonly nextDueAt: number;
  readonly paused: boolean;
  readonly lastScan: ScanSummary | null;
  readonly lastCompleteAt: number | null;
  /** When the last ended scan began, complete or not; creations older than this may be move targets. */
  readonly lastStartedAt: number | null;
  readonly hold: Hold | null;
  readonly plan: readonly TaskScope[] | null;
}

/** Deletions past `deletes.maxPercent`, waiting for `approve` or `reject`. */
export interface Hold {
  readonly digest: string;
  readonly count: number;
  readonly percent: number;
  readonly scan: number;
  readonly decision: 'pending' | 'approved';
}

export interface HoldMembers {
  readonly held: readonly string[];
  /** Members of rejected sets that are still absent: nothing more is said about them. */
  readonly rejected: readonly string[];
}

// ------------------------------------------------------------------------------------------------ scans

export interface Scans {
  /**
   * Begins scan `after + 1` with these tasks, unless a scan is open or another one has begun since: then undefined.
   */
  beginScan(scan: NewScan, now: number): Promise<ScanRecord | undefined>;
  scan(watch: WatchKey, scan: number): Promise<ScanRecord | undefined>;
  /** Keys of watches with an open scan, those that were due first before the others. */
  openScans(limit: number): Promise<readonly WatchKey[]>;
  /** Tasks that are not done, in order. */
  tasks(watch: WatchKey, scan: number): Promise<readonly TaskRecord[]>;
  /**
   * Makes this attempt the only one that may write: `attempt` grows by one, whoever held it before is fenced off.
   * Undefined when the scan is closed or the task done: the messages that it would send are sent again instead.
   */
  claimTask(watch: WatchKey, scan: number, task: string, now: number): Promise<ClaimedTask | undefined>;
  /**
   * Completes a task and, in the same transaction, creates its children and renews the scan's deadline. `left` is
   * the number of tasks still to be done; 0 means that the scan can be reassembled.
   */
  completeTask(fence: Fence, result: TaskResult, now: number): Promise<CompletedTask>;
  /** Gives a claimed task back unfinished, for another attempt. */
  releaseTask(fence: Fence, now: number): Promise<void>;
  /**
   * Ends every task that is not done (they count as partial) so that the scan can be reassembled. Returns their
   * scopes: the unfinished subtrees.
   */
  abandonTasks(watch: WatchKey, scan: number): Promise<readonly TaskScope[]>;
  /** The reassembly is a task too, `reassembly`, claimable when no other task is left. */
  claimReassembly(watch: WatchKey, scan: number, now: number): Promise<ClaimedTask | undefined>;
  /**
   * Closes the scan: it accepts no more writes, and `changes --since` shows it. An answer (`decideHold`) given to the
   * very set that `end` holds, while the end was judged without it, stands, and so does the order to scan at once
   * (`setNextDue` to 0) that came since the scan began.
   */
  closeScan(fence: Fence, end: ScanEnd, now: number): Promise<void>;
}

export interface NewScan {
  readonly watch: WatchKey;
  readonly after: number;
  /** `selectionDigest` of the rules the whole scan is made under. */
  readonly scope: string;
  readonly rules: SelectionRules;
  readonly tasks: readonly TaskScope[];
  readonly deadlineMs: number;
}

export interface ScanRecord {
  readonly watch: WatchKey;
  readonly epoch: number;
  readonly scan: number;
  readonly scope: string;
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly tasksLeft: number;
  readonly closed: boolean;
  readonly counts: ScanCounts;
  /** The first hundred partial listings. */
  readonly partials: readonly Partial[];
  readonly failure: ScanFailure | null;
}

export interface Partial {
  readonly path: string;
  readonly reason: string;
  readonly detail: string;
}

export interface ScanCounts {
  readonly directories: number;
  readonly files: number;
  /** One more for each task that was begun again: its earlier attempts may have changed some. */
  readonly changedDirectories: number;
  readonly partialDirectories: number;
  /** Changes logged. Counted by attempts that lived to their end: after a crash it may be too low. */
  readonly changes: number;
}

export const noCounts: ScanCounts = {
  directories: 0,
  files: 0,
  changedDirectories: 0,
  partialDirectories: 0,
  changes: 0,
};

/** Why a task could not do its work: the server or the configuration, not a single directory. */
export interface ScanFailure {
  readonly error: string;
  readonly message: string;
  readonly advice: string | null;
}

export interface TaskRecord {
  readonly task: string;
  readonly scope: TaskScope;
  readonly status: 'waiting' | 'running';
  readonly attempt: number;
}

/** Names the one attempt that may write. Every write checks it and throws Fenced (protocol rule 1). */
export interface Fence {
  readonly watch: WatchKey;
  readonly scan: number;
  readonly task: string;
  readonly attempt: number;
}

export interface ClaimedTask {
  readonly fence: Fence;
  readonly scope: TaskScope;
  readonly scan: ScanRecord;
  /** How many changes earlier attempts of this task have logged. */
  readonly logged: number;
}

export interface CompletedTask {
  readonly left: number;
  /** The tasks that its children became, in their order. */
  readonly children: readonly string[];
}

export interface TaskResult {
  readonly counts: ScanCounts;
  readonly partials: readonly Partial[];
  readonly failure: ScanFailure | null;
  /** At most 90 (protocol rule 3). */
  readonly children: readonly TaskScope[];
}

export interface ScanEnd {
  readonly summary: ScanSummary;
  readonly plan: readonly TaskScope[] | null;
  readonly nextDueAt: number;
  readonly hold: (Hold & { readonly members: readonly string[] }) | null;
  readonly rejected: readonly string[];
}

export interface ScanSummary {
  readonly scan: number;
  readonly status: 'complete' | 'incomplete';
  readonly startedAt: number;
  readonly endedAt: number;
  readonly counts: ScanCounts;
  readonly treeDigest: string;
  readonly partials: readonly Partial[];
  readonly failure: ScanFailure | null;
}

// -------------------------------------------------------------------------------------------- snapshots

/**
 * What is kept of one directory apart from its entries. `generation` grows by one with every commit. A `stub` marks
 * a directory found and never listed: it says whether its entries are silent (`baseline`) or created (`new`).
 */
export interface DirectoryRecord {
  readonly path: string;
  readonly generation: number;
  /** 32 hex digits, of the last complete listing; null after a partial one and for stubs: never equal to anything. */
  readonly digest: string | null;
  /**
   * `selectionDigest` that the entries were selected under. A partial listing under newer rules may leave it, with all
   * entries, and add what only those admit: such files are known to consumers, such directories are not yet.
   */
  readonly scope: string;
  /** `profileName` of the last complete listing. */
  readonly profile: string;
  readonly stub: 'baseline' | 'new' | null;
  /** When the directory counts as changed even with an equal digest (protocol rule 9); null: not by itself. */
  readonly dueAt: number | null;
  /** Whether entries wait for the end of the scan: missing ones, or creations that may be move targets. */
  readonly held: boolean;
  /** The scan whose complete listing last showed the missing entries missing. */
  readonly provedBy: number;
  /** The scan whose listing last led to a change; 0: none has since it is known. */
  readonly changedBy: number;
  /** Entries that consumers know of. */
  readonly reported: number;
  /** Entries in the last listing, as a measure of the cost of the next one. */
  readonly listed: number;
  /** Whether the last complete listing showed no directory in it; false where that is not known. */
  readonly leaf: boolean;
  /** Of a complete listing with this digest; null: none is known. A home may leave out those of SFTP. */
  readonly probe: Probe | null;
}

export interface ChunkHead {
  readonly chunk: string;
  /** Of the entries as listed; null while any of them is pending, so that the chunk is read at every look. */
  readonly digest: string | null;
}

/** `entries` may be decoded anew each time that they are asked for; StateUnusable where they are damaged. */
export interface Chunk extends ChunkHead {
  readonly entries: readonly SnapshotEntry[];
}

export interface NewChunk extends Pick<ChunkHead, 'digest'> {
  readonly entries: readonly SnapshotEntry[] | EncodedEntries;
}

/** One directory's part of a commit. `expected` is the generation that was read before the directory was listed. */
export interface DirectoryCommit {
  readonly path: string;
  readonly expected: number;
  /** Null forgets the directory. */
  readonly record: Omit<DirectoryRecord, 'path' | 'generation'> | null;
  readonly dropChunks: readonly string[];
  readonly putChunks: readonly NewChunk[];
  /** Directories found for the first time; one that has a record already keeps it. */
  readonly stubs: readonly {
    readonly path: string;
    readonly stub: 'baseline' | 'new';
  }[];
  /** Subtrees that left the scope: their records and entries go, without a word. */
  readonly forget: readonly string[];
  readonly changes: readonly Change[];
}

/** Somebody who will ask for most records at or below these paths; one and the same object in all questions. */
export interface SubtreeReader {
  readonly subtrees: readonly string[];
}

export interface Snapshots {
  /**
   * For a `reader` the store may read ahead, where that is cheaper: the record is then as it was at some moment since
   * the reader's first question, and as it is now if asked for again.
   */
  directory(watch: WatchKey, path: string, reader?: SubtreeReader): Promise<DirectoryRecord | undefined>;
  /** Every record at or below `path`, parents first, siblings in the order of their names' bytes. */
  directories(watch: WatchKey, path: string): AsyncIterable<DirectoryRecord>;
  /** Records whose `held` is set, in the same order. */
  heldDirectories(watch: WatchKey): AsyncIterable<DirectoryRecord>;
  chunkHeads(watch: WatchKey, path: string): Promise<readonly ChunkHead[]>;
  /** Throws StaleSnapshot if one is gone: the directory was committed in between. */
  chunks(watch: WatchKey, path: string, chunks: readonly string[]): Promise<readonly Chunk[]>;
  /** The rules that a scope stands for. */
  scopeRules(scope: string): Promise<SelectionRules | undefined>;
  /** How many directories one commit may hold. */
  readonly commitLimit: number;
  /**
   * Commits directories, stubs and change log together. Throws Fenced if the task's row does not name this attempt,
   * StaleSnapshot (naming all of them) if a generation is not the expected one; then nothing is written. Parents
   * come before children when a stub and its directory's first listing share a commit.
   */
  commit(fence: Fence, directories: readonly DirectoryCommit[]): Promise<void>;
}

// ------------------------------------------------------------------------------------------- change log

export interface ChangeLog {
  /**
   * The changes of closed scans after `cursor` (null: from the oldest kept), in log order: scan, phase, task,
   * position (protocol rule 15). A cursor below the floor of retention, or of a scan that this state never began
   * (it was lost, or another file restored), gives `resync`, and the page begins at the floor.
   */
  changes(watch: WatchKey, cursor: string | null, limit: number): Promise<ChangePage>;
  /**
   * The cursor just behind the change of this id, or undefined. In an open scan: the cursor before that scan, for
   * what is still to be committed may come before the change.
   */
  cursorOf(watch: WatchKey, id: string): Promise<string | undefined>;
  /**
   * Committed changes that this output has not had, oldest first, open scans included. InvalidInput for an output
   * that is not registered.
   */
  unpublished(output: string, query: UnpublishedQuery): Promise<Unpublished>;
  /** Moves the output's position; `position` is what `unpublished` returned. */
  advance(output: string, position: string): Promise<void>;
  /**
   * Says which outputs there are. A new one starts with what is committed from now on; the position of one that is
   * gone is forgotten, so that it does not keep the log for ever.
   */
  registerOutputs(outputs: readonly string[]): Promise<void>;
  /**
   * Drops changes of closed scans, detected before `before`, that every output has; the floor moves with them.
   * Returns how many.
   */
  trim(before: number): Promise<number>;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where to go on; the given one when nothing is new. Null only in an empty log. */
  readonly cursor: string | null;
  /** The cursor is older than what is kept: take a snapshot, then go on from `cursor`. */
  readonly resync: boolean;
}

export interface UnpublishedQuery {
  readonly limit: number;
  /** Only of these watches; all where absent. */
  readonly watches?: readonly WatchKey[];
}

export interface Unpublished {
  readonly changes: readonly Change[];
  /** Null when nothing is waiting. May be there without changes: others' changes were skipped. */
  readonly position: string | null;
  /** Changes waiting, these included; of all watches. */
  readonly waiting: number;
}

// ------------------------------------------------------------------------------------ slots and servers

export interface Slots {
  /**
   * Leases one of the `connections` sessions permitted on a server (`slotKey`: host, port and user), or says when
   * to ask again. A lease that runs out without `releaseSlot` rests for `idleTimeoutMs`: its session may live on.
   */
  acquireSlot(request: SlotRequest, now: number): Promise<SlotLease | { readonly retryAt: number }>;
  /** Throws Fenced if the lease is not held any more. */
  renewSlot(lease: SlotLease, until: number): Promise<void>;
  /** `restUntil`: when the session is surely gone; the time of the call if the server saw its end. */
  releaseSlot(lease: SlotLease, restUntil: number): Promise<void>;
  /**
   * For a home that knows that every earlier holder whose name begins with `machine` is dead: the kernel has closed
   * their connections, so their slots rest for moments and not for the server's idle time-out.
   */
  takeOverSlots(machine: string, now: number): Promise<void>;
}

export interface SlotRequest {
  readonly server: string;
  readonly connections: number;
  readonly holder: string;
  readonly leaseMs: number;
  readonly idleTimeoutMs: number;
}

export interface SlotLease {
  readonly server: string;
  readonly slot: number;
  /** The request's, made unique: a lease that was lost stays lost, even if its holder leases the same slot again. */
  readonly holder: string;
  readonly until: number;
}

export interface Servers {
  /** What is remembered of a server's failures, and of what it does not bear; a login is not tried before `retryAt`. */
  server(server: string): Promise<ServerRecord | undefined>;
  setServer(server: string, record: ServerRecord | null): Promise<void>;
}

export interface ServerRecord {
  /** Consecutive failures of this kind; 0 where logins work. */
  readonly failures: number;
  readonly retryAt: number;
  readonly error: string;
  readonly message: string;
  /** Hash of the credentials that failed: others may be tried at once. */
  readonly credentials: string;
  /** It answered probes out of step: not before this moment are they tried again. */
  readonly noProbesUntil?: number;
}
