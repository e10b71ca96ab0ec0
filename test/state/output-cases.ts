import assert from 'node:assert/strict';
import { type State, watchKey } from '../../shared/state/state.ts';
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
  type StateCheck,
  scanOnce,
  scopeOf,
  t0,
} from './samples.ts';

const quiet = watchKey({ tenant: 'acme', name: 'quiet' });
const morning = '2026-11-21T06:00:00.000Z';
const noon = '2026-11-21T12:00:00.000Z';
const evening = '2026-11-21T18:00:00.000Z';

/** One closed scan with these changes. */
async function log(
  state: State,
  names: readonly string[],
  detectedAt = noon,
  watch = incoming,
): Promise<void> {
  const expected = (await state.directory(watch, ''))?.generation ?? 0;
  const changes = names.map((name) => change(name, { detectedAt }));
  await scanOnce(state, [listed('', expected, { changes })], watch);
}

async function enrolled(state: State, outputs: readonly string[] = []): Promise<void> {
  await state.enroll(enrolment(), t0);
  await state.enroll(enrolment({ key: quiet }), t0);
  await state.registerOutputs(outputs);
}

/** Publishes everything that waits. */
async function drain(state: State, output: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const page = await state.unpublished(output, { limit: 2 });
    if (page.position === null) return found;
    found.push(...ids(page));
    await state.advance(output, page.position);
  }
}

export function outputCases(check: StateCheck): void {
  positions(check);
  retention(check);
}

function positions(check: StateCheck): void {
  check('rule 18: each output has a position of its own', async ({ state, reopen }) => {
    await enrolled(state, ['slow', 'fast']);
    await log(state, ['1', '2', '3']);
    assert.deepEqual(await drain(state, 'fast'), ['1', '2', '3']);
    const page = await state.unpublished('slow', { limit: 2 });
    assert.deepEqual(ids(page), ['1', '2']);
    assert.equal(page.waiting, 3);
    assert.deepEqual(ids(await state.unpublished('slow', { limit: 2 })), ['1', '2'], 'reading moves nothing');
    await state.advance('slow', page.position ?? '');
    const again = await reopen();
    const rest = await again.unpublished('slow', { limit: 2 });
    assert.deepEqual(ids(rest), ['3']);
    assert.equal(rest.waiting, 1);
    assert.deepEqual(await again.unpublished('fast', { limit: 2 }), {
      changes: [],
      position: null,
      waiting: 0,
    });
  });

  check(
    'rule 18: outputs get the changes of open scans, in the order of their commits',
    async ({ state }) => {
      await enrolled(state, ['spy']);
      await begin(state, [scopeOf('a'), scopeOf('b')]);
      const first = (await claimAt(state, 0)).fence;
      const second = (await claimAt(state, 1)).fence;
      await state.commit(second, [listed('', 0, { changes: [change('1')] })]);
      await state.commit(first, [listed('', 1, { changes: [change('2'), change('3')] })]);
      await state.commit(second, [listed('', 2, { changes: [change('4')] })]);
      assert.deepEqual(await drain(state, 'spy'), ['1', '2', '3', '4']);
    },
  );

  check('rule 18: a new output starts with what is committed from then on', async ({ state }) => {
    await enrolled(state, ['old']);
    await log(state, ['1', '2']);
    await state.registerOutputs(['old', 'new']);
    assert.equal((await state.unpublished('new', { limit: 10 })).position, null);
    await log(state, ['3']);
    assert.deepEqual(await drain(state, 'new'), ['3']);
    assert.deepEqual(await drain(state, 'old'), ['1', '2', '3']);
  });

  check(
    'rule 18: an output that is new when the log was trimmed counts only what waits for it',
    async ({ state }) => {
      await enrolled(state, ['old']);
      await log(state, ['1', '2'], morning);
      await drain(state, 'old');
      await state.trim(Date.parse(noon));
      await state.registerOutputs(['new']);
      await log(state, ['3']);
      const page = await state.unpublished('new', { limit: 10 });
      assert.deepEqual(ids(page), ['3']);
      assert.equal(page.waiting, 1);
    },
  );

  check('rule 18: an output that is gone and comes back starts anew', async ({ state }) => {
    await enrolled(state, ['a', 'b']);
    await log(state, ['1']);
    await state.registerOutputs(['a']);
    await assert.rejects(state.unpublished('b', { limit: 10 }), failsWith('InvalidInput'));
    await state.registerOutputs(['a', 'b']);
    assert.equal((await state.unpublished('b', { limit: 10 })).position, null);
    assert.equal(
      (await state.unpublished('a', { limit: 10 })).waiting,
      1,
      'registering again keeps a position',
    );
  });

  check('rule 18: an output nobody registered is InvalidInput', async ({ state }) => {
    await enrolled(state);
    await assert.rejects(state.unpublished('never', { limit: 10 }), failsWith('InvalidInput'));
  });

  check("rule 18: a filter by watches skips others' changes and moves past them", async ({ state }) => {
    await enrolled(state, ['spy']);
    await log(state, ['1', '2'], noon, quiet);
    const skipped = await state.unpublished('spy', { limit: 10, watches: [incoming] });
    assert.deepEqual(skipped.changes, []);
    assert.equal(skipped.waiting, 2);
    assert.ok(skipped.position !== null);
    await state.advance('spy', skipped.position);
    assert.equal((await state.unpublished('spy', { limit: 10, watches: [incoming] })).position, null);
    await log(state, ['3'], noon, quiet);
    await log(state, ['4', '5']);
    await log(state, ['6'], noon, quiet);
    const page = await state.unpublished('spy', { limit: 1, watches: [incoming] });
    assert.deepEqual(ids(page), ['4']);
    await state.advance('spy', page.position ?? '');
    const rest = await state.unpublished('spy', { limit: 10, watches: [incoming] });
    assert.deepEqual(ids(rest), ['5']);
    await state.advance('spy', rest.position ?? '');
    assert.equal((await state.unpublished('spy', { limit: 10 })).position, null);
  });

  check('rule 18: an older position does not move an output back', async ({ state }) => {
    await enrolled(state, ['spy']);
    await log(state, ['1', '2']);
    const { position } = await state.unpublished('spy', { limit: 1 });
    await drain(state, 'spy');
    await state.advance('spy', position ?? '');
    assert.equal((await state.unpublished('spy', { limit: 10 })).position, null);
  });
}

function retention(check: StateCheck): void {
  check('rule 19: trimming drops what is old and what every output has', async ({ state }) => {
    await enrolled(state, ['slow', 'fast']);
    await log(state, ['1', '2'], morning);
    await log(state, ['3'], evening);
    await drain(state, 'fast');
    assert.equal(await state.trim(Date.parse(noon)), 0, 'the slow one has nothing yet');
    const page = await state.unpublished('slow', { limit: 1 });
    await state.advance('slow', page.position ?? '');
    assert.equal(await state.trim(Date.parse(noon)), 1);
    assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['2', '3']);
    assert.deepEqual(await drain(state, 'slow'), ['2', '3']);
    assert.equal(await state.trim(Date.parse(noon)), 1);
    assert.equal(await state.trim(Date.parse(noon)), 0);
    assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['3']);
  });

  check('rule 19: an output that is gone does not keep the log', async ({ state }) => {
    await enrolled(state, ['dead', 'fast']);
    await log(state, ['1'], morning);
    await drain(state, 'fast');
    await state.registerOutputs(['fast']);
    assert.equal(await state.trim(Date.parse(noon)), 1);
  });

  check('rule 19: the changes of an open scan stay', async ({ state }) => {
    await enrolled(state, ['spy']);
    const fence = await beginAndClaim(state);
    await state.commit(fence, [listed('', 0, { changes: [change('1', { detectedAt: morning })] })]);
    await drain(state, 'spy');
    assert.equal(await state.trim(Date.parse(noon)), 0);
    await finish(state);
    assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['1']);
    assert.equal(await state.trim(Date.parse(noon)), 1);
  });

  check('rule 19: a cursor below the floor gets resync and one to go on from', async ({ state }) => {
    await enrolled(state);
    await log(state, ['1'], morning);
    const { cursor } = await state.changes(incoming, null, 10);
    assert.deepEqual(await state.changes(incoming, cursor, 10), { changes: [], cursor, resync: false });
    await log(state, ['2', '3'], morning);
    await log(state, ['4'], evening);
    await state.trim(Date.parse(noon));
    const page = await state.changes(incoming, cursor, 10);
    assert.equal(page.resync, true);
    assert.deepEqual(ids(page), ['4']);
    assert.equal((await state.changes(incoming, page.cursor, 10)).resync, false);
    assert.equal((await state.changes(incoming, null, 10)).resync, false);
  });

  check('rule 19: resync ends even when nothing is kept', async ({ state }) => {
    await enrolled(state);
    await log(state, ['1'], morning);
    const { cursor } = await state.changes(incoming, null, 10);
    await log(state, ['2'], morning);
    await state.trim(Date.parse(noon));
    const page = await state.changes(incoming, cursor, 10);
    assert.equal(page.resync, true);
    assert.notEqual(page.cursor, null);
    assert.deepEqual(await state.changes(incoming, page.cursor, 10), {
      changes: [],
      cursor: page.cursor,
      resync: false,
    });
    assert.deepEqual(await state.changes(incoming, null, 10), {
      changes: [],
      cursor: page.cursor,
      resync: false,
    });
    await log(state, ['3'], evening);
    assert.deepEqual(ids(await state.changes(incoming, page.cursor, 10)), ['3']);
  });

  check('rule 19: a cursor that had everything needs no resync after a trim', async ({ state }) => {
    await enrolled(state);
    await log(state, ['1', '2'], morning);
    const { cursor } = await state.changes(incoming, null, 10);
    await state.trim(Date.parse(noon));
    assert.equal((await state.changes(incoming, cursor, 10)).resync, false);
  });

  check('rule 19: the floor never goes back, though tasks commit side by side', async ({ state }) => {
    await enrolled(state);
    await begin(state, [scopeOf('a'), scopeOf('b')]);
    const first = (await claimAt(state, 0)).fence;
    const second = (await claimAt(state, 1)).fence;
    await state.commit(second, [listed('', 0, { changes: [change('b', { detectedAt: morning })] })]);
    await state.commit(first, [listed('', 1, { changes: [change('a', { detectedAt: noon })] })]);
    await finish(state);
    const { cursor } = await state.changes(incoming, null, 1);
    assert.equal(await state.trim(Date.parse(noon)), 1);
    assert.equal((await state.changes(incoming, cursor, 10)).resync, true);
    assert.equal(await state.trim(Date.parse(evening)), 1);
    assert.equal((await state.changes(incoming, cursor, 10)).resync, true, 'it still has not seen b');
  });

  check('rule 19: a cursor of a state that was lost gets resync', async ({ state }) => {
    await enrolled(state);
    for (const name of ['1', '2', '3']) await log(state, [name]);
    const { cursor } = await state.changes(incoming, null, 10);
    await log(state, ['4'], noon, quiet);
    const page = await state.changes(quiet, cursor, 10);
    assert.equal(page.resync, true);
    assert.deepEqual(ids(page), ['4']);
    assert.equal((await state.changes(quiet, page.cursor, 10)).resync, false);
  });

  check('rule 19: trimming one watch moves the floor of no other', async ({ state }) => {
    await enrolled(state);
    await log(state, ['1'], evening);
    const { cursor } = await state.changes(incoming, null, 10);
    await log(state, ['q'], morning, quiet);
    await log(state, ['2'], evening);
    assert.equal(await state.trim(Date.parse(noon)), 1);
    const page = await state.changes(incoming, cursor, 10);
    assert.deepEqual(ids(page), ['2']);
    assert.equal(page.resync, false);
  });
}
