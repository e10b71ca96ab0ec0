import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  type Change,
  InvalidConfig,
  InvalidInput,
  loadConfig,
  StateUnusable,
  watch,
  watchAll,
} from '../../infra/local/index.ts';
import { Home } from './home.ts';

const count = 12;

/** A directory whose `count` files a first scan reports all. */
function shelf(t: TestContext, configuration: object = {}) {
  const home = new Home(t);
  const root = home.directory('shelf');
  for (let index = 0; index < count; index += 1) writeFileSync(join(root, `f${index}`), 'x'.repeat(index));
  home.configure({
    servers: { disk: { protocol: 'local' } },
    watches: { shelf: { server: 'disk', root, initial: 'emit', every: '1s' } },
    ...configuration,
  });
  return { home, root, config: home.path('farwatch.yaml'), state: home.path('farwatch.db') };
}

async function takeAll(batches: AsyncIterable<readonly Change[]>): Promise<readonly Change[]> {
  const taken: Change[] = [];
  for await (const batch of batches) taken.push(...batch);
  return taken;
}

describe('watch', () => {
  it('gives every change and ends after one round', async (t) => {
    const { config, state, root } = shelf(t);
    const changes = await takeAll(watch(config, { state, once: true }));
    const names = Array.from({ length: count }, (_, index) => join(root, `f${index}`)).sort();
    assert.deepEqual(changes.map((change) => change.path).sort(), names);
    assert.deepEqual(await takeAll(watch(config, { state, once: true })), []);
  });

  it('takes a loaded configuration, and goes on until the signal', async (t) => {
    const { config, state, root } = shelf(t);
    const loaded = await loadConfig(config, {});
    const stop = new AbortController();
    const paths: string[] = [];
    for await (const batch of watch(loaded.config, { state, signal: stop.signal })) {
      paths.push(...batch.map((change) => change.path));
      if (paths.length === count) writeFileSync(join(root, 'later'), 'found by a later scan');
      if (paths.includes(join(root, 'later'))) stop.abort();
    }
    assert.equal(paths.length, count + 1);
  });

  it('repeats what a loop that was left had not finished, with the same ids', async (t) => {
    const { config, state } = shelf(t);
    const options = { state, once: true, maxBatch: 5, logLevel: 'silent' } as const;
    const seen: (readonly Change[])[] = [];
    for await (const batch of watch(config, options)) {
      seen.push(batch);
      if (seen.length === 2) break; // in the middle of the second batch
    }
    const again = await takeAll(watch(config, options));
    const [first = [], second = []] = seen;
    assert.equal(first.length, 5);
    const ids = again.map((change) => change.id);
    assert.deepEqual(
      ids.slice(0, second.length),
      second.map((change) => change.id),
    );
    assert.equal(ids.length, count - first.length);
    assert.ok(
      first.every((change) => !ids.includes(change.id)),
      'what was taken is not repeated',
    );
  });

  it('throws what the loop throws, and repeats its batch', async (t) => {
    const { config, state } = shelf(t);
    const options = { state, once: true, logLevel: 'silent' } as const;
    const defect = new Error('the consumer failed');
    await assert.rejects(async () => {
      for await (const batch of watch(config, options)) if (batch.length > 0) throw defect;
    }, defect);
    assert.equal((await takeAll(watch(config, options))).length, count);
  });
});

describe('watchAll', () => {
  it('gives every consumer everything, and a slow one delays no other', async (t) => {
    const { config, state } = shelf(t);
    const { consumers, stop, done } = await watchAll(config, ['fast', 'slow'], { state, maxBatch: 3 });
    const released = Promise.withResolvers<void>();
    const slow: Change[] = [];
    const slowly = (async () => {
      for await (const batch of consumers.slow) {
        await released.promise;
        slow.push(...batch);
        if (slow.length === count) stop();
      }
    })();
    const fast: Change[] = [];
    for await (const batch of consumers.fast) {
      fast.push(...batch);
      if (fast.length === count) {
        assert.deepEqual(slow, [], 'the slow one has not finished its first batch');
        released.resolve();
      }
    }
    await slowly;
    await done;
    assert.deepEqual(
      slow.map((change) => change.id),
      fast.map((change) => change.id),
    );
  });

  it('keeps a position for each name', async (t) => {
    const { config, state } = shelf(t);
    const options = { state, once: true, logLevel: 'silent' } as const;
    const first = await watchAll(config, ['a', 'b'], options);
    await takeOne(first.consumers.b);
    // Ends although nobody comes back for the rest of the other.
    assert.equal((await takeAll(first.consumers.a)).length, count);
    first.stop();
    await first.done;
    const second = await watchAll(config, ['a', 'b'], options);
    const [a, b] = await Promise.all([takeAll(second.consumers.a), takeAll(second.consumers.b)]);
    await second.done;
    assert.deepEqual([a.length, b.length], [0, count]);
  });

  it('repeats a batch for a loop that comes back', async (t) => {
    const { config, state } = shelf(t);
    const { consumers, stop, done } = await watchAll(config, ['a'], { state, once: true, maxBatch: 5 });
    const left: Change[] = [];
    for await (const batch of consumers.a) {
      left.push(...batch);
      break;
    }
    const all = await takeAll(consumers.a);
    stop();
    await done;
    assert.equal(left.length, 5);
    assert.deepEqual(all.slice(0, 5), left);
    assert.equal(all.length, count);
  });

  it('wants different names', async (t) => {
    const { config, state } = shelf(t);
    await assert.rejects(watchAll(config, ['a', 'a'], { state, once: true }), InvalidInput);
  });
});

/** Leaves with the first batch in hand. */
async function takeOne(batches: AsyncIterable<readonly Change[]>): Promise<void> {
  for await (const _batch of batches) return;
}

describe('errors', () => {
  it('a bad configuration', async (t) => {
    const { config, state } = shelf(t, { watches: { shelf: { server: 'nowhere', root: '/x' } } });
    await assert.rejects(takeAll(watch(config, { state })), InvalidConfig);
  });

  it('a state that another run holds', async (t) => {
    const { home, config, state } = shelf(t);
    const running = home.start('run');
    await running.until('the first scan', () => running.stderr.includes('scan completed'));
    await assert.rejects(takeAll(watch(config, { state, once: true })), StateUnusable);
    await running.stop();
  });

  it('a state that is none', async (t) => {
    const { config, state } = shelf(t);
    writeFileSync(state, 'no database at all, but long enough to be read as one'.repeat(30));
    await assert.rejects(takeAll(watch(config, { state, once: true })), StateUnusable);
  });
});
