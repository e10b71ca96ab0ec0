import type { TestContext } from 'node:test';
import { enrollWatch } from '../../functions/planner/plan-scan.ts';
import { type TickServices, tick } from '../../functions/planner/tick.ts';
import type { Watched } from '../../shared/config/watched.ts';
import type { Logger } from '../../shared/log.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { type State, type WatchKey, watchKey } from '../../shared/state/state.ts';
import type { TaskMessage, Tasks } from '../../shared/tasks/tasks.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import { minute, server } from '../chaos/bench.ts';
import { plainWatch } from '../scanner/watched.ts';

export interface Sent {
  readonly message: TaskMessage;
  readonly repeat: number;
}

/** A planner over a real state, with what it sends, ends, logs and wakes written down. */
export class Planner {
  readonly state: State;
  readonly watched = new Map<WatchKey, Watched>();
  readonly sent: Sent[] = [];
  readonly ended: { readonly watch: string; readonly unfinished: readonly TaskScope[] }[] = [];
  readonly errors: string[] = [];
  woken = 0;
  now = Date.UTC(2026, 10, 21, 1);
  /** Watches whose tasks the queue refuses. */
  readonly refused = new Set<string>();

  constructor(t: TestContext) {
    this.state = openSqliteState(':memory:', { create: true });
    t.after(() => this.state.close());
  }

  async enroll(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const watch = { ...plainWatch, name, scan: { ...plainWatch.scan, deadlineMs: 60 * minute } };
      this.watched.set(watchKey(watch), { key: watchKey(watch), watch, server });
      await enrollWatch(watch, server, this.state, this.now);
    }
  }

  tick(state: State = this.state, signal = new AbortController().signal) {
    const tasks: Tasks = {
      send: async (_server, messages, repeat = 0) => {
        for (const message of messages) {
          if (this.refused.has(message.watch)) throw new Error(`no room for ${message.watch}`);
          this.sent.push({ message, repeat });
        }
      },
    };
    const log: Logger = {
      debug() {},
      info() {},
      warn() {},
      error: (fields) => void this.errors.push(String(fields['watch'])),
      child: () => log,
    };
    const services: TickServices = {
      watched: this.watched,
      state,
      outputs: ['bus'],
      log,
      tasks,
      wake: () => {
        this.woken += 1;
      },
      end: async ({ watch }, _scan, unfinished) => {
        this.ended.push({ watch: watch.name, unfinished });
      },
    };
    return tick(services, this.now, signal);
  }

  /** What was sent since it was asked last. */
  taken(): readonly string[] {
    return this.sent.splice(0).map(({ message: { watch, scan, task }, repeat }) => {
      return `${watch} ${scan} ${task} ${repeat}`;
    });
  }
}
