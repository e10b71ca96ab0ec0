import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { workTask } from '../../functions/scanner/work-task.ts';
import { Fenced, StateUnusable } from '../../shared/failure.ts';
import type { State } from '../../shared/state/state.ts';
import type { TaskMessage } from '../../shared/tasks/tasks.ts';
import { Bench, minute, quiet, server, until } from '../chaos/bench.ts';
import { Crash, mortal } from '../chaos/crash.ts';

interface Delivery {
  readonly state?: State;
  readonly gate?: Promise<void>;
  readonly watch?: string;
  readonly signal?: AbortSignal;
}

/** Scanners as a queue invokes them, with what follows written down. */
class Scanners {
  readonly bench: Bench;
  readonly sent: string[] = [];
  readonly ended: { readonly scan: number; readonly again: boolean }[] = [];
  closed = 0;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  static async open(t: TestContext): Promise<Scanners> {
    const scan = {
      inFlight: 1,
      taskBudgetMs: 0,
      taskDirectories: 1,
      deadlineMs: 60 * minute,
      workflowFrom: 20_000,
    };
    const bench = await Bench.open(t, { scan });
    for (const path of ['a/1', 'b/2', 'c/3']) bench.world.put(path, path.charCodeAt(2));
    return new Scanners(bench);
  }

  work(scan: number, task: string, more: Delivery = {}) {
    const { bench } = this;
    const { watch, key } = bench;
    const message: TaskMessage = { tenant: watch.tenant, watch: more.watch ?? watch.name, scan, task };
    const services = {
      watched: new Map([[key, { key, watch, server }]]),
      state: more.state ?? bench.state,
      tasks: {
        send: async (_server: string, messages: readonly TaskMessage[]) => {
          this.sent.push(...messages.map((each) => each.task));
        },
      },
      log: quiet,
      clock: () => bench.world.clock,
      committed: () => {},
      sessions: () => ({
        ...bench.sessions(more.gate),
        idle: () => 2,
        close: async () => {
          this.closed += 1;
        },
      }),
      end: async (_watched: unknown, number: number, again: boolean) => {
        this.ended.push({ scan: number, again });
      },
    };
    return workTask(message, services, more.signal ?? new AbortController().signal);
  }
}

describe('a message of a task', () => {
  it('has it done, what it hands on sent, and the scan ended with the last', async (t) => {
    const scanners = await Scanners.open(t);
    const scan = await scanners.bench.begin();
    const todo = [...(await scanners.bench.tasks(scan))];
    for (let task = todo.shift(); task !== undefined; task = todo.shift()) {
      assert.deepEqual(scanners.ended, []);
      const before = scanners.sent.length;
      await scanners.work(scan, task);
      todo.push(...scanners.sent.slice(before));
    }
    assert.equal(scanners.sent.length, 3);
    assert.deepEqual(scanners.ended, [{ scan, again: false }]);
    assert.equal(scanners.closed, 4, 'the sessions of every invocation end with it');
  });

  // `children` of a task that is done are not looked for; `left` is not.
  it('of a task that is done sends again what may have been lost, and works no more', async (t) => {
    const scanners = await Scanners.open(t);
    const { bench } = scanners;
    const scan = await bench.begin();
    const [first = ''] = await bench.tasks(scan);
    const crashing: State = {
      ...bench.state,
      completeTask: async (...args) => {
        await bench.state.completeTask(...args);
        throw new Crash('after completeTask');
      },
    };
    await assert.rejects(scanners.work(scan, first, { state: crashing }), Crash);
    assert.deepEqual(scanners.sent, []);
    const { listed } = bench;
    await scanners.work(scan, first);
    assert.deepEqual(scanners.sent.splice(0), await bench.tasks(scan));
    assert.equal(bench.listed, listed);
    // One that runs already is not sent again.
    const [running = '', ...waiting] = await bench.tasks(scan);
    await bench.state.claimTask(bench.key, scan, running, bench.world.clock);
    await scanners.work(scan, first);
    assert.deepEqual(scanners.sent.splice(0), waiting);
    for (const task of [running, ...waiting]) await scanners.work(scan, task);
    scanners.ended.splice(0);
    await scanners.work(scan, first);
    assert.deepEqual(scanners.ended, [{ scan, again: true }]);
  });

  it('of a closed scan, or of a watch that nobody names any more, does nothing', async (t) => {
    const scanners = await Scanners.open(t);
    const { bench } = scanners;
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await scanners.work(scan, task, { watch: 'gone' });
    await scanners.work(scan + 1, task);
    assert.equal(bench.listed, 0);
    await bench.end(scan, await bench.state.abandonTasks(bench.key, scan));
    await scanners.work(scan, task);
    assert.equal(bench.listed, 0);
    assert.deepEqual([scanners.sent, scanners.ended], [[], []]);
  });

  // workTask does not say `mostAttempts`.
  it('that came five times in vain is given up: the scan ends, incomplete', async (t) => {
    const scanners = await Scanners.open(t);
    const { bench } = scanners;
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const dying = mortal(bench.state, { call: 4, after: true });
      await assert.rejects(scanners.work(scan, task, { state: dying }), Crash);
    }
    assert.equal(scanners.closed, 5);
    const { listed } = bench;
    await scanners.work(scan, task);
    assert.equal(bench.listed, listed, 'nothing is listed any more');
    assert.deepEqual(scanners.ended, [{ scan, again: false }]);
    const { summary } = await bench.end(scan);
    assert.deepEqual([summary.status, summary.failure?.error], ['incomplete', 'TaskGivenUp']);
    assert.equal((await bench.scan()).summary.status, 'complete', 'the next one tries again');
  });

  it('that is delivered while it is worked on fences the first attempt off', async (t) => {
    const scanners = await Scanners.open(t);
    const { bench } = scanners;
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    const gate = Promise.withResolvers<void>();
    const first = scanners.work(scan, task, { gate: gate.promise });
    await until(() => bench.listed === 1);
    await scanners.work(scan, task);
    gate.resolve();
    await assert.rejects(first, Fenced);
    assert.equal(scanners.sent.length, 3, 'only what the one attempt hands on');
  });

  // Whatever is thrown after the signal aborted counts as running out of time.
  it('is not done where the state fails as the time is up', async (t) => {
    const scanners = await Scanners.open(t);
    const { bench } = scanners;
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    const abort = new AbortController();
    const failing: State = {
      ...bench.state,
      commit: async () => {
        abort.abort();
        throw new StateUnusable('the table takes no more requests');
      },
    };
    await assert.rejects(scanners.work(scan, task, { state: failing, signal: abort.signal }), StateUnusable);
    assert.deepEqual(await bench.tasks(scan), [task]);
    await scanners.work(scan, task);
    assert.equal(scanners.sent.length, 3, 'its children are known now');
  });
});
