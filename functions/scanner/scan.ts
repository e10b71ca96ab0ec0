import { absolutePath } from '../../shared/changes/stamp.ts';
import type { ServerConfig, WatchConfig } from '../../shared/config/config.ts';
import { Failure, RemoteProtocol, RemoteUnavailable, StaleSnapshot } from '../../shared/failure.ts';
import type { Logger } from '../../shared/log.ts';
import type { ListRequest, Session } from '../../shared/remote/remote.ts';
import {
  type ClaimedTask,
  type CompletedTask,
  type DirectoryCommit,
  type DirectoryRecord,
  type ScanFailure,
  type State,
  type TaskResult,
  watchKey,
} from '../../shared/state/state.ts';
import { digestListing } from '../../shared/tree/digest.ts';
import { type EntryList, ofKinds } from '../../shared/tree/entries.ts';
import { type Entry, isBelow, joinPath, parentPath } from '../../shared/tree/entry.ts';
import type { Listing, PartialListing, Unchanged } from '../../shared/tree/listing.ts';
import {
  comparePaths,
  slowDirectoryMs,
  splitFrontier,
  type TaskScope,
  usualDirectoryMs,
} from '../../shared/tree/plan.ts';
import { compileSelection, type Selection, selectionDigest } from '../../shared/tree/selection.ts';
import { Batch } from './batch.ts';
import { type ComparisonContext, compare, tracks } from './compare.ts';
import { Frontier } from './frontier.ts';
import { Pace } from './pace.ts';
import type { Sessions } from './sessions.ts';
import { Tally } from './tally.ts';
import { descendsEverywhere, isUnchanged, knownOf, trackedFiles, tracksAll, withProbe } from './unchanged.ts';

export interface ScannerServices {
  readonly state: State;
  readonly sessions: Sessions;
  readonly log: Logger;
  /** Called after every commit that logged changes, so that publishers need not wait. */
  readonly committed: () => void;
  readonly advanced: (directories: number, files: number) => void;
}

export interface ScanTask {
  readonly watch: WatchConfig;
  readonly server: ServerConfig;
  readonly scan: number;
  readonly task: string;
  /** A task that so many attempts did not complete is given up: it counts as partial. */
  readonly mostAttempts?: number;
}

/** A session may be lost so often in one task before the rest of it counts as partial. */
const sessionsPerTask = 3;
const retryDelayMs = 500;

/**
 * Scans one task: lists its directories, commits what changed, hands on what is left when the budget is spent, idle
 * slots could help or `signal` aborts. Returns how many tasks the scan still has (0: reassemble it) and the new ones, or
 * undefined where the task is done or over already. Throws Fenced when another attempt took the task.
 */
export async function scanTask(
  task: ScanTask,
  services: ScannerServices,
  clock: () => number,
  signal: AbortSignal,
): Promise<CompletedTask | undefined> {
  const claimed = await services.state.claimTask(watchKey(task.watch), task.scan, task.task, clock());
  if (claimed === undefined) return undefined;
  const result = await new TaskRun(task, claimed, services, clock, signal).run();
  return services.state.completeTask(claimed.fence, result, clock());
}

interface Asked extends ListRequest {
  readonly directory: string;
  readonly record: DirectoryRecord;
}

class TaskRun {
  readonly #task: ScanTask;
  readonly #claimed: ClaimedTask;
  readonly #services: ScannerServices;
  readonly #clock: () => number;
  readonly #signal: AbortSignal;
  readonly #selection: Selection;
  readonly #tracksAll: boolean;
  readonly #descendsEverywhere: boolean;
  readonly #frontier: Frontier<Asked>;
  readonly #batch: Batch;
  readonly #except: ReadonlySet<string>;
  /** Directories with any of those below them. */
  readonly #cut: ReadonlySet<string>;
  readonly #startedAt: number;
  /** Of the first answer: logging in says nothing about directories. */
  #listingSince: number | undefined;
  #session: Session | undefined;
  readonly #relisted = new Set<string>();
  readonly #tally: Tally;
  /** Commits in the batch that store a probe and nothing else: nothing has changed there. */
  #probes = 0;
  #context: ComparisonContext | undefined;
  #pace: Pace | undefined;
  /** Directories that the pace left alone. */
  #rested = 0;

  constructor(
    task: ScanTask,
    claimed: ClaimedTask,
    services: ScannerServices,
    clock: () => number,
    signal: AbortSignal,
  ) {
    this.#task = task;
    this.#claimed = claimed;
    this.#services = services;
    this.#clock = clock;
    this.#signal = signal;
    this.#selection = compileSelection(task.watch.selection);
    this.#tracksAll = tracksAll(task.watch.selection);
    this.#descendsEverywhere = descendsEverywhere(task.watch.selection);
    this.#frontier = new Frontier(claimed.scope.subtrees, task.watch.scan.inFlight);
    this.#batch = new Batch(services.state, claimed.fence, claimed.scope.subtrees);
    this.#except = new Set(claimed.scope.except);
    this.#cut = new Set(claimed.scope.except.flatMap(ancestors));
    this.#startedAt = clock();
    this.#tally = new Tally(claimed.fence.attempt);
  }

  async run(): Promise<TaskResult> {
    const { mostAttempts = Number.POSITIVE_INFINITY } = this.#task;
    const attempts = this.#claimed.fence.attempt - 1;
    if (attempts >= mostAttempts) {
      return this.#giveUp({
        error: 'TaskGivenUp',
        message: `a part of the tree was begun ${attempts} times and never finished`,
        advice: 'Look for what ended the attempts in the log of the scanner: memory, time-out, an error.',
      });
    }
    if (selectionDigest(this.#task.watch.selection) !== this.#claimed.scan.scope) {
      return this.#giveUp({
        error: 'InvalidInput',
        message: 'the configuration changed in mid-scan',
        advice: null,
      });
    }
    this.#context = await this.#comparisonContext();
    let failure: ScanFailure | null = null;
    try {
      // A flush may find directories to list again, after the last answer.
      do {
        await this.#listAll();
        await this.#flush();
      } while (this.#frontier.isOpen);
    } catch (error) {
      // When the time is up, a session may fail as it likes; but what the state did not take must not pass for done.
      if (!this.#signal.aborted || isOfState(error)) failure = failureOf(error);
      await this.#flush();
    }
    if (this.#rested > 0) this.#services.log.debug({ directories: this.#rested }, 'cold, not looked at');
    if (failure !== null) return this.#giveUp(failure);
    return this.#tally.result(this.#children());
  }

  async #comparisonContext(): Promise<ComparisonContext> {
    const { watch } = this.#task;
    const { state } = this.#services;
    const key = watchKey(watch);
    const record = await state.watch(key);
    this.#pace = Pace.of(watch, this.#claimed.scan, record);
    return {
      key,
      watch,
      selection: this.#selection,
      scope: this.#claimed.scan.scope,
      stamp: {
        tenant: watch.tenant,
        server: watch.server,
        watch: watch.name,
        root: watch.root,
        epoch: this.#claimed.scan.epoch,
        scan: this.#claimed.scan.scan,
        phase: 1,
      },
      heldBefore: watch.moves ? (record?.lastStartedAt ?? 0) : 0,
      state,
    };
  }

  /** Over as many sessions, one after another, as it takes; rethrows what ends the task. */
  async #listAll(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const leased = await this.#services.sessions.open(this.#task.server, this.#signal);
      this.#session = leased.session;
      let failed: Error | null = null;
      try {
        const requests = this.#frontier.requests((path) => this.#prepare(path));
        for await (const answer of leased.session.list(requests, this.#signal)) {
          const asked = this.#frontier.answered(answer.path);
          if (asked === undefined) continue;
          if (answer.status === 'unchanged') this.#passOver(answer, asked.directory);
          else await this.#take(answer, asked);
          await this.#goOn();
        }
        return;
      } catch (error) {
        failed = error instanceof Error ? error : new Error(String(error));
        this.#frontier.requeue((asked) => asked.directory);
        const worthAnother = error instanceof RemoteUnavailable || error instanceof RemoteProtocol;
        if (!worthAnother || attempt >= sessionsPerTask || this.#signal.aborted) throw error;
        this.#services.log.warn({ error: failed.message, attempt }, 'session lost, trying again');
      } finally {
        await leased.release(failed);
      }
      await delay(retryDelayMs * 4 ** (attempt - 1), this.#signal);
    }
  }

  async #prepare(directory: string): Promise<Asked | undefined> {
    // The plan may be older than the rules.
    if (!this.#selection.descends(directory)) return undefined;
    if (this.#batch.has(directory)) await this.#flush();
    const record = await this.#batch.record(directory);
    if (record === undefined) return undefined; // gone from the snapshot since the plan was made: its parent decides
    if (this.#pace?.rests(record, this.#clock()) === true) {
      this.#rested += 1;
      this.#passed(record.reported);
      return undefined;
    }
    const path = absolutePath(this.#task.watch.root, directory);
    const known = knownOf(record, this.#claimed.scan.scope, this.#clock());
    if (known === undefined) return { path, directory, record };
    return { path, known, wholeSubtree: this.#isWhole(record), directory, record };
  }

  /** Whether this task asks for every directory below, and there are any. */
  #isWhole({ path, leaf }: DirectoryRecord): boolean {
    return !leaf && this.#pace === undefined && this.#descendsEverywhere && !this.#cut.has(path);
  }

  /** Nothing of it is read, compared or written; the way leads on through its directories. */
  #passOver(answer: Unchanged, directory: string): void {
    this.#passed(trackedFiles(answer, directory, this.#selection, this.#tracksAll));
    if (!this.#relisted.has(directory)) {
      this.#descendTo(this.#pathsIn(directory, answer.directories));
    }
  }

  async #take(listing: Listing, { directory, record }: Asked): Promise<void> {
    if (this.#context === undefined) return;
    const entries = this.#tracked(listing, directory);
    const listed = digestListing(entries);
    const now = this.#clock();
    let commit: DirectoryCommit | undefined;
    if (isUnchanged(record, listing, listed, this.#claimed.scan.scope, now)) {
      const probed = withProbe(record, listing);
      if (probed !== undefined) {
        this.#probes += 1;
        this.#batch.add(probed, now);
      }
    } else {
      try {
        commit = await compare(record, listing, listed, this.#context, now);
      } catch (error) {
        if (!(error instanceof StaleSnapshot)) throw error;
        this.#frontier.add([directory]); // committed by somebody since it was asked for (protocol rule 2)
        return;
      }
      if (commit !== undefined) this.#batch.add(commit, now);
    }
    const directories = [...ofKinds(entries, 'directory')];
    this.#passed(entries.length - directories.length);
    if (listing.status === 'partial') this.#partial(listing, directory);
    // Listed for the second time, a directory leads only to what is new in it.
    this.#descendTo(
      this.#relisted.has(directory)
        ? (commit?.stubs ?? []).map((stub) => stub.path)
        : this.#pathsIn(directory, directories),
    );
    if (listing.status === 'partial' && listing.reason === 'not-found') this.#askParent(directory);
  }

  #passed(files: number): void {
    this.#tally.passed(files);
    this.#services.advanced(1, files);
  }

  #partial(listing: PartialListing, directory: string): void {
    this.#tally.partial(directory, listing);
    const { reason, detail } = listing;
    const path = absolutePath(this.#task.watch.root, directory);
    this.#services.log.info({ path, reason, detail }, 'listing is partial');
  }

  #pathsIn(directory: string, children: readonly Pick<Entry, 'name' | 'modifiedAt'>[]): readonly string[] {
    return children.map((child) => {
      const path = joinPath(directory, child.name);
      this.#pace?.listed(path, child);
      return path;
    });
  }

  /** The last is asked first: in the order of the state's keys, which it reads ahead. */
  #descendTo(children: readonly string[]): void {
    const next = children.filter((child) => this.#descends(child));
    this.#frontier.add(next.toSorted((a, b) => comparePaths(b, a)));
  }

  async #goOn(): Promise<void> {
    const now = this.#clock();
    this.#listingSince ??= now;
    if (this.#batch.isFull(now)) await this.#flush();
    if (this.#isOver(now)) this.#frontier.stop();
    else if (this.#shouldShare(now)) this.#frontier.stop((directory) => this.#isForeseen(directory));
    this.#frontier.settle();
  }

  #isForeseen(directory: string): boolean {
    return this.#session?.foresees?.(absolutePath(this.#task.watch.root, directory)) ?? false;
  }

  #descends(path: string): boolean {
    return this.#selection.descends(path) && !this.#except.has(path);
  }

  /** Not copied where that is all of them, as it mostly is. */
  #tracked({ entries }: Listing, directory: string): EntryList {
    if (!this.#tracksAll) {
      return entries.filter(({ kind, name }) => tracks(this.#selection, joinPath(directory, name), kind));
    }
    return ofKinds(entries, 'file', 'directory');
  }

  /** A directory that vanished under the scan: only a newer listing of its parent can prove that. */
  #askParent(directory: string): void {
    if (directory === '') return;
    const parent = parentPath(directory);
    const mine = this.#claimed.scope.subtrees.some(
      (subtree) => parent === subtree || isBelow(parent, subtree),
    );
    if (!mine || this.#relisted.has(parent)) return;
    this.#relisted.add(parent);
    this.#frontier.add([parent]);
  }

  async #flush(): Promise<void> {
    const probes = this.#probes;
    this.#probes = 0;
    const { directories, changes, again } = await this.#batch.flush();
    this.#frontier.add(again);
    this.#tally.committed(Math.max(0, directories - probes), changes);
    if (changes > 0) this.#services.committed();
  }

  #isOver(now: number): boolean {
    return this.#signal.aborted || now - this.#startedAt >= this.#task.watch.scan.taskBudgetMs;
  }

  /** Whether idle slots could help. */
  #shouldShare(now: number): boolean {
    const { taskDirectories } = this.#task.watch.scan;
    return (
      (this.#tally.directories >= taskDirectories || this.#isSlow(now)) &&
      this.#frontier.queued > 1 &&
      this.#services.sessions.idle(this.#task.server) > 0
    );
  }

  /** Whether its directories have taken the time of a whole task already, and will go on so. */
  #isSlow(now: number): boolean {
    const { taskDirectories } = this.#task.watch.scan;
    const listedMs = now - (this.#listingSince ?? now);
    return (
      listedMs >= taskDirectories * usualDirectoryMs && listedMs >= this.#tally.directories * slowDirectoryMs
    );
  }

  #children(): readonly TaskScope[] {
    const rest = this.#frontier.rest();
    if (rest.length === 0) return [];
    const parts = 1 + this.#services.sessions.idle(this.#task.server);
    return splitFrontier(rest, this.#claimed.scope.except, Math.min(90, parts));
  }

  #giveUp(failure: ScanFailure): TaskResult {
    return this.#tally.givenUp(this.#frontier.rest(), failure);
  }
}

/** Of a path that is not the root's, the root among them. */
function ancestors(path: string): readonly string[] {
  const parent = parentPath(path);
  return parent === '' ? [''] : [parent, ...ancestors(parent)];
}

/** Throws what is not about servers: a broken state or a bug must not pass for an unreachable server. */
function failureOf(error: unknown): ScanFailure {
  if (!(error instanceof Failure) || isOfState(error)) throw error;
  return { error: error.name, message: error.message, advice: error.advice ?? null };
}

function isOfState(error: unknown): boolean {
  return error instanceof Failure && (error.name === 'Fenced' || error.name === 'StateUnusable');
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
