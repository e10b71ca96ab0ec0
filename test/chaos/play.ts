import assert from 'node:assert/strict';
import { enrollWatch, planScan } from '../../functions/planner/plan-scan.ts';
import { reassemble } from '../../functions/reassembler/reassemble.ts';
import { scanTask } from '../../functions/scanner/scan.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { LocalServer, WatchConfig } from '../../shared/config/config.ts';
import { Fenced } from '../../shared/failure.ts';
import type { Logger } from '../../shared/log.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import { isBelow, joinPath } from '../../shared/tree/entry.ts';
import { compileSelection, type SelectionRules, selectionDigest } from '../../shared/tree/selection.ts';
import { Crash, type CrashAt, mortal } from './crash.ts';
import { FakeRemote } from './fake-remote.ts';
import type { History, ScanStep, Settings, Step } from './history.ts';
import { sameLook, Witness } from './witness.ts';
import { keyOf, World } from './world.ts';

const start = Date.UTC(2026, 10, 21, 1);
const root = '/root';
const server: LocalServer = {
  protocol: 'local',
  name: 'server',
  connections: 4,
  connectTimeoutMs: 1_000,
  responseTimeoutMs: 1_000,
  idleTimeoutMs: 1_000,
};

const everything: SelectionRules = {
  include: [],
  exclude: [],
  caseSensitive: true,
  hidden: true,
  maxDepth: null,
  minFileSize: null,
  maxFileSize: null,
  kinds: ['file', 'directory'],
};

const rulesets: readonly SelectionRules[] = [
  everything,
  { ...everything, exclude: [{ type: 'glob', pattern: 'b/**' }] },
  { ...everything, include: [{ type: 'glob', pattern: '**/a' }] },
  { ...everything, kinds: ['file'] },
  { ...everything, maxDepth: 2 },
  {
    ...everything,
    include: [{ type: 'glob', pattern: 'a/b/**' }],
    exclude: [{ type: 'glob', pattern: '**/c' }],
  },
];
const selections = new Map(rulesets.map((rules) => [selectionDigest(rules), compileSelection(rules)]));

const quiet: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => quiet as never,
};

/** How often things happened, so that a test can show that its histories reach them. */
export type Tally = Map<string, number>;

/** Plays a history against the real engine and the real state, heals, and checks that the consumer missed nothing. */
export async function play(history: History, tally: Tally): Promise<readonly Change[]> {
  const stage = new Stage(history.settings, tally);
  await stage.enroll();
  await stage.take({ type: 'edits', edits: history.tree });
  for (const step of history.steps) await stage.take(step);
  await stage.heal();
  return stage.close();
}

class Stage {
  readonly #settings: Settings;
  readonly #tally: Tally;
  readonly #world = new World(start);
  readonly #real = openSqliteState(':memory:', { create: true });
  readonly #witness: Witness;
  #rules = 0;
  #hollowed = false;
  #zombies: { readonly wake: () => void; readonly ended: Promise<unknown> }[] = [];

  constructor(settings: Settings, tally: Tally) {
    this.#settings = settings;
    this.#tally = tally;
    const selectionOf = (scope: string) => {
      const selection = selections.get(scope);
      assert.ok(selection, `scope ${scope} is known`);
      return selection;
    };
    this.#witness = new Witness(this.#real, this.#world, { key: this.#key, root }, selectionOf, () =>
      selectionOf(selectionDigest(this.#watch.selection)),
    );
  }

  get #key(): WatchKey {
    return watchKey({ tenant: 'acme', name: 'incoming' });
  }

  get #watch(): WatchConfig {
    const { initial, confirm, maxPercent, moves, settleMs, taskDirectories, taskBudgetMs, inFlight } =
      this.#settings;
    return {
      name: 'incoming',
      tenant: 'acme',
      server: 'server',
      root,
      selection: rulesets[this.#rules] ?? everything,
      schedule: { every: 60_000 },
      initial,
      settleMs,
      deletes: { confirm, maxPercent, minCount: 3 },
      moves,
      scan: { inFlight, taskBudgetMs, taskDirectories, deadlineMs: 3_600_000 },
    };
  }

  async enroll(): Promise<void> {
    await enrollWatch(this.#watch, server, this.#witness.state, this.#world.clock);
  }

  async take(step: Step): Promise<void> {
    this.#world.clock += 1_000;
    switch (step.type) {
      case 'edits':
        for (const edit of step.edits) this.#world.edit(edit);
        break;
      case 'wait':
        this.#world.clock += step.ms;
        break;
      case 'rules':
        this.#rules = step.rules % rulesets.length;
        break;
      case 'wake':
        await this.#wakeZombies();
        break;
      case 'decide':
        await this.#decide(step.approve);
        break;
      case 'scan':
        await this.#scan(step);
        break;
    }
  }

  /** Scans without faults until nothing can be pending any more: the promises hold from then on. */
  async heal(): Promise<void> {
    await this.#wakeZombies();
    for (let scan = 0; scan < this.#settings.confirm + 4; scan += 1) {
      this.#world.clock += 61_000 + this.#settings.settleMs;
      await this.#decide(true);
      await this.#scan(soundScan);
    }
    const record = await this.#real.watch(this.#key);
    assert.equal(record?.lastScan?.status, 'complete', 'the last scan is complete');
    assert.equal(record?.hold, null, 'nothing is held');
    await this.#assertMirror();
    const before = this.#witness.changes.length;
    this.#world.clock += 61_000;
    await this.#scan(soundScan);
    assert.equal(this.#witness.changes.length, before, 'a quiet tree is quiet');
  }

  async close(): Promise<readonly Change[]> {
    const { changes, rescoped } = this.#witness;
    if (this.#settings.initial === 'emit' && !rescoped) this.#assertAnyOrder(changes);
    const logged = await this.#real.changes(this.#key, null, 1_000_000);
    assert.deepEqual(
      logged.changes.map(({ id }) => id).toSorted(byText),
      changes.map(({ id }) => id).toSorted(byText),
      'the log has all',
    );
    for (const change of changes) this.#count(change.type);
    await this.#real.close();
    return changes;
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }

  async #decide(approve: boolean): Promise<void> {
    const hold = (await this.#real.watch(this.#key))?.hold;
    if (hold?.decision !== 'pending') return;
    this.#count(approve ? 'approved' : 'rejected');
    await this.#witness.state.decideHold(this.#key, hold.digest, approve ? 'approved' : 'rejected');
  }

  async #wakeZombies(): Promise<void> {
    const zombies = this.#zombies;
    this.#zombies = [];
    for (const { wake, ended } of zombies) {
      wake();
      await ended;
    }
  }

  async #scan(step: ScanStep): Promise<void> {
    const hollow = step.hollow && !this.#hollowed;
    if (hollow) this.#hollowed = true;
    const process = new Process(
      { ...step, hollow },
      this.#world,
      this.#witness.state,
      this.#settings,
      this.#watch,
    );
    try {
      const zombie = await process.run();
      if (zombie !== undefined) this.#zombies.push(zombie);
      this.#count('scan ended');
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#count(`crash ${error.message}`);
    }
  }

  async #assertMirror(): Promise<void> {
    const { rejected } = await this.#real.holdMembers(this.#key);
    const selection = compileSelection(this.#watch.selection);
    const known = new Map(this.#witness.known);
    for (const key of rejected) known.delete(key);
    for (const [path, node] of this.#world.nodes) {
      if (node.kind === 'link' || !selection.admits(path, node.kind)) continue;
      const key = keyOf(path, node.kind);
      const entry = known.get(key);
      assert.ok(entry, `the consumer knows ${key}`);
      const size = node.kind === 'file' ? node.size : null;
      const look = { size, modifiedAt: node.modifiedAt, precision: 'second' as const };
      assert.equal(entry.facts.size, size, `the consumer knows the size of ${key}`);
      assert.ok(sameLook(entry.facts, look), `the consumer knows the time of ${key}`);
      known.delete(key);
    }
    // Directories of rejected members stay for their sake, recorded under the rules of then.
    const unknown = [...known.values()].filter(
      ({ path, kind }) =>
        rejected.length === 0 ||
        (selection.admits(path, kind) && !rejected.some((member) => isBelow(member, path))),
    );
    assert.deepEqual(unknown, [], 'the consumer knows nothing that is not there');
  }

  /** Protocol rule 17: whatever the order of arrival, and with repeats. */
  #assertAnyOrder(changes: readonly Change[]): void {
    const known = new Map(
      [...this.#witness.known.values()].map(({ path, kind, facts }) => [
        joinPath(root, path),
        `${kind} ${facts.size}`,
      ]),
    );
    const backwards = changes.toReversed();
    const shuffled = changes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    for (const order of [changes, backwards, [...shuffled, ...changes.slice(0, 5)]]) {
      assert.deepEqual(linesOf(consume(order)), linesOf(known), 'any order of arrival');
    }
  }
}

function linesOf(tree: ReadonlyMap<string, string>): readonly string[] {
  return [...tree].map(([path, look]) => `${path} ${look}`).toSorted(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The consumer that the protocol describes: one thing at a path, the newest report of it. */
function consume(changes: readonly Change[]): ReadonlyMap<string, string> {
  const tree = new Map<string, string>();
  const last = new Map<string, string>();
  const ids = new Set<string>();
  const put = (path: string, sequence: string, look: string | null) => {
    if ((last.get(path) ?? '') >= sequence) return;
    last.set(path, sequence);
    if (look === null) tree.delete(path);
    else tree.set(path, look);
  };
  for (const { id, sequence, path, from, kind, type, new: facts } of changes) {
    if (ids.has(id)) continue;
    ids.add(id);
    if (from !== undefined) put(from, sequence, null);
    put(path, sequence, type === 'deleted' ? null : `${kind} ${facts?.size ?? null}`);
  }
  return tree;
}

const soundScan: ScanStep = {
  type: 'scan',
  resume: false,
  answers: [],
  crash: null,
  twice: false,
  zombie: false,
  abandonAfter: null,
  abortAfter: null,
  coarse: false,
  hollow: false,
  pick: 0,
};

/** What one process does of a scan before it ends or dies. */
class Process {
  readonly #step: ScanStep;
  readonly #world: World;
  readonly #state: State;
  readonly #settings: Settings;
  readonly #watch: WatchConfig;
  readonly #answers: Answers;
  readonly #abort = new AbortController();

  constructor(step: ScanStep, world: World, state: State, settings: Settings, watch: WatchConfig) {
    this.#step = step;
    this.#world = world;
    this.#state = mortal(state, step.crash satisfies CrashAt | null);
    this.#settings = settings;
    this.#watch = watch;
    this.#answers = [...step.answers];
  }

  get #key(): WatchKey {
    return watchKey(this.#watch);
  }

  async run() {
    const scan =
      (await this.#resumed()) ?? (await planScan(this.#watch, this.#state, this.#world.clock))?.scan;
    if (scan === undefined) return undefined;
    const zombie = this.#step.zombie ? await this.#makeZombie(scan) : undefined;
    for (let done = 0; ; done += 1) {
      assert.ok(done < 500, 'a scan ends');
      const tasks = await this.#state.tasks(this.#key, scan);
      if (tasks.length === 0 || done === this.#step.abandonAfter) break;
      if (this.#abort.signal.aborted) return zombie;
      const task = tasks[(this.#step.pick + done) % tasks.length]?.task ?? '';
      await this.#oncePerMessage(() => this.#scanTask(scan, task, undefined));
    }
    const unfinished = await this.#state.abandonTasks(this.#key, scan);
    await this.#oncePerMessage(() => this.#reassemble(scan, unfinished));
    return zombie;
  }

  /** As the runner does it: a scan under other rules is ended, and by `--once` any open one. */
  async #resumed(): Promise<number | undefined> {
    const open = (await this.#state.watch(this.#key))?.openScan ?? null;
    if (open === null) return undefined;
    const scan = await this.#state.scan(this.#key, open);
    if (this.#step.resume && scan?.scope === selectionDigest(this.#watch.selection)) return open;
    await this.#reassemble(open, await this.#state.abandonTasks(this.#key, open));
    return undefined;
  }

  async #oncePerMessage(work: () => Promise<unknown>): Promise<void> {
    const copies = await Promise.allSettled(this.#step.twice ? [work(), work()] : [work()]);
    const errors = copies.flatMap((copy) => (copy.status === 'rejected' ? [copy.reason as unknown] : []));
    const crash = errors.find((error) => error instanceof Crash);
    if (crash !== undefined) throw crash;
    const other = errors.find((error) => !(error instanceof Fenced));
    if (other !== undefined) throw other;
    assert.ok(errors.length < copies.length, 'one of two is not fenced off');
  }

  async #makeZombie(scan: number) {
    const [task] = await this.#state.tasks(this.#key, scan);
    if (task === undefined) return undefined;
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const ended = this.#scanTask(scan, task.task, { opened: gate.promise, reached: reached.resolve }).catch(
      (error: unknown) => {
        if (!(error instanceof Fenced) && !(error instanceof Crash)) throw error;
      },
    );
    await Promise.race([reached.promise, ended]);
    // Redelivered: the other attempt fences it off before it may go on.
    await this.#oncePerMessage(() => this.#scanTask(scan, task.task, undefined));
    return { wake: gate.resolve, ended };
  }

  #scanTask(scan: number, task: string, gate: Gate | undefined) {
    let answered = 0;
    const remote = new FakeRemote(this.#world, {
      root,
      inFlight: this.#settings.inFlight,
      coarse: this.#step.coarse,
      answers: this.#answers,
      hollow: this.#step.hollow,
      gate: gate?.opened,
      answered: () => {
        gate?.reached();
        answered += 1;
        if (answered === this.#step.abortAfter) this.#abort.abort();
      },
    });
    const services = {
      state: this.#state,
      sessions: {
        open: async (_server: unknown, signal: AbortSignal) => ({
          session: await remote.connect(signal),
          release: async () => {},
        }),
        idle: () => this.#settings.idle,
      },
      log: quiet,
      committed: () => {},
      advanced: () => {},
    };
    return scanTask(
      { watch: this.#watch, server, scan, task },
      services,
      () => this.#world.clock,
      this.#abort.signal,
    );
  }

  #reassemble(scan: number, unfinished: Awaited<ReturnType<State['abandonTasks']>>) {
    const services = { state: this.#state, log: quiet, committed: () => {} };
    return reassemble({ watch: this.#watch, server, scan, unfinished }, services, this.#world.clock);
  }
}

type Answers = ConstructorParameters<typeof FakeRemote>[1]['answers'];

interface Gate {
  readonly opened: Promise<void>;
  readonly reached: () => void;
}
