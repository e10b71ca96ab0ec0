import assert from 'node:assert/strict';
import { enrollWatch } from '../../functions/planner/plan-scan.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import { compileSelection, selectionDigest } from '../../shared/tree/selection.ts';
import { everything, server } from './bench.ts';
import { Crash } from './crash.ts';
import type { History, ScanStep, Settings, Step } from './history.ts';
import { assertConsumed, assertMirror, byText } from './mirror.ts';
import { Process } from './process.ts';
import { rulesets, selectionOf } from './rulesets.ts';
import { Witness } from './witness.ts';
import { World } from './world.ts';

const start = Date.UTC(2026, 10, 21, 1);
const root = '/root';
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
  readonly #real: State;
  readonly #witness: Witness;
  #rules = 0;
  #hollowed = false;
  #zombies: { readonly wake: () => void; readonly ended: Promise<unknown> }[] = [];

  constructor(settings: Settings, tally: Tally) {
    this.#settings = settings;
    const { commitLimit } = settings;
    this.#real = { ...openSqliteState(':memory:', { create: true }), commitLimit };
    this.#tally = tally;
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
      maxStalenessMs: null,
      initial,
      settleMs,
      deletes: { confirm, maxPercent, minCount: 3 },
      moves,
      scan: { inFlight, taskBudgetMs, taskDirectories, deadlineMs: 3_600_000, workflowFrom: 20_000 },
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
      // Holds are rare: somebody answers most of them at once.
      if (step.pick % 3 === 0) await this.#decide(step.pick === 3);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#count(`crash ${error.message}`);
    }
  }

  async #assertMirror(): Promise<void> {
    const { rejected } = await this.#real.holdMembers(this.#key);
    assertMirror(this.#witness.known, this.#world, compileSelection(this.#watch.selection), rejected);
  }

  #assertAnyOrder(changes: readonly Change[]): void {
    const backwards = changes.toReversed();
    const shuffled = changes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    for (const order of [changes, backwards, [...shuffled, ...changes.slice(0, 5)]]) {
      assertConsumed(this.#witness.known, root, order);
    }
  }
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
  pick: 1,
};
