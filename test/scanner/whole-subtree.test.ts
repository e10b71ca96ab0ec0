import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { scanTask } from '../../functions/scanner/scan.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { ListRequest } from '../../shared/remote/remote.ts';
import type { TaskScope } from '../../shared/tree/plan.ts';
import type { SelectionRules } from '../../shared/tree/selection.ts';
import { Bench, day, everything, quiet, server } from '../chaos/bench.ts';

const files = ['f', 'a/f', 'a/in/f', 'a/in/deep/f', 'b/in/f', 'c/f'];
const wholeTree: TaskScope = { subtrees: [''], except: [] };

/** Of which directories the session is told that all below them will be asked for. */
async function wholeIn(
  t: TestContext,
  { scope = wholeTree, ...watch }: Partial<WatchConfig> & { readonly scope?: TaskScope } = {},
): Promise<readonly string[]> {
  const bench = await Bench.open(t, watch);
  for (const file of files) bench.world.put(file, 1);
  await bench.scan();
  const scan = await bench.begin([scope]);
  const whole: string[] = [];
  const asked: string[] = [];
  async function* seen(requests: AsyncIterable<ListRequest>): AsyncGenerator<ListRequest, void, void> {
    for await (const request of requests) {
      const directory = request.path.slice('/root/'.length);
      asked.push(directory);
      if (request.wholeSubtree === true) whole.push(directory);
      yield request;
    }
  }
  const { open, idle } = bench.sessions();
  const sessions = {
    idle,
    open: async (_server: unknown, signal: AbortSignal) => {
      const { session, release } = await open(_server, signal);
      const list: typeof session.list = (requests, until) => session.list(seen(requests), until);
      return {
        session: {
          capabilities: session.capabilities,
          ping: (until: AbortSignal) => session.ping(until),
          close: () => session.close(),
          list,
        },
        release,
      };
    },
  };
  const services = { state: bench.state, sessions, log: quiet, committed: () => {}, advanced: () => {} };
  const [task = ''] = await bench.tasks(scan);
  await scanTask(
    { watch: bench.watch, server, scan, task },
    services,
    () => bench.world.clock,
    new AbortController().signal,
  );
  for (const directory of whole) {
    const below = ['a', 'a/in', 'a/in/deep', 'b', 'b/in', 'c'].filter((at) =>
      at.startsWith(directory === '' ? '' : `${directory}/`),
    );
    assert.ok(below.length > 0, `there are directories in ${directory}`);
    assert.deepEqual(
      below.filter((at) => !asked.includes(at)),
      [],
      `below ${directory}`,
    );
  }
  return whole.toSorted();
}

describe('a session is told that a whole subtree will be asked for', () => {
  const selecting = (rules: Partial<SelectionRules>) => ({ selection: { ...everything, ...rules } });
  const glob = (pattern: string) => [{ type: 'glob', pattern } as const];

  it('where there are directories, and not where there are none', async (t) => {
    assert.deepEqual(await wholeIn(t), ['', 'a', 'a/in', 'b']);
  });

  it('where every file is looked for, wherever it is', async (t) => {
    assert.deepEqual(await wholeIn(t, selecting({ include: glob('**/f') })), ['', 'a', 'a/in', 'b']);
  });

  it('not where other tasks have some of it', async (t) => {
    const scope = { subtrees: [''], except: ['a/in/deep', 'c'] };
    assert.deepEqual(await wholeIn(t, { scope }), ['b']);
    assert.deepEqual(await wholeIn(t, { scope: { subtrees: ['a/in', 'b'], except: [] } }), ['a/in', 'b']);
  });

  for (const [what, watch] of Object.entries({
    'what is excluded': selecting({ exclude: glob('a/**') }),
    'what is not included': selecting({ include: glob('a/*') }),
    'what is hidden': selecting({ hidden: false }),
    'what is too deep': selecting({ maxDepth: 2 }),
    'what rests': { maxStalenessMs: day },
  })) {
    it(`not where ${what} is left out`, async (t) => {
      assert.deepEqual(await wholeIn(t, watch), []);
    });
  }
});
