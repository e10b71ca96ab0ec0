import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openDynamoState } from '../../shared/state/dynamodb/dynamodb-state.ts';
import type { OnConsumed } from '../../shared/state/dynamodb/table.ts';
import type { DirectoryCommit, State } from '../../shared/state/state.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from './dynamodb-local.ts';
import {
  begin,
  beginAndClaim,
  change,
  chunk,
  claimAt,
  enrolment,
  file,
  finish,
  ids,
  incoming,
  listed,
  scopeOf,
  stubs,
  t0,
} from './samples.ts';

const missing = dynamoLocalMissing();
if (missing !== undefined) test('commits in DynamoDB', { skip: missing }, () => undefined);
else describe('commits in DynamoDB', commitTests);

/** From the n-th request on, the process that sends them is dead: it may have been answered that one or not. */
interface Death {
  requests: number;
  readonly at: number;
}

function commitTests(): void {
  let local: DynamoLocal;
  let tables = 0;
  const clients: DynamoDBClient[] = [];
  before(async () => {
    local = await startDynamoLocal();
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await local.stop();
  });

  async function newTable(): Promise<string> {
    const table = `commits-${++tables}`;
    await local.makeTable(table);
    return table;
  }

  function open(table: string, onConsumed?: OnConsumed, death?: Death): State {
    const client = local.client();
    clients.push(client);
    if (death !== undefined) {
      client.middlewareStack.add(
        (next) => async (args) => {
          death.requests += 1;
          if (death.requests > death.at) throw new Error('dead');
          const answer = await next(args);
          if (death.requests >= death.at) throw new Error('dead');
          return answer;
        },
        { step: 'initialize', priority: 'high' },
      );
    }
    return openDynamoState({ client, table, ...(onConsumed ? { onConsumed } : {}) });
  }

  test('rule 10: a commit too big for one transaction is there wholly or not at all, wherever it dies', async () => {
    const found = Array.from({ length: 110 }, (_, index) => `new/${String(index).padStart(3, '0')}`);
    // Random names: 20 KB that no compression makes small, so that they need a partition of their own.
    const entries = Array.from({ length: 700 }, (_, index) =>
      file(`${Math.sin(index)}-${Math.cos(index)}`, index),
    );
    const digest = 'c'.repeat(32);
    const big = (expected: number): readonly DirectoryCommit[] => [
      listed('', expected, {
        record: { held: true },
        stubs: stubs('new', ...found),
        forget: ['gone'],
        putChunks: [chunk(digest, ...entries)],
        changes: found.map((path) => change(path)),
      }),
    ];
    const small = [listed('', 0, { stubs: stubs('gone', 'gone/below', 'stays') })];

    const look = async (state: State) => ({
      records: (await Array.fromAsync(state.directories(incoming, ''))).map(({ path, generation, held }) => ({
        path,
        generation,
        held,
      })),
      held: (await Array.fromAsync(state.heldDirectories(incoming))).map(({ path }) => path),
      heads: (await state.chunkHeads(incoming, '')).map((head) => head.digest),
      waiting: ids(await state.unpublished('spy', { limit: 1_000 })),
    });

    const outcomes = new Set<boolean>();
    for (let at = 1; ; at += at < 10 ? 4 : 53) {
      const table = await newTable();
      const state = open(table);
      await state.registerOutputs(['spy']);
      await state.enroll(enrolment(), t0);
      const fence = await beginAndClaim(state);
      await state.commit(fence, small);
      const nothing = await look(state);

      const death = { requests: 0, at };
      const died = await open(table, undefined, death)
        .commit(fence, big(1))
        .then(
          () => false,
          () => true,
        );

      const next = await claimAt(state, 0);
      const now = await look(state);
      const committed = now.records[0]?.generation === 2;
      outcomes.add(committed);
      if (!committed) {
        assert.deepEqual(now, nothing, `nothing of it shows after request ${at}`);
        await state.commit(next.fence, big(1));
      } else {
        await finish(state); // its claim makes good what the crash left: the subtree that is forgotten
      }
      const end = await look(open(table));
      assert.deepEqual(
        end.records.map(({ path }) => path),
        ['', 'new', ...found, 'stays'],
        `request ${at}`,
      );
      assert.deepEqual(end.held, ['']);
      assert.deepEqual(end.heads, [digest]);
      assert.deepEqual(end.waiting, found);
      const heads = await state.chunkHeads(incoming, '');
      const [read] = await state.chunks(
        incoming,
        '',
        heads.map((head) => head.chunk),
      );
      assert.equal(read?.entries.length, entries.length);
      if (!committed) await finish(state);
      assert.deepEqual(ids(await state.changes(incoming, null, 1_000)), found);
      if (!died) break;
    }
    assert.equal(outcomes.size, 2, 'deaths before the commit and after it');
  });

  test('a pending commit gives way to another writer, and is refused then', async () => {
    const table = await newTable();
    const state = open(table);
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const many = Array.from({ length: 120 }, (_, index) => `d${String(index).padStart(3, '0')}`);
    const results = await Promise.allSettled([
      state.commit(fence, [listed('', 0, { stubs: stubs(...many, 'mine') })]),
      open(table).commit(fence, [listed('', 0, { stubs: stubs(...many, 'yours') })]),
    ]);
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    const won = results[0].status === 'fulfilled' ? 'mine' : 'yours';
    const records = await Array.fromAsync(open(table).directories(incoming, ''));
    assert.deepEqual(
      records.map(({ path }) => path),
      ['', ...many, won],
    );
  });

  test('rule 22: digests of 5,000 directories in 150 read units, asked for one by one; 110 bytes an item', async () => {
    const table = await newTable();
    const units = new Map<string, number>();
    const state = open(table, (operation, used) => units.set(operation, (units.get(operation) ?? 0) + used));
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const tops = Array.from({ length: 50 }, (_, top) => `customer-${String(top).padStart(4, '0')}`);
    const subs = tops.flatMap((top) =>
      Array.from({ length: 99 }, (_, sub) => `${top}/2026-${String(sub).padStart(3, '0')}`),
    );
    const probe = { digest: '0123456789abcdef01234567', since: null };
    const record = { reported: 50, listed: 50, provedBy: 1, changedBy: 1, leaf: true, probe };
    await state.commit(fence, [listed('', 0, { stubs: stubs(...tops) })]);
    const all = [...tops, ...subs];
    for (const part of Object.values(Object.groupBy(all, (path) => path.slice(0, 13)))) {
      const [top = '', ...rest] = part ?? [];
      await state.commit(fence, [
        listed(top, 0, { record, stubs: stubs(...rest) }),
        ...rest.slice(0, 14).map((path) => listed(path, 0, { record })),
      ]);
      for (let from = 14; from < rest.length; from += 90) {
        await state.commit(
          fence,
          rest.slice(from, from + 90).map((path) => listed(path, 0, { record })),
        );
      }
    }
    units.clear();
    const reader = { subtrees: [''] };
    for (const path of ['', ...all])
      assert.equal((await state.directory(incoming, path, reader))?.path, path);
    const read = [...units.values()].reduce((sum, used) => sum + used, 0);
    assert.ok(read <= 150, `${read} read units`);
    assert.ok(read / all.length < 110 / 4_096, `${(read / all.length) * 4_096} bytes a directory`);
    await state.commit(fence, [listed('', 1)]);
    assert.equal((await state.directory(incoming, '', reader))?.generation, 2, 'asked again: as it is now');
  });

  test('rule 22: no probe of SFTP, which saves no request, is read in every scan', async () => {
    const state = open(await newTable());
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const probe = { digest: '0123456789abcdef01234567', since: null };
    const stored = async (generation: number, profile: string) => {
      await state.commit(fence, [listed('', generation, { record: { profile, probe } })]);
      return (await state.directory(incoming, ''))?.probe;
    };
    assert.deepEqual(await stored(0, 'list Europe/Berlin +60'), probe);
    assert.equal(await stored(1, 'sftp UTC +0'), null);
  });

  test('rule 18: while tasks commit side by side, an output gets all of it, each path in its order', async () => {
    const table = await newTable();
    const state = open(table);
    await state.registerOutputs(['spy']);
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b'), scopeOf('c')]);
    const fences = [await claimAt(state, 0), await claimAt(state, 1), await claimAt(state, 2)].map(
      (claimed) => claimed.fence,
    );
    let writing = fences.length;
    const committed: string[] = [];
    const writers = fences.map(async (fence, task) => {
      const own = open(table);
      for (let n = 0; n < 12; ) {
        // All of them list the same directory: whoever read it last commits it.
        const generation = (await own.directory(incoming, ''))?.generation ?? 0;
        const id = `${String(generation).padStart(3, '0')}-${task}`;
        const done = await own.commit(fence, [listed('', generation, { changes: [change(id)] })]).then(
          () => true,
          (error: unknown) => {
            if (error instanceof Error && error.name === 'StaleSnapshot') return false;
            throw error;
          },
        );
        if (!done) continue;
        committed.push(id);
        n += 1;
      }
      writing -= 1;
    });
    const published: string[] = [];
    const publisher = async () => {
      for (;;) {
        const last = writing === 0;
        const page = await state.unpublished('spy', { limit: 3 });
        published.push(...ids(page));
        if (page.position !== null) await state.advance('spy', page.position);
        else if (last) return;
      }
    };
    await Promise.all([...writers, publisher()]);
    assert.deepEqual(published, committed.toSorted());
  });
}
