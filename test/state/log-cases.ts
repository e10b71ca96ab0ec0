import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Change } from '../../shared/changes/change.ts';
import type { Fence, State } from '../../shared/state/state.ts';
import {
  begin,
  beginAndClaim,
  change,
  claimAt,
  enrolment,
  failsWith,
  finish,
  ids,
  incoming,
  listed,
  reassembly,
  type StateCheck,
  scanEnd,
  scanOnce,
  scopeOf,
  stubs,
  t0,
} from './samples.ts';

async function append(
  state: State,
  fence: Fence,
  path: string,
  ...changes: readonly Change[]
): Promise<void> {
  const expected = (await state.directory(incoming, path))?.generation ?? 0;
  await state.commit(fence, [listed(path, expected, { changes })]);
}

/** Reads to the end in pages of `limit`. */
async function readAll(state: State, from: string | null, limit: number) {
  const found: string[] = [];
  let cursor = from;
  for (;;) {
    const page = await state.changes(incoming, cursor, limit);
    assert.equal(page.resync, false);
    found.push(...ids(page));
    cursor = page.cursor;
    if (page.changes.length < limit) return { found, cursor };
  }
}

export function logCases(check: StateCheck): void {
  check('rule 16: a change is stored as it was committed and never made again', async ({ state, reopen }) => {
    await state.registerOutputs(['spy']);
    await state.enroll(enrolment(), t0);
    const changes: readonly Change[] = [
      change('plain'),
      change('moved', {
        type: 'moved',
        path: '/incoming/\ufffd',
        pathBytes: '/w==',
        from: "/incoming/it's\n",
        fromBytes: 'YQ==',
        confidence: 'high',
        evidence: ['size', 'time'],
        old: { size: 0 },
        new: {},
      }),
      change('deleted', {
        type: 'deleted',
        kind: 'directory',
        new: null,
        old: {},
        detectedAt: new Date(0).toISOString(),
      }),
    ];
    await scanOnce(state, [listed('', 0, { changes })]);
    const again = await reopen();
    assert.deepEqual((await again.changes(incoming, null, 10)).changes, changes);
    assert.deepEqual((await again.unpublished('spy', { limit: 10 })).changes, changes);
  });

  check('rule 15: an empty log has no cursor', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    assert.deepEqual(await state.changes(incoming, null, 10), { changes: [], cursor: null, resync: false });
  });

  check('rule 15: what is no cursor is InvalidInput', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    for (const cursor of ['', 'x', '1-1', "1-1-'-1"]) {
      await assert.rejects(state.changes(incoming, cursor, 10), failsWith('InvalidInput'), cursor);
    }
  });

  check(
    'rule 15: changes of an open scan are not shown, and a cursor does not pass them',
    async ({ state }) => {
      await state.enroll(enrolment(), t0);
      const first = await beginAndClaim(state);
      await append(state, first, '', change('1'));
      assert.deepEqual(await state.changes(incoming, null, 10), { changes: [], cursor: null, resync: false });
      await finish(state);
      const page = await state.changes(incoming, null, 10);
      assert.deepEqual(ids(page), ['1']);
      const second = await beginAndClaim(state);
      await append(state, second, '', change('2'));
      assert.deepEqual(await state.changes(incoming, page.cursor, 10), {
        changes: [],
        cursor: page.cursor,
        resync: false,
      });
      await finish(state);
      assert.deepEqual(ids(await state.changes(incoming, page.cursor, 10)), ['2']);
      assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['1', '2']);
    },
  );

  check('rule 15: the order is scan, phase, task, position, whoever committed first', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    for (const scan of [1, 2]) {
      await begin(state, [scopeOf('a'), scopeOf('b'), scopeOf('c')]);
      const tasks = [await claimAt(state, 0), await claimAt(state, 1), await claimAt(state, 2)];
      for (const place of [2, 0, 1, 2, 0]) {
        const fence = tasks[place]?.fence;
        assert.ok(fence);
        const id = `${scan}.1.${place}.`;
        await append(state, fence, '', change(`${id}a`), change(`${id}b`));
      }
      await state.abandonTasks(incoming, scan);
      const end = await reassembly(state, scan);
      await append(state, end, '', change(`${scan}.2`));
      await state.closeScan(end, scanEnd(scan), t0);
    }
    const ofScan = (scan: number) => [
      ...[0, 0, 1, 2, 2].flatMap((place) => [`${scan}.1.${place}.a`, `${scan}.1.${place}.b`]),
      `${scan}.2`,
    ];
    const expected = [...ofScan(1), ...ofScan(2)];
    for (const limit of [1, 2, 3, 7, 100]) {
      assert.deepEqual((await readAll(state, null, limit)).found, expected, `pages of ${limit}`);
    }
  });

  check(
    'rule 15: positions go on where an earlier attempt of the task stopped',
    async ({ state, reopen }) => {
      await state.enroll(enrolment(), t0);
      const first = await beginAndClaim(state);
      await append(state, first, '', change('1'), change('2'));
      const again = await reopen();
      const { fence } = await claimAt(again, 0);
      await append(again, fence, '', change('3'));
      await finish(again);
      assert.deepEqual((await readAll(state, null, 1)).found, ['1', '2', '3']);
    },
  );

  check('rule 15: order holds beyond the tenth task, position and scan', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    const expected: string[] = [];
    for (let scan = 1; scan <= 11; scan += 1) {
      await begin(
        state,
        Array.from({ length: scan === 11 ? 12 : 1 }, (_, task) => scopeOf(`t${task}`)),
      );
      for (let task = 0; task < (scan === 11 ? 12 : 1); task += 1) {
        const { fence } = await claimAt(state, task);
        const changes = Array.from({ length: scan === 1 ? 12 : 1 }, (_, i) => change(`${scan}.${task}.${i}`));
        await append(state, fence, '', ...changes);
        expected.push(...changes.map(({ id }) => id));
      }
      await finish(state);
    }
    assert.deepEqual((await readAll(state, null, 5)).found, expected);
  });

  check('rule 15: a reader that reads at any moment gets every change once, in order', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    let cursor: string | null = null;
    let number = 0;
    const committed: string[] = [];
    const read: string[] = [];
    const step = fc.constantFrom('a', 'b', 'close', 'read');
    const take = async (limit: number) => {
      const page = await state.changes(incoming, cursor, limit);
      read.push(...ids(page));
      cursor = page.cursor;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 15 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, limit) => {
          for (const what of steps) {
            if (what === 'read') await take(limit);
            else if (what === 'close') {
              await finish(state);
              await begin(state, [scopeOf('a'), scopeOf('b')]);
            } else {
              const { fence } = await claimAt(state, what === 'a' ? 0 : 1);
              const changes = [change(String(++number)), change(String(++number))];
              await append(state, fence, '', ...changes);
              committed.push(...ids({ changes }));
            }
          }
        },
      ),
      { numRuns: 20 },
    );
    await finish(state);
    while (read.length < committed.length) await take(100);
    assert.equal(new Set(read).size, read.length, 'nothing twice');
    assert.deepEqual(read.toSorted(), committed.toSorted());
    assert.deepEqual(read, (await readAll(state, null, 1_000)).found);
  });

  check('the log outlives the epoch, and the watch its scans', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await scanOnce(state, [listed('', 0, { changes: [change('1')] })]);
    const fence = await beginAndClaim(state);
    await append(state, fence, '', change('2'));
    await state.enroll(enrolment({ identity: 'elsewhere' }), t0);
    await scanOnce(state, [listed('', 0, { changes: [change('3')] })]);
    for (let scan = 4; scan < 20; scan += 1) await scanOnce(state, []);
    assert.deepEqual((await readAll(state, null, 2)).found, ['1', '2', '3']);
  });

  check('cursorOf stands just behind a change', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await scanOnce(state, [listed('', 0, { changes: [change('1'), change('2'), change('3')] })]);
    const cursor = await state.cursorOf(incoming, '2');
    assert.ok(cursor);
    assert.deepEqual((await readAll(state, cursor, 10)).found, ['3']);
    assert.equal(await state.cursorOf(incoming, 'never'), undefined);
  });

  check('rule 15: cursorOf in an open scan skips nothing that is committed later', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await scanOnce(state, [listed('', 0, { stubs: stubs('a', 'b'), changes: [change('before')] })]);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    const first = await claimAt(state, 0);
    const second = await claimAt(state, 1);
    await append(state, second.fence, 'b', change('b'));
    const cursor = await state.cursorOf(incoming, 'b');
    assert.ok(cursor);
    await append(state, first.fence, 'a', change('a'));
    await finish(state);
    const { found } = await readAll(state, cursor, 10);
    assert.ok(found.includes('a'));
    assert.ok(!found.includes('before'));
  });
}
