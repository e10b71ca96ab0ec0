import assert from 'node:assert/strict';
import { planScan } from '../../functions/planner/plan-scan.ts';
import { reassemble } from '../../functions/reassembler/reassemble.ts';
import { scanTask } from '../../functions/scanner/scan.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import { Fenced } from '../../shared/failure.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import { selectionDigest } from '../../shared/tree/selection.ts';
import { quiet, server } from './bench.ts';
import { Crash, mortal } from './crash.ts';
import { type Answer, FakeRemote } from './fake-remote.ts';
import type { ScanStep, Settings } from './history.ts';
import type { World } from './world.ts';

/** What one process does of a scan before it ends or dies. */
export class Process {
  readonly #step: ScanStep;
  readonly #world: World;
  readonly #state: State;
  readonly #settings: Settings;
  readonly #watch: WatchConfig;
  readonly #answers: Answer[];
  readonly #abort = new AbortController();

  constructor(step: ScanStep, world: World, state: State, settings: Settings, watch: WatchConfig) {
    this.#step = step;
    this.#world = world;
    this.#state = mortal(state, step.crash);
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
      root: this.#watch.root,
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

interface Gate {
  readonly opened: Promise<void>;
  readonly reached: () => void;
}
