import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { publish } from '../../functions/publisher/publish.ts';
import type { Change } from '../../shared/changes/change.ts';
import type { Channel } from '../../shared/changes/channel.ts';
import { PublishFailed } from '../../shared/failure.ts';
import { type State, watchKey } from '../../shared/state/state.ts';
import { never, quiet, recordingLog, sampleChange, sampleChanges } from '../changes/samples.ts';

const now = Date.parse('2026-11-21T01:26:03.120Z');

/** A change log that is only as much as a publisher sees of it. */
class MemoryLog implements Pick<State, 'unpublished' | 'advance'> {
  readonly changes: Change[];
  readonly positions = new Map<string, number>();
  crashNextAdvance = false;

  constructor(changes: readonly Change[]) {
    this.changes = [...changes];
  }

  async unpublished(output: string, { limit, watches }: Parameters<State['unpublished']>[1]) {
    const from = this.positions.get(output) ?? 0;
    const wanted = this.changes
      .map((change, index) => ({ change, index }))
      .slice(from)
      .filter(
        ({ change }) => !watches || watches.includes(watchKey({ tenant: change.tenant, name: change.watch })),
      )
      .slice(0, limit);
    const end = wanted.length < limit ? this.changes.length : (wanted.at(-1)?.index ?? 0) + 1;
    const waiting = this.changes.length - from;
    return {
      changes: wanted.map(({ change }) => change),
      position: waiting === 0 ? null : String(end),
      waiting,
    };
  }

  async advance(output: string, position: string) {
    if (this.crashNextAdvance) {
      this.crashNextAdvance = false;
      throw new Error('the process was killed here');
    }
    this.positions.set(output, Number(position));
  }
}

/** What `take` returns is refused. */
function channelOf(maxBatch: number, take: (changes: readonly Change[]) => readonly Change[]): Channel {
  return {
    maxBatch,
    async send(changes) {
      const refused = take(changes);
      if (refused.length > 0) throw new PublishFailed('refused', refused.map(idOf));
    },
    notify: async () => undefined,
    close: async () => undefined,
  };
}

const idOf = (change: Change) => change.id;

test('everything is published in order, in batches, once', async () => {
  const state = new MemoryLog(sampleChanges(1, 7));
  const batches: string[][] = [];
  const channel = channelOf(3, (changes) => {
    batches.push(changes.map(idOf));
    return [];
  });
  const lags: [number, number][] = [];
  const services = {
    state,
    log: quiet,
    delivered: (_: string, changes: readonly Change[], waiting: number) =>
      void lags.push([changes.length, waiting]),
  };
  assert.deepEqual(await publish({ name: 'hook', channel }, services, now, never), { published: 7 });
  assert.deepEqual(batches, [['id-1', 'id-2', 'id-3'], ['id-4', 'id-5', 'id-6'], ['id-7']]);
  assert.deepEqual(lags, [
    [3, 4],
    [3, 1],
    [1, 0],
    [0, 0],
  ]);
  assert.deepEqual(await publish({ name: 'hook', channel }, services, now, never), { published: 0 });
  assert.equal(batches.length, 3);
});

test('a failure stops this output where it stands, says how far behind it is, and others go on', async () => {
  const state = new MemoryLog(sampleChanges(1, 4));
  const { log, lines } = recordingLog();
  const lags: number[] = [];
  const dead = channelOf(2, (changes) => changes);
  const delivered = (_: string, __: readonly Change[], waiting: number) => void lags.push(waiting);
  const result = await publish({ name: 'dead', channel: dead }, { state, log, delivered }, now, never);
  assert.equal(result.published, 0);
  assert.deepEqual(result.failed?.failed, ['id-1', 'id-2']);
  assert.equal(state.positions.get('dead'), undefined);
  assert.deepEqual(lags, [4]);
  const record = JSON.parse(lines[0] ?? '');
  assert.deepEqual([record.output, record.waiting, record.behindMs], ['dead', 4, 60_000]);

  const alive = channelOf(2, () => []);
  assert.deepEqual(await publish({ name: 'alive', channel: alive }, { state, log: quiet }, now, never), {
    published: 4,
  });
});

test('a crash between delivery and position repeats the batch with the same ids, and loses nothing', async () => {
  const state = new MemoryLog(sampleChanges(1, 4));
  const taken: string[] = [];
  const channel = channelOf(2, (changes) => {
    taken.push(...changes.map(idOf));
    return [];
  });
  state.crashNextAdvance = true;
  await assert.rejects(publish({ name: 'hook', channel }, { state, log: quiet }, now, never), /killed here/);
  await publish({ name: 'hook', channel }, { state, log: quiet }, now, never);
  assert.deepEqual(taken, ['id-1', 'id-2', 'id-1', 'id-2', 'id-3', 'id-4']);
});

test('an output that took part of a batch is sent only the rest', async () => {
  const state = new MemoryLog(sampleChanges(1, 4));
  const batches: string[][] = [];
  const channel = channelOf(4, (changes) => {
    batches.push(changes.map(idOf));
    return changes.slice(0, -2);
  });
  assert.deepEqual(await publish({ name: 'hook', channel }, { state, log: quiet }, now, never), {
    published: 4,
  });
  assert.deepEqual(batches, [
    ['id-1', 'id-2', 'id-3', 'id-4'],
    ['id-1', 'id-2'],
  ]);
});

test('however an output fails, it has everything in the end, and its position passes nothing that it has not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.array(fc.boolean(), { maxLength: 7 }), { maxLength: 40 }),
      async (count, maxBatch, refusals) => {
        const state = new MemoryLog(sampleChanges(1, count));
        const taken = new Set<string>();
        const script = [...refusals];
        const channel = channelOf(maxBatch, (changes) => {
          const refuse = script.shift() ?? [];
          const refused = changes.filter((_, index) => refuse[index] === true);
          for (const change of changes) if (!refused.includes(change)) taken.add(change.id);
          return refused;
        });
        let failed: PublishFailed | undefined;
        do {
          failed = (await publish({ name: 'hook', channel }, { state, log: quiet }, now, never)).failed;
          const position = state.positions.get('hook') ?? 0;
          assert.ok(state.changes.slice(0, position).every((change) => taken.has(change.id)));
        } while (failed !== undefined);
        assert.equal(taken.size, count);
        assert.equal(state.positions.get('hook') ?? 0, count);
      },
    ),
  );
});

test('an output of some watches moves past the changes of the others', async () => {
  const mine = { watch: 'mine' };
  const state = new MemoryLog([sampleChange(1), sampleChange(2, mine), sampleChange(3), sampleChange(4)]);
  const taken: string[] = [];
  const channel = channelOf(1, (changes) => {
    taken.push(...changes.map(idOf));
    return [];
  });
  const output = { name: 'hook', channel, watches: ['acme/mine'] as const };
  assert.deepEqual(await publish(output, { state, log: quiet }, now, never), { published: 1 });
  assert.deepEqual(taken, ['id-2']);
  assert.equal(state.positions.get('hook'), 4);
});

test('stopping ends after the batch under way, and is no failure of the output', async () => {
  const stop = new AbortController();
  const state = new MemoryLog(sampleChanges(1, 4));
  const finishing = channelOf(2, () => {
    stop.abort();
    return [];
  });
  assert.deepEqual(
    await publish({ name: 'a', channel: finishing }, { state, log: quiet }, now, stop.signal),
    {
      published: 2,
    },
  );
  const interrupted = new AbortController();
  const breaking = channelOf(2, (changes) => {
    interrupted.abort();
    return changes;
  });
  const result = await publish(
    { name: 'b', channel: breaking },
    { state, log: quiet },
    now,
    interrupted.signal,
  );
  assert.deepEqual(result, { published: 0 });
  assert.equal(state.positions.get('b'), undefined);
});

test('a defect is not taken for a failed delivery', async () => {
  const channel = channelOf(2, () => assert.fail('a defect'));
  const state = new MemoryLog(sampleChanges(1, 1));
  await assert.rejects(publish({ name: 'hook', channel }, { state, log: quiet }, now, never), /a defect/);
});
