import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type EndingScan, type EndScanServices, endScan } from '../../functions/reassembler/end-scan.ts';
import type { WorkflowInput } from '../../functions/reassembler/workflow.ts';
import { Fenced } from '../../shared/failure.ts';
import { Bench, minute, quiet, server } from '../chaos/bench.ts';

const scanLimits = { inFlight: 1, taskBudgetMs: minute, taskDirectories: 1_000, deadlineMs: 60 * minute };
/** Of the input of an execution: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const mostInputBytes = 256 * 1_024;

class Ends {
  readonly bench: Bench;
  readonly started: { readonly name: string; readonly input: WorkflowInput }[] = [];
  readonly notices: string[] = [];
  ended = 0;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  /** A scan of two directories that has no tasks left. */
  static async open(t: TestContext, workflowFrom: number, name = 'incoming') {
    const bench = await Bench.open(t, { name, scan: { ...scanLimits, workflowFrom } });
    bench.world.put('a/f', 1);
    const scan = await bench.begin();
    return { ends: new Ends(bench), bench, scan };
  }

  async listAll(scan: number): Promise<void> {
    for (const task of await this.bench.tasks(scan)) await this.bench.scanTask(scan, task);
  }

  end(scan: number, more: Partial<EndingScan> = {}): Promise<void> {
    const { watch, key, state, world } = this.bench;
    const services: EndScanServices = {
      state,
      log: quiet,
      committed: () => {},
      notify: async (notices) => void this.notices.push(...notices.map(({ type }) => type)),
      ended: () => {
        this.ended += 1;
      },
      startWorkflow: async (name, input) => void this.started.push({ name, input }),
    };
    const ending = { scan, unfinished: [], again: false, ...more };
    return endScan({ key, watch, server }, ending, services, world.clock);
  }
}

describe('the end of a scan', () => {
  it('of as many directories as are small is made at once', async (t) => {
    const { ends, bench, scan } = await Ends.open(t, 2);
    await ends.listAll(scan);
    await ends.end(scan);
    assert.equal((await bench.state.scan(bench.key, scan))?.closed, true);
    assert.deepEqual([ends.notices, ends.ended, ends.started], [['Scan Completed'], 1, []]);
  });

  it('of one more is made by the workflow, whose input says what it is about', async (t) => {
    const { ends, bench, scan } = await Ends.open(t, 1);
    await ends.listAll(scan);
    await ends.end(scan, { unfinished: [{ subtrees: ['a', 'b'], except: [] }] });
    assert.equal((await bench.state.scan(bench.key, scan))?.closed, false);
    assert.deepEqual(
      ends.started.map(({ input }) => input),
      [
        {
          tenant: 'acme',
          watch: 'incoming',
          scan,
          unfinished: ['a', 'b'],
          changes: 0,
          total: null,
          done: false,
        },
      ],
    );
  });

  // `again` is not looked at: whoever ran out of time runs out of it again and again.
  it('that somebody came upon before, and did not make, is made by the workflow', async (t) => {
    const { ends, scan } = await Ends.open(t, 2);
    await ends.listAll(scan);
    await ends.end(scan, { again: true });
    assert.equal(ends.started.length, 1);
  });

  it('is not made while tasks are left, nor twice', async (t) => {
    const { ends, scan } = await Ends.open(t, 2);
    await ends.end(scan);
    await ends.end(scan + 1);
    assert.deepEqual([ends.ended, ends.started], [0, []]);
    await ends.listAll(scan);
    await ends.end(scan);
    await ends.end(scan, { again: true });
    assert.deepEqual([ends.ended, ends.started], [1, []]);
  });

  it('is told once where two come upon it at the same moment', async (t) => {
    const { ends, bench, scan } = await Ends.open(t, 2);
    await ends.listAll(scan);
    const both = await Promise.allSettled([ends.end(scan), ends.end(scan)]);
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    assert.ok(refused.length <= 1 && refused.every((error) => error instanceof Fenced));
    assert.deepEqual([ends.notices, ends.ended], [['Scan Completed'], 1]);
    assert.equal((await bench.log()).length, 2);
  });
});

describe('an execution', () => {
  it('takes a name that Step Functions takes, the same every time, and of no other scan', async (t) => {
    const names = new Set<string>();
    const long = 'n'.repeat(63);
    for (const watch of ['incoming', `${long}a`, `${long}b`, 'in.coming', 'in coming']) {
      const { ends, scan } = await Ends.open(t, 0, watch);
      await ends.listAll(scan);
      await ends.end(scan);
      await ends.end(scan);
      const [first, second] = ends.started;
      assert.match(first?.name ?? '', /^[A-Za-z0-9_-]{1,72}$/);
      assert.equal(first?.name, second?.name);
      names.add(first?.name ?? '');
    }
    assert.equal(names.size, 5);
  });

  // `fitting` lets all of them through.
  it('is given what was not finished as far as its input may hold it', async (t) => {
    const { ends, scan } = await Ends.open(t, 0);
    await ends.listAll(scan);
    const hostile = ['\u0000', '"', '\\', '\u2028', '😀', '\ud800', 'x\udc80'];
    const subtrees = Array.from({ length: 5_000 }, (_, index) =>
      `${index}/${hostile[index % hostile.length]}`.padEnd(4_000, hostile[index % hostile.length]),
    );
    await ends.end(scan, { unfinished: [{ subtrees: [...subtrees, ...subtrees], except: [] }] });
    const [started] = ends.started;
    const unfinished = started?.input.unfinished ?? [];
    assert.ok(unfinished.length > 3, `${unfinished.length} paths`);
    assert.ok(Buffer.byteLength(JSON.stringify(started?.input)) < mostInputBytes);
    assert.ok(unfinished.every((path) => subtrees.includes(path)));
    // Not every reader of JSON takes half a pair: the input would be refused, and the scan never end.
    assert.ok(unfinished.every((path) => path.isWellFormed()));
  });

  it('is given all of it where there is little, and nothing where there is nothing', async (t) => {
    const { ends, scan } = await Ends.open(t, 0);
    await ends.listAll(scan);
    await ends.end(scan, { unfinished: [{ subtrees: ['a', 'b', 'a'], except: [] }] });
    await ends.end(scan, { unfinished: [] });
    assert.deepEqual(
      ends.started.map(({ input }) => input.unfinished),
      [['a', 'b'], []],
    );
  });
});
