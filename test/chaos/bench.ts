import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { enrollWatch, planScan } from '../../functions/planner/plan-scan.ts';
import { judgeHeldChanges, type Reassembled, reassemble } from '../../functions/reassembler/reassemble.ts';
import { scanTask } from '../../functions/scanner/scan.ts';
import { Runner } from '../../infra/local/runner.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { Config, LocalServer, WatchConfig } from '../../shared/config/config.ts';
import type { Logger } from '../../shared/log.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, watchKey } from '../../shared/state/state.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import type { SelectionRules } from '../../shared/tree/selection.ts';
import { type Answer, FakeRemote } from './fake-remote.ts';
import { World } from './world.ts';

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

export const quiet: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => quiet as never,
};

export const server: LocalServer = {
  protocol: 'local',
  name: 'server',
  connections: 4,
  connectTimeoutMs: 1_000,
  responseTimeoutMs: 1_000,
  idleTimeoutMs: 60_000,
};

export const sound: Answer = { flaw: 'none', keep: 0, edit: null, hops: 0 };
export const denied: Answer = { ...sound, flaw: 'denied' };
export const minute = 60_000;
export const day = 86_400_000;

const wholeTree: TaskScope = { subtrees: [''], except: [] };

/** One watch of a world in memory; the engine and the state are the real ones. */
export class Bench {
  readonly world = new World(Date.UTC(2026, 10, 21, 1));
  readonly state: State;
  watch: WatchConfig;
  coarse = false;
  hollow = false;
  /** Answers of the next listings, in order; then all are sound. */
  readonly answers: Answer[] = [];
  /** Listings answered so far. */
  listed = 0;
  /** Directories that cannot be read. */
  readonly closed = new Set<string>();

  private constructor(state: State, watch: Partial<WatchConfig>) {
    this.state = state;
    this.watch = {
      name: 'incoming',
      tenant: 'acme',
      server: server.name,
      root: '/root',
      selection: everything,
      schedule: { every: minute },
      maxStalenessMs: null,
      initial: 'emit',
      settleMs: 0,
      deletes: { confirm: 1, maxPercent: 100, minCount: 50 },
      moves: true,
      scan: {
        inFlight: 1,
        taskBudgetMs: minute,
        taskDirectories: 1_000,
        deadlineMs: 60 * minute,
        workflowFrom: 20_000,
      },
      ...watch,
    };
  }

  static async open(t: TestContext, watch: Partial<WatchConfig> = {}): Promise<Bench> {
    const state = openSqliteState(':memory:', { create: true });
    t.after(() => state.close());
    const bench = new Bench(state, watch);
    await enrollWatch(bench.watch, server, state, bench.world.clock);
    return bench;
  }

  get key() {
    return watchKey(this.watch);
  }

  get config(): Config {
    return {
      servers: new Map([[server.name, server]]),
      watches: new Map([[this.watch.name, this.watch]]),
      outputs: [],
      retentionMs: 30 * day,
    };
  }

  /** What the home does, on a clock of the test. */
  runner(state: State = this.state, watches = this.config.watches): Runner {
    const services = {
      state,
      sessions: this.sessions(),
      log: quiet,
      clock: () => this.world.clock,
      committed: () => {},
      notices: () => {},
      observer: { scanStarted() {}, advanced() {}, scanFinished() {}, queueDepth() {} },
    };
    return new Runner({ ...this.config, watches }, services, new AbortController().signal);
  }

  async begin(tasks?: readonly TaskScope[]): Promise<number> {
    this.world.clock += minute;
    if (tasks === undefined) {
      const planned = await planScan(this.watch, this.state, this.world.clock);
      assert.ok(planned, 'a scan begins');
      return planned.scan;
    }
    const planned = await planScan(this.watch, withPlan(this.state, tasks), this.world.clock);
    assert.ok(planned, 'a scan begins');
    return planned.scan;
  }

  /** `gate`: listings are made at once and arrive when it opens. */
  scanTask(scan: number, task: string, gate?: Promise<void>, state: State = this.state) {
    const services = {
      state,
      sessions: this.sessions(gate),
      log: quiet,
      committed: () => {},
      advanced: () => {},
    };
    const { signal } = new AbortController();
    return scanTask({ watch: this.watch, server, scan, task }, services, () => this.world.clock, signal);
  }

  async tasks(scan: number): Promise<readonly string[]> {
    return (await this.state.tasks(this.key, scan)).map(({ task }) => task);
  }

  async end(scan: number, unfinished: readonly TaskScope[] = []): Promise<Reassembled> {
    const services = { state: this.state, log: quiet, committed: () => {} };
    const reassembly = { watch: this.watch, server, scan, unfinished };
    const outcome = await reassemble(reassembly, services, this.world.clock);
    assert.ok(outcome, 'the scan ends');
    return outcome;
  }

  /** The first part of the end of a large scan. */
  async judge(scan: number) {
    const services = { state: this.state, log: quiet, committed: () => {} };
    const reassembly = { watch: this.watch, server, scan, unfinished: [] };
    const { signal } = new AbortController();
    return judgeHeldChanges(reassembly, services, this.world.clock, signal);
  }

  /** A whole scan; returns how it ended and what it logged. */
  async scan(...answers: readonly Answer[]): Promise<Reassembled & { readonly told: readonly string[] }> {
    this.answers.splice(0, Number.POSITIVE_INFINITY, ...answers);
    const scan = await this.begin();
    for (let tasks = await this.tasks(scan); tasks[0] !== undefined; tasks = await this.tasks(scan)) {
      await this.scanTask(scan, tasks[0]);
    }
    const outcome = await this.end(scan);
    return { ...outcome, told: told((await this.log()).filter((change) => change.scan === scan)) };
  }

  /** What scans that are closed have logged. */
  async log(): Promise<readonly Change[]> {
    return (await this.state.changes(this.key, null, 100_000)).changes;
  }

  sessions(gate?: Promise<void>) {
    const remote = () =>
      new FakeRemote(this.world, {
        root: this.watch.root,
        inFlight: 1,
        coarse: this.coarse,
        answers: this.answers,
        hollow: this.hollow,
        closed: this.closed,
        gate,
        answered: () => {
          this.listed += 1;
        },
      });
    return {
      open: async (_server: unknown, signal: AbortSignal) => ({
        session: await remote().connect(signal),
        release: async () => {},
      }),
      idle: () => 0,
    };
  }
}

/** Lets the event loop turn until it holds; by turns and not by time, so that a slow machine fails no test. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await holds()); turn += 1) {
    assert.ok(turn < 20_000, 'waited in vain');
    await new Promise(setImmediate);
  }
}

/** `created a.csv`, in the order of the log. */
export function told(changes: readonly Change[]): readonly string[] {
  return changes.map(({ type, path, from }) =>
    from === undefined ? `${type} ${relative(path)}` : `${type} ${relative(from)} -> ${relative(path)}`,
  );
}

function relative(path: string): string {
  return path.replace(/^\/root\//, '');
}

/** The state as it would be had the last reassembly left this plan. */
function withPlan(state: State, plan: readonly TaskScope[] = [wholeTree]): State {
  return {
    ...state,
    watch: async (key) => {
      const record = await state.watch(key);
      return record && { ...record, plan };
    },
  };
}
