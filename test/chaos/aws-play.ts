import assert from 'node:assert/strict';
import { enrollWatch } from '../../functions/planner/plan-scan.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import { Fenced, StaleSnapshot } from '../../shared/failure.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import { compileSelection, selectionDigest } from '../../shared/tree/selection.ts';
import { Deployment, outputs, root, watchOf } from './aws-deployment.ts';
import type { AwsHistory, AwsSettings, AwsStep, Invocation } from './aws-history.ts';
import type { Execution } from './aws-workflows.ts';
import { server } from './bench.ts';
import { Crash } from './crash.ts';
import { Fated, sound } from './fate.ts';
import { assertConsumed, assertDelivered, assertMirror } from './mirror.ts';
import type { Tally } from './play.ts';
import { selectionOf } from './rulesets.ts';
import { Witness } from './witness.ts';
import { World } from './world.ts';

const start = Date.UTC(2026, 10, 21, 1);
/** As the queue and Step Functions have it. */
const mostReceives = 5;
const mostFailures = 7;
/** Far below the deadlines of scans: these are for servers that stand still. */
const mostMinutes = 45;
/** A workflow that failed twice is tried again an hour later. */
const mostMinutesAfterFailures = 110;

/** Plays a history on a deployment, lets it heal, and checks what consumers were promised. */
export async function playOnAws(history: AwsHistory, state: State, tally: Tally): Promise<void> {
  const stage = new Stage(history.settings, state, tally);
  await stage.open();
  await stage.take({ type: 'edits', edits: history.tree });
  for (const step of history.steps) await stage.take(step);
  await stage.heal();
  await stage.check();
}

class Stage {
  readonly #settings: AwsSettings;
  readonly #tally: Tally;
  readonly #world = new World(start);
  readonly #real: State;
  readonly #witness: Witness;
  readonly #deployment: Deployment;
  readonly #receives = new Map<object, number>();
  #rules: number | null = 0;
  #asleep: { readonly wake: () => void; readonly ended: Promise<void> }[] = [];

  constructor(settings: AwsSettings, state: State, tally: Tally) {
    this.#settings = settings;
    this.#tally = tally;
    this.#real = { ...state, commitLimit: Math.min(state.commitLimit, settings.commitLimit) };
    this.#witness = new Witness(this.#real, this.#world, { key: this.#key, root }, selectionOf, () =>
      selectionOf(selectionDigest(this.#watch.selection)),
    );
    this.#deployment = new Deployment(this.#world, settings);
  }

  get #key(): WatchKey {
    return watchKey({ tenant: 'acme', name: 'incoming' });
  }

  get #watch(): WatchConfig {
    return watchOf(this.#settings, this.#rules ?? 0);
  }

  async open(): Promise<void> {
    await this.#real.registerOutputs(outputs);
    await this.#deploy(0);
  }

  async take(step: AwsStep): Promise<void> {
    this.#world.clock += 1_000;
    switch (step.type) {
      case 'edits':
        for (const edit of step.edits) this.#world.edit(edit);
        break;
      case 'wait':
        this.#world.clock += step.ms;
        break;
      case 'deploy':
        await this.#deploy(step.rules);
        break;
      case 'decide':
        await this.#decide(step.approve);
        break;
      case 'wake':
        await this.#wakeAll();
        break;
      case 'minute':
        this.#world.clock += 60_000;
        await this.#minute();
        break;
      case 'lose':
      case 'repeat': {
        const message = this.#deployment.queue.pick(step.pick);
        if (message === undefined) break;
        this.#count(step.type);
        if (step.type === 'lose') this.#deployment.queue.remove(message);
        else this.#deployment.queue.repeat(message);
        break;
      }
      case 'invoke':
        // So that there is something to disturb.
        this.#world.clock += 60_000;
        if (this.#deployment.queue.waiting.length === 0) await this.#invoke({ type: 'tick', fate: sound });
        await Promise.all(step.invocations.map((invocation) => this.#invoke(invocation)));
        break;
    }
  }

  /** No more faults, and time enough: everything ends, and consumers know all. */
  async heal(): Promise<void> {
    await this.#wakeAll();
    if (this.#rules === null) await this.#deploy(0);
    const most = this.#deployment.workflows.hasFailedTwice ? mostMinutesAfterFailures : mostMinutes;
    for (let sound = 0, minute = 0; sound < this.#settings.confirm + 4; minute += 1) {
      assert.ok(minute < most, 'every scan ends');
      const before = (await this.#real.watch(this.#key))?.lastScan?.scan;
      this.#world.clock += 61_000 + this.#settings.settleMs;
      await this.#decide(true);
      await this.#minute();
      if ((await this.#real.watch(this.#key))?.lastScan?.scan !== before) sound += 1;
    }
    const record = await this.#real.watch(this.#key);
    assert.equal(record?.lastScan?.status, 'complete', 'the last scan is complete');
    assert.equal(record.openScan, null, 'every scan ends');
    assert.equal(record.hold, null, 'nothing is held');
  }

  async check(): Promise<void> {
    const { changes, known, rescoped } = this.#witness;
    const { rejected } = await this.#real.holdMembers(this.#key);
    assertMirror(known, this.#world, compileSelection(this.#watch.selection), rejected);
    const before = changes.length;
    this.#world.clock += 61_000;
    await this.#minute();
    assert.equal(changes.length, before, 'a quiet tree is quiet');
    const logged = await this.#real.changes(this.#key, null, 1_000_000);
    assertDelivered(changes, logged.changes, 'the log has every change, and no other');
    for (const [output, received] of this.#deployment.received) {
      assertDelivered(changes, received, `${output} was given every change, and no other`);
      if (this.#settings.initial === 'emit' && !rescoped) assertConsumed(known, root, received);
    }
    for (const change of changes) this.#count(change.type);
  }

  /** What happens in a minute without faults: a tick, then whatever there is to do. */
  async #minute(): Promise<void> {
    await this.#invoke({ type: 'tick', fate: sound });
    const { queue, workflows } = this.#deployment;
    for (let done = 0; queue.waiting.length + workflows.running.length > 0; done += 1) {
      assert.ok(done < 2_000, 'the work of a minute ends');
      if (queue.waiting.length > 0)
        await this.#invoke({ type: 'task', fate: sound, pick: 0, answers: [], message: null });
      else await this.#invoke({ type: 'workflow', fate: sound, pick: 0 });
    }
    for (const output of outputs.keys())
      await this.#invoke({ type: 'publish', fate: sound, output, takes: null });
  }

  async #invoke(invocation: Invocation): Promise<void> {
    const fated = new Fated(this.#witness.state, invocation.fate);
    const ended = this.#perform(invocation, fated);
    const stalled = await Promise.race([fated.stalled.then(() => true), ended.then(() => false)]);
    if (!stalled) return;
    this.#count('stalled');
    this.#asleep.push({ wake: fated.wake, ended });
  }

  async #perform(invocation: Invocation, fated: Fated): Promise<void> {
    const deployment = this.#deployment;
    switch (invocation.type) {
      case 'tick':
        await this.#failed('tick', deployment.tick(fated));
        break;
      case 'task': {
        const message = deployment.queue.pick(invocation.pick);
        if (message === undefined) return;
        const failed = await this.#failed('task', deployment.task(message, invocation.answers, fated));
        const receives = (this.#receives.get(message) ?? 0) + 1;
        this.#receives.set(message, receives);
        const done = failed === undefined || failed instanceof Fenced;
        const keeps =
          invocation.message === null ? !done && receives < mostReceives : invocation.message === 'again';
        if (!keeps) deployment.queue.remove(message);
        break;
      }
      case 'workflow': {
        const { running } = deployment.workflows;
        const execution = running[invocation.pick % Math.max(1, running.length)];
        if (execution !== undefined) await this.#workflow(execution, fated);
        break;
      }
      case 'publish': {
        const output = outputs[invocation.output] ?? 'bus';
        await this.#failed('publish', deployment.publish(output, invocation.takes, fated));
      }
    }
  }

  async #workflow(execution: Execution, fated: Fated): Promise<void> {
    const failed = await this.#failed('workflow', this.#deployment.workflow(execution, fated));
    if (failed === undefined) return;
    execution.failures += 1;
    if (failed instanceof Fenced || execution.failures >= mostFailures) execution.status = 'FAILED';
  }

  /** How it ended: what may end an invocation at any time is no fault of ours. */
  async #failed(what: string, work: Promise<void>): Promise<Error | undefined> {
    try {
      await work;
      this.#count(what);
      return undefined;
    } catch (error) {
      if (!(error instanceof Crash || error instanceof Fenced || error instanceof StaleSnapshot)) throw error;
      this.#count(`${what} ${error.name}`);
      return error;
    }
  }

  async #deploy(rules: number | null): Promise<void> {
    this.#rules = rules;
    const watch = this.#watch;
    this.#count(rules === null ? 'retired' : 'deployed');
    this.#deployment.watched = new Map(
      rules === null ? [] : [[this.#key, { key: this.#key, watch, server }]],
    );
    if (rules === null) await this.#witness.state.retire([]);
    else await enrollWatch(watch, server, this.#witness.state, this.#world.clock);
  }

  async #decide(approve: boolean): Promise<void> {
    const hold = (await this.#real.watch(this.#key))?.hold;
    if (hold?.decision !== 'pending') return;
    this.#count(approve ? 'approved' : 'rejected');
    await this.#witness.state.decideHold(this.#key, hold.digest, approve ? 'approved' : 'rejected');
  }

  async #wakeAll(): Promise<void> {
    const asleep = this.#asleep;
    this.#asleep = [];
    for (const { wake } of asleep) wake();
    await Promise.all(asleep.map(({ ended }) => ended));
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }
}
