import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { scanTask } from '../../functions/scanner/scan.ts';
import { Bench, minute, quiet, server } from '../chaos/bench.ts';

/** What a task hands on while slots are idle, and what it then has asked for itself. */
async function shared(
  t: TestContext,
  { foreseen, taskBudgetMs = minute }: { readonly foreseen: RegExp; readonly taskBudgetMs?: number },
): Promise<{ readonly handedOn: readonly string[]; readonly asked: readonly string[] }> {
  const scan = {
    inFlight: 1,
    taskBudgetMs,
    taskDirectories: 1,
    deadlineMs: 60 * minute,
    workflowFrom: 20_000,
  };
  const bench = await Bench.open(t, { scan });
  for (const path of ['a/in/deep/f', 'a/on/f', 'b/in/f', 'c/f']) bench.world.put(path, 1);
  const number = await bench.begin();
  const [task = ''] = await bench.tasks(number);
  const asked: string[] = [];
  const { open } = bench.sessions();
  const sessions = {
    idle: () => 1,
    open: async (...args: Parameters<typeof open>) => {
      const leased = await open(...args);
      leased.session.foresees = (path) => foreseen.test(path);
      const list = leased.session.list.bind(leased.session);
      leased.session.list = (requests, signal) =>
        list(
          (async function* () {
            for await (const request of requests) {
              asked.push(request.path.slice('/root/'.length));
              yield request;
            }
          })(),
          signal,
        );
      return leased;
    },
  };
  const services = { state: bench.state, sessions, log: quiet, committed: () => {}, advanced: () => {} };
  const { signal } = new AbortController();
  await scanTask(
    { watch: bench.watch, server, scan: number, task },
    services,
    () => bench.world.clock,
    signal,
  );
  const tasks = await bench.tasks(number);
  const scopes = await Promise.all(
    tasks.map((each) => bench.state.claimTask(bench.key, number, each, bench.world.clock)),
  );
  return { handedOn: scopes.flatMap((claimed) => claimed?.scope.subtrees ?? []).toSorted(), asked };
}

describe('a task that could share its work', () => {
  it('hands on all that is left', async (t) => {
    assert.deepEqual(await shared(t, { foreseen: /^$/ }), { handedOn: ['a', 'b', 'c'], asked: [''] });
  });

  it('but keeps what its session foresees, at any depth', async (t) => {
    assert.deepEqual(await shared(t, { foreseen: /\/a(?!\/on)/ }), {
      handedOn: ['a/on', 'b', 'c'],
      asked: ['', 'a', 'a/in', 'a/in/deep'],
    });
  });

  it('not when its time is up', async (t) => {
    const { handedOn, asked } = await shared(t, { foreseen: /\/a/, taskBudgetMs: 0 });
    assert.deepEqual({ handedOn, asked }, { handedOn: ['a', 'b', 'c'], asked: [''] });
  });
});
