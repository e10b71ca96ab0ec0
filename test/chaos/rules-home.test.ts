import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { enrollWatch } from '../../functions/planner/plan-scan.ts';
import { Publishing } from '../../infra/local/publishing.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { nextDue } from '../../shared/config/schedule.ts';
import { RemoteUnavailable } from '../../shared/failure.ts';
import { SessionPool } from '../../shared/remote/session-pool.ts';
import type { State } from '../../shared/state/state.ts';
import { Home } from '../local/home.ts';
import { serverEntry } from '../local/server-entry.ts';
import { startNpmSftp } from '../servers/npm-servers.ts';
import { listen } from '../servers/ports.ts';
import { buildTree } from '../tree-builder.ts';
import { Bench, minute, quiet, server, until } from './bench.ts';
import { Crash, mortal } from './crash.ts';

/**
 * The rules of protocol.md that the one-process home keeps. Above each test stands the mutation of the code that it
 * was seen to fail with.
 */
describe('rule 3: messages only wake workers', () => {
  const splitting = {
    inFlight: 1,
    taskBudgetMs: 0,
    taskDirectories: 1,
    deadlineMs: 60 * minute,
    workflowFrom: 20_000,
  };

  async function interrupted(t: TestContext, call: string): Promise<Bench> {
    const bench = await Bench.open(t, { scan: splitting });
    for (const path of ['a/1', 'b/2']) bench.world.put(path, 1);
    const scan = await bench.begin();
    for (;;) {
      const [task = ''] = await bench.tasks(scan);
      const dying = dyingAfter(bench.state, call);
      const crashed = await bench.scanTask(scan, task, undefined, dying).then(
        () => false,
        (error: unknown) => error instanceof Crash,
      );
      if (crashed) return bench;
    }
  }

  // resume() does not send what waits.
  for (const call of ['claimTask', 'commit', 'completeTask']) {
    it(`a process killed after ${call} leaves a scan that the next one ends`, async (t) => {
      const bench = await interrupted(t, call);
      const runner = bench.runner();
      await runner.resume();
      await until(async () => (await bench.state.watch(bench.key))?.openScan === null);
      await runner.drain();
      const paths = (await bench.log()).map(({ path }) => path);
      assert.deepEqual(paths.toSorted(), ['/root/a', '/root/a/1', '/root/b', '/root/b/2']);
    });
  }

  // advance() returns without a word where no task is left.
  it('a process killed before the reassembly leaves a scan that the next one ends', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a/1', 1);
    const scan = await bench.begin();
    const [task = ''] = await bench.tasks(scan);
    await bench.scanTask(scan, task);
    await bench.runner().resume();
    assert.equal((await bench.state.watch(bench.key))?.openScan, null);
  });

  // watchOver() does not send what waits.
  it('the tick sends what nobody claimed', async (t) => {
    const bench = await Bench.open(t);
    bench.world.put('a/1', 1);
    let claims = 0;
    const forgetful: State = {
      ...bench.state,
      // The first message is as good as lost: its worker finds nothing and goes away.
      claimTask: async (...args) => {
        claims += 1;
        return claims === 1 ? undefined : bench.state.claimTask(...args);
      },
    };
    const runner = bench.runner(forgetful);
    await runner.tick();
    await until(async () => {
      await runner.watchOver();
      return (await bench.log()).length > 0;
    });
    await runner.drain();
    assert.ok(claims >= 2);
  });
});

describe('rule 4: sessions', () => {
  // #acquire takes a lease that it did not get.
  it('never exceed the connections of an account, over all watches and names of it', async (t) => {
    const origin = await startNpmSftp({});
    t.after(() => origin.stop());
    buildTree(origin.localRoot, { files: 200, directories: 20, seed: 4 });
    const proxy = await countingProxy(t, origin.config.port);
    const home = new Home(t);
    const entry = serverEntry(home, origin, { port: proxy.port, connections: 2 });
    const watch = (name: string) => ({ server: name, root: origin.root, scale: { taskDirectories: 1 } });
    home.configure({
      servers: { one: entry, another: entry },
      watches: { a: watch('one'), b: watch('another'), c: watch('one'), d: watch('another') },
      outputs: [{ type: 'stdout' }],
    });
    const { code, stderr } = await home.once();
    assert.equal(code, 0, stderr);
    assert.equal(proxy.most(), 2);
  });

  // isBusy is taken for a failed login; or thrown at once.
  it('"too many sessions" backs off and is no failed login', async (t) => {
    const bench = await Bench.open(t);
    let attempts = 0;
    const pool = new SessionPool({
      state: bench.state,
      log: quiet,
      clock: Date.now,
      holder: 'test',
      keepMs: minute,
      remote: async () => ({
        credentials: 'same',
        remote: {
          connect: async (signal) => {
            attempts += 1;
            if (attempts === 1) throw new RemoteUnavailable('busy', 'too many connections');
            return (await bench.sessions().open(server, signal)).session;
          },
        },
      }),
    });
    const leased = await pool.open(server, new AbortController().signal);
    await leased.release(null);
    await pool.close();
    assert.equal(attempts, 2);
    assert.equal(await bench.state.server('local:server'), undefined);
  });
});

describe('rule 6: the deadline', () => {
  const splitting = {
    inFlight: 1,
    taskBudgetMs: 0,
    taskDirectories: 1,
    deadlineMs: 60 * minute,
    workflowFrom: 20_000,
  };

  // completeTask does not renew it; watchOver does not look at it.
  it('is renewed by every completed task, and ends a scan that stands still', async (t) => {
    const bench = await Bench.open(t, { scan: splitting });
    for (const path of ['a/1', 'b/2', 'c/3']) bench.world.put(path, 1);
    const scan = await bench.begin();
    const idle: State = { ...bench.state, claimTask: async () => undefined };
    const runner = bench.runner(idle);
    await runner.resume();
    for (let done = 0; done < 2; done += 1) {
      bench.world.clock += 50 * minute;
      const [task = ''] = await bench.tasks(scan);
      await bench.scanTask(scan, task);
      await runner.watchOver();
      assert.equal((await bench.state.watch(bench.key))?.openScan, scan, `after ${done + 1} tasks`);
    }
    bench.world.clock += 61 * minute;
    await runner.watchOver();
    await runner.drain();
    const record = await bench.state.watch(bench.key);
    assert.deepEqual([record?.openScan, record?.lastScan?.status], [null, 'incomplete']);
  });

  // unfinishedFirst returns the plan as it is.
  it('unfinished subtrees come first in the next scan', async (t) => {
    const bench = await Bench.open(t);
    for (const top of ['a', 'b', 'c', 'd']) {
      for (let index = 0; index < 210; index += 1) bench.world.put(`${top}/${index}`, null);
    }
    await bench.scan();
    for (const lost of ['a', 'b', 'c', 'd']) {
      bench.closed.add(lost);
      assert.equal((await bench.scan()).summary.status, 'incomplete');
      bench.closed.clear();
      const [first, ...others] = (await bench.state.watch(bench.key))?.plan ?? [];
      assert.ok(others.length > 0);
      const rest = others.flatMap((scope) => scope.subtrees);
      const isOwn =
        first?.subtrees.includes(lost) || (first?.subtrees.includes('') && !first.except.includes(lost));
      assert.ok(isOwn && !rest.includes(lost), `${lost} is in the first task`);
    }
  });
});

describe('rule 18: outputs', () => {
  // finish() and the loops publish one output after another.
  it('a dead one delays neither scans nor others', async (t) => {
    const bench = await Bench.open(t);
    await bench.state.registerOutputs(['dead', 'alive']);
    const taken: Change[] = [];
    const alive = channel(async (changes) => void taken.push(...changes));
    const dead = channel(
      (_changes, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new RemoteUnavailable('lost', 'cut')), {
            once: true,
          });
        }),
    );
    const publishing = new Publishing(
      [
        { name: 'dead', channel: dead },
        { name: 'alive', channel: alive },
      ],
      { state: bench.state, log: quiet, clock: Date.now, readerGone() {}, failed() {} },
    );
    for (const path of ['a', 'b', 'c']) {
      bench.world.put(path, 1);
      assert.equal((await bench.scan()).summary.status, 'complete');
      publishing.wake();
      await until(() => taken.at(-1)?.path === `/root/${path}`);
    }
    const finished = publishing.finish(AbortSignal.abort());
    await finished.catch(() => undefined);
    assert.equal((await bench.state.unpublished('dead', { limit: 10 })).changes.length, 3);
  });
});

describe('rule 25: due watches', () => {
  // nextDue without an offset.
  it('have a stable offset each, spread over the interval', () => {
    const every = 5 * minute;
    const now = Date.UTC(2026, 10, 21);
    const dues = Array.from({ length: 1_000 }, (_, index) =>
      nextDue({ tenant: 'acme', name: `w${index}`, schedule: { every } }, now),
    );
    const perMinute = [0, 1, 2, 3, 4].map(
      (from) => dues.filter((due) => Math.floor((due - now - 1) / minute) === from).length,
    );
    assert.ok(Math.min(...perMinute) > 120, String(perMinute));
    const [first = 0] = dues;
    const watch = { tenant: 'acme', name: 'w0', schedule: { every } };
    assert.equal(nextDue(watch, first), first + every, 'the next one is one interval later');
    assert.equal(nextDue(watch, first - 1), first, 'whenever it is asked');
  });

  // tick() asks for all that is due.
  it('a tick begins a bounded number, and the next ones go on', async (t) => {
    const { bench, runner, calls } = await manyWatches(t, 120);
    await runner.tick();
    const begun = calls.get('beginScan') ?? 0;
    assert.ok(begun > 0 && begun < 120, `${begun} begun`);
    for (let tick = 0; tick < 10; tick += 1) await runner.tick();
    await runner.drain();
    assert.equal(calls.get('beginScan'), 120);
    assert.equal((await bench.state.due(bench.world.clock, 1)).length, 0);
  });

  // tick() asks for the record of every watch.
  it('ten thousand idle watches cost a tick nothing', async (t) => {
    const { bench, runner, calls } = await manyWatches(t, 10_000);
    for (const { key } of await bench.state.watches()) {
      await bench.state.setNextDue(key, bench.world.clock + minute);
    }
    calls.clear();
    await runner.tick();
    assert.deepEqual([...calls], [['due', 1]]);
  });
});

describe('rule 27: orders', () => {
  // decideHold leaves `next_due_at` alone: the runner would find the order only when the watch is due.
  it('an approval is a row that the runner finds', async (t) => {
    const bench = await Bench.open(t, {
      schedule: { every: 600 * minute },
      deletes: { confirm: 1, maxPercent: 20, minCount: 1 },
    });
    for (const path of ['a', 'b']) bench.world.put(path, 1);
    await bench.scan();
    bench.world.remove('a');
    const { hold } = await bench.scan();
    const runner = bench.runner();
    await runner.tick();
    assert.equal((await bench.state.watch(bench.key))?.openScan, null, 'nothing is due');
    await bench.state.decideHold(bench.key, hold?.digest ?? '', 'approved');
    await runner.tick();
    await until(async () => (await bench.state.watch(bench.key))?.openScan === null);
    await runner.drain();
    assert.equal((await bench.log()).at(-1)?.type, 'deleted');
  });
});

function dyingAfter(state: State, name: string): State {
  let dead: State | undefined;
  return new Proxy(state, {
    get(target, property, receiver) {
      if (property === name) dead = mortal(target, { call: 1, after: true });
      return Reflect.get(dead ?? target, property, receiver) as unknown;
    },
  });
}

function channel(send: Channel['send']): Channel {
  return { maxBatch: 100, send, notify: async () => {}, close: async () => {} };
}

/** Many watches of one tree, and how often a tick calls what of the state. */
async function manyWatches(t: TestContext, count: number) {
  const bench = await Bench.open(t);
  const watches = Array.from({ length: count }, (_, index) => ({ ...bench.watch, name: `w${index}` }));
  for (const watch of watches) await enrollWatch(watch, server, bench.state, bench.world.clock);
  await bench.state.retire(watches.map(({ name }) => `acme/${name}` as const));
  const calls = new Map<string, number>();
  const counted = new Proxy(bench.state, {
    get(target, property, receiver) {
      const name = String(property);
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return Reflect.get(target, property, receiver) as unknown;
    },
  });
  const runner = bench.runner(counted, new Map(watches.map((watch) => [watch.name, watch])));
  return { bench, runner, calls };
}

/** Passes connections on and counts those that stand at once. */
async function countingProxy(t: TestContext, port: number) {
  const open = new Set<Socket>();
  let most = 0;
  const proxy = createServer((client) => {
    const origin = connect(port, '127.0.0.1');
    open.add(client);
    most = Math.max(most, open.size);
    const gone = () => void open.delete(client);
    client.on('close', gone).on('error', () => origin.destroy());
    // Before the client can know it: a connection that it opens next must not be counted beside this one.
    origin.on('end', gone).on('error', () => client.destroy());
    client.pipe(origin).pipe(client);
  });
  t.after(() => {
    for (const socket of open) socket.destroy();
    proxy.close();
  });
  return { port: await listen(proxy, 0), most: () => most };
}
