import { StaleSnapshot } from '../../shared/failure.ts';
import { storedEntries } from '../../shared/state/entry-codec.ts';
import type {
  DirectoryCommit,
  DirectoryRecord,
  Fence,
  Snapshots,
  SubtreeReader,
} from '../../shared/state/state.ts';

const fullAtDirectories = 500;
/** Changes and stubs: each is a row. */
const fullAtRows = 2_000;
/** Of entries as they are stored. */
const fullAtBytes = 512 * 1024;
/** While the disk is waited for, nothing else of the process goes on, and every task has a batch. */
const fullAfterMs = 1_000;

/**
 * Commits that go into the state together: one transaction costs one wait for the disk. Knows the stubs it holds,
 * since their directories may be listed before they are written.
 */
export class Batch {
  readonly #state: Pick<Snapshots, 'directory' | 'commit' | 'commitLimit'>;
  readonly #fence: Fence;
  readonly #reader: SubtreeReader;
  #commits = new Map<string, DirectoryCommit>();
  #stubs = new Map<string, DirectoryRecord>();
  /** Stubs of commits under way: no longer in the batch, and not in the state yet. */
  readonly #onTheirWay = new Set<ReadonlyMap<string, DirectoryRecord>>();
  #rows = 0;
  #bytes = 0;
  #since = 0;

  constructor(
    state: Pick<Snapshots, 'directory' | 'commit' | 'commitLimit'>,
    fence: Fence,
    subtrees: readonly string[],
  ) {
    this.#state = state;
    this.#fence = fence;
    this.#reader = { subtrees };
  }

  /**
   * What a listing of the directory will be compared with; undefined: it is no part of the snapshot. A record stands
   * against a stub, here as in the commit: taking the stub, the batch would be stale again and again.
   */
  async record(path: string): Promise<DirectoryRecord | undefined> {
    // Asked first: by the time that the state says it has no record, the stub may have been written after all.
    const stub = this.#stub(path);
    return (await this.#state.directory(this.#fence.watch, path, this.#reader)) ?? stub ?? this.#stub(path);
  }

  #stub(path: string): DirectoryRecord | undefined {
    for (const stubs of [this.#stubs, ...this.#onTheirWay]) {
      const stub = stubs.get(path);
      if (stub !== undefined) return stub;
    }
    return undefined;
  }

  has(path: string): boolean {
    return this.#commits.has(path);
  }

  add(commit: DirectoryCommit, now: number): void {
    if (this.#commits.size === 0) this.#since = now;
    this.#commits.set(commit.path, commit);
    for (const { path, stub } of commit.stubs) this.#stubs.set(path, stubRecord(path, stub));
    this.#rows += commit.changes.length + commit.stubs.length;
    for (const { entries } of commit.putChunks) this.#bytes += storedEntries(entries).length;
  }

  isFull(now: number): boolean {
    return (
      this.#commits.size >= Math.min(fullAtDirectories, this.#state.commitLimit) ||
      this.#rows >= fullAtRows ||
      this.#bytes >= fullAtBytes ||
      (this.#commits.size > 0 && now - this.#since >= fullAfterMs)
    );
  }

  /**
   * Writes all of it. Where another commit came in between, nothing is written: `again` are the directories to list
   * again (protocol rule 2), all of them, for a stale parent makes its stubs void too.
   */
  async flush(): Promise<{
    readonly directories: number;
    readonly changes: number;
    readonly again: readonly string[];
  }> {
    const commits = [...this.#commits.values()];
    const stubs = this.#stubs;
    this.#commits = new Map();
    this.#stubs = new Map();
    this.#rows = 0;
    this.#bytes = 0;
    if (commits.length === 0) return { directories: 0, changes: 0, again: [] };
    this.#onTheirWay.add(stubs);
    try {
      await this.#state.commit(this.#fence, commits);
    } catch (error) {
      if (!(error instanceof StaleSnapshot)) throw error;
      return { directories: 0, changes: 0, again: commits.map((commit) => commit.path) };
    } finally {
      this.#onTheirWay.delete(stubs);
    }
    const changes = commits.reduce((sum, commit) => sum + commit.changes.length, 0);
    return { directories: commits.length, changes, again: [] };
  }
}

function stubRecord(path: string, stub: 'baseline' | 'new'): DirectoryRecord {
  return {
    path,
    generation: 0,
    digest: null,
    scope: '',
    profile: '',
    stub,
    dueAt: null,
    held: false,
    provedBy: 0,
    changedBy: 0,
    leaf: false,
    reported: 0,
    listed: 0,
    probe: null,
  };
}
