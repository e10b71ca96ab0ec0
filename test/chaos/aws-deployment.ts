import { tick } from '../../functions/planner/tick.ts';
import { publish } from '../../functions/publisher/publish.ts';
import {
  type EndingScan,
  type EndScanServices,
  endHere,
  endScan,
} from '../../functions/reassembler/end-scan.ts';
import { judgeHeldChanges } from '../../functions/reassembler/reassemble.ts';
import { workTask } from '../../functions/scanner/work-task.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { Watched } from '../../shared/config/watched.ts';
import { PublishFailed } from '../../shared/failure.ts';
import type { State, WatchKey } from '../../shared/state/state.ts';
import type { TaskMessage } from '../../shared/tasks/tasks.ts';
import type { AwsSettings } from './aws-history.ts';
import { AdverseQueue } from './aws-queue.ts';
import { type Execution, Workflows } from './aws-workflows.ts';
import { everything, quiet } from './bench.ts';
import { type Answer, FakeRemote } from './fake-remote.ts';
import type { Fated } from './fate.ts';
import { rulesets } from './rulesets.ts';
import type { World } from './world.ts';

export const outputs = ['bus', 'queue'] as const;
export const root = '/root';

/** The one watch of the configuration. */
export function watchOf(settings: AwsSettings, rules: number): WatchConfig {
  const { initial, confirm, maxPercent, moves, settleMs, ...scan } = settings;
  return {
    name: 'incoming',
    tenant: 'acme',
    server: 'server',
    root,
    selection: rulesets[rules] ?? everything,
    schedule: { every: 60_000 },
    maxStalenessMs: null,
    initial,
    settleMs,
    deletes: { confirm, maxPercent, minCount: 3 },
    moves,
    scan,
  };
}

/** The functions of a deployment around one state, as their handlers put them together; all else is the adversary's. */
export class Deployment {
  readonly queue: AdverseQueue;
  readonly workflows: Workflows;
  /** What each output was given, in the order of arrival and with its repeats. */
  readonly received = new Map<string, Change[]>(outputs.map((output) => [output, []]));
  /** What the configuration names now; invocations take it along. */
  watched: ReadonlyMap<WatchKey, Watched> = new Map();
  readonly #world: World;
  readonly #settings: AwsSettings;

  constructor(world: World, settings: AwsSettings) {
    this.#world = world;
    this.#settings = settings;
    this.queue = new AdverseQueue(() => world.clock);
    this.workflows = new Workflows(() => world.clock);
  }

  async tick({ state, signal }: Fated): Promise<void> {
    const services = {
      watched: this.watched,
      state,
      outputs,
      log: quiet,
      tasks: this.queue,
      wake: () => {},
      end: (watched: Watched, scan: number, unfinished: EndingScan['unfinished']) =>
        endScan(watched, { scan, unfinished, again: true }, this.#ending(state), this.#world.clock),
    };
    await tick(services, this.#world.clock, signal);
  }

  async task(message: TaskMessage, answers: readonly Answer[], { state, signal }: Fated): Promise<void> {
    const services = {
      watched: this.watched,
      state,
      tasks: this.queue,
      log: quiet,
      clock: () => this.#world.clock,
      committed: () => {},
      sessions: () => this.#sessions([...answers]),
      end: (watched: Watched, scan: number, again: boolean) =>
        endScan(watched, { scan, unfinished: [], again }, this.#ending(state), this.#world.clock),
    };
    await workTask(message, services, signal);
  }

  /** One step of an execution; its answer is the input of the next one. */
  async workflow(execution: Execution, { state, signal }: Fated): Promise<void> {
    const { input } = execution;
    const found = this.watched.get(`${input.tenant}/${input.watch}`);
    if (found === undefined) {
      execution.status = 'FAILED';
      return;
    }
    const unfinished = [{ subtrees: input.unfinished, except: [] }];
    const reassembly = {
      watch: found.watch,
      server: found.server,
      scan: input.scan,
      unfinished,
      changes: input.changes,
      total: input.total,
    };
    const services = this.#ending(state);
    if (input.done) {
      await endHere(found, reassembly, services, this.#world.clock);
      execution.status = 'SUCCEEDED';
    } else {
      const judged = await judgeHeldChanges(reassembly, services, this.#world.clock, signal);
      execution.input = { ...input, ...judged, changes: input.changes + judged.changes };
    }
    execution.failures = 0;
  }

  async publish(output: string, takes: number | null, { state, signal }: Fated): Promise<void> {
    const channel = this.#channel(this.received.get(output) ?? [], takes);
    await publish({ name: output, channel }, { state, log: quiet }, this.#world.clock, signal);
  }

  #ending(state: State): EndScanServices {
    return {
      state,
      log: quiet,
      committed: () => {},
      notify: async () => {},
      ended: () => {},
      startWorkflow: (name, input) => this.workflows.start(name, input),
    };
  }

  #sessions(answers: Answer[]) {
    const remote = new FakeRemote(this.#world, {
      root,
      inFlight: this.#settings.inFlight,
      coarse: false,
      answers,
      hollow: false,
      gate: undefined,
      answered: () => {},
    });
    return {
      open: async (_server: unknown, signal: AbortSignal) => ({
        session: await remote.connect(signal),
        release: async () => {},
      }),
      idle: () => this.#settings.idle,
      close: async () => {},
    };
  }

  #channel(received: Change[], takes: number | null): Channel {
    let refusing = takes;
    return {
      maxBatch: this.#settings.maxBatch,
      async send(changes) {
        const taken = changes.filter((_, index) => refusing === null || (refusing >> (index % 8)) & 1);
        received.push(...taken);
        refusing = null;
        const refused = changes.filter((change) => !taken.includes(change));
        if (refused.length > 0)
          throw new PublishFailed(
            'not now',
            refused.map(({ id }) => id),
          );
      },
      async notify() {},
      async close() {},
    };
  }
}
