import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ComparisonContext, compare, tracks } from '../../functions/scanner/compare.ts';
import type { StampContext } from '../../shared/changes/stamp.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import {
  type Chunk,
  type DirectoryCommit,
  type DirectoryRecord,
  type Fence,
  noCounts,
  type State,
  watchKey,
} from '../../shared/state/state.ts';
import { digestListing } from '../../shared/tree/digest.ts';
import type { EntryList } from '../../shared/tree/entries.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import type { Listing, Profile } from '../../shared/tree/listing.ts';
import { compileSelection, type SelectionRules, selectionDigest } from '../../shared/tree/selection.ts';

export const everything: SelectionRules = {
  include: [],
  exclude: [],
  caseSensitive: true,
  hidden: true,
  maxDepth: null,
  minFileSize: null,
  maxFileSize: null,
  kinds: ['file', 'directory'],
};

export const plainWatch: WatchConfig = {
  name: 'incoming',
  tenant: 'acme',
  server: 'partner-a',
  root: '/incoming',
  selection: everything,
  schedule: { every: 60_000 },
  maxStalenessMs: null,
  initial: 'baseline',
  settleMs: 0,
  deletes: { confirm: 1, maxPercent: 100, minCount: 50 },
  moves: true,
  scan: {
    inFlight: 8,
    taskBudgetMs: 60_000,
    taskDirectories: 1_000,
    deadlineMs: 60_000,
    workflowFrom: 20_000,
  },
};

export const mlsd: Profile = { command: 'mlsd', zone: 'UTC', offsetMinutes: 0 };

export function complete(path: string, entries: EntryList, profile = mlsd): Listing {
  return { status: 'complete', path, profile, entries };
}

export function partial(path: string, entries: EntryList): Listing {
  return { status: 'partial', path, profile: mlsd, entries, reason: 'lost', detail: 'connection reset' };
}

/** A real state with one watch, scanned by hand: one listing after another. Paths of listings are relative. */
export class Watched {
  readonly state: State;
  readonly #key = watchKey(plainWatch);
  watch: WatchConfig = plainWatch;
  heldBefore = 0;
  now = 1_000_000;
  #fence: Fence | undefined;
  #scan = 0;

  private constructor(state: State) {
    this.state = state;
  }

  static async open(context: TestContext, watch: Partial<WatchConfig> = {}): Promise<Watched> {
    const directory = await mkdtemp(join(tmpdir(), 'farwatch-'));
    const state = openSqliteState(join(directory, 'farwatch.db'), { create: true });
    context.after(async () => {
      await state.close();
      await rm(directory, { recursive: true });
    });
    const watched = new Watched(state);
    watched.watch = { ...plainWatch, ...watch };
    const { server, root, initial } = watched.watch;
    await state.enroll({ key: watched.#key, was: null, server, root, identity: 'one', initial }, watched.now);
    return watched;
  }

  get key() {
    return this.#key;
  }

  get fence(): Fence {
    assert.ok(this.#fence, 'no scan is open');
    return this.#fence;
  }

  get scope(): string {
    return selectionDigest(this.watch.selection);
  }

  stamp(phase: 1 | 2 = 1): StampContext {
    const { tenant, server, name, root } = this.watch;
    return { tenant, server, watch: name, root, epoch: 1, scan: this.#scan, phase };
  }

  async begin(): Promise<void> {
    this.now += 60_000;
    const tasks = [{ subtrees: [''], except: [] }];
    const scan = await this.state.beginScan(
      {
        watch: this.#key,
        after: this.#scan,
        scope: this.scope,
        rules: this.watch.selection,
        tasks,
        deadlineMs: 60_000,
      },
      this.now,
    );
    assert.ok(scan);
    this.#scan = scan.scan;
    const [task] = await this.state.tasks(this.#key, scan.scan);
    const claimed = await this.state.claimTask(this.#key, scan.scan, task?.task ?? '', this.now);
    this.#fence = claimed?.fence;
  }

  /** Ends the scan's task and hands over to the reassembly. */
  async beginReassembly(): Promise<void> {
    const result = { counts: noCounts, partials: [], failure: null, children: [] };
    await this.state.completeTask(this.fence, result, this.now);
    await this.claimReassembly();
  }

  /** Also what comes after a crash: the former attempt is over then. */
  async claimReassembly(): Promise<void> {
    this.#fence = (await this.state.claimReassembly(this.#key, this.#scan, this.now))?.fence;
  }

  async close(): Promise<void> {
    const summary = {
      scan: this.#scan,
      status: 'complete' as const,
      startedAt: this.now,
      endedAt: this.now,
      counts: noCounts,
      treeDigest: '',
      partials: [],
      failure: null,
    };
    const end = { summary, plan: null, nextDueAt: this.now, hold: null, rejected: [] };
    await this.state.closeScan(this.fence, end, this.now);
    this.#fence = undefined;
  }

  async record(path: string): Promise<DirectoryRecord> {
    const record = await this.state.directory(this.#key, path);
    assert.ok(record, `${path} is no part of the snapshot`);
    return record;
  }

  async chunks(path: string): Promise<readonly Chunk[]> {
    const heads = await this.state.chunkHeads(this.#key, path);
    const ids = heads.map(({ chunk }) => chunk);
    return this.state.chunks(this.#key, path, ids);
  }

  context(): ComparisonContext {
    return {
      key: this.#key,
      watch: this.watch,
      selection: compileSelection(this.watch.selection),
      scope: this.scope,
      stamp: this.stamp(),
      heldBefore: this.heldBefore,
      state: this.state,
    };
  }

  listed(listing: Listing) {
    const { selection } = this.context();
    return digestListing(
      listing.entries.filter((entry) => tracks(selection, joinPath(listing.path, entry.name), entry.kind)),
    );
  }

  /** What the scanner would commit. */
  async compare(listing: Listing): Promise<DirectoryCommit | undefined> {
    const record = await this.record(listing.path);
    return compare(record, listing, this.listed(listing), this.context(), this.now);
  }

  /** Compares and commits; returns the commit. */
  async take(listing: Listing): Promise<DirectoryCommit | undefined> {
    const commit = await this.compare(listing);
    if (commit !== undefined) await this.state.commit(this.fence, [commit]);
    return commit;
  }

  /** A whole scan whose reassembly finds nothing to judge. */
  async scan(...listings: readonly Listing[]): Promise<readonly (DirectoryCommit | undefined)[]> {
    await this.begin();
    const commits: (DirectoryCommit | undefined)[] = [];
    for (const listing of listings) commits.push(await this.take(listing));
    await this.beginReassembly();
    await this.close();
    return commits;
  }
}

export function told(commit: Pick<DirectoryCommit, 'changes'> | undefined): readonly string[] {
  return (commit?.changes ?? []).map(({ type, path }) => `${type} ${path}`);
}
