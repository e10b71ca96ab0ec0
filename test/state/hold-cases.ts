import assert from 'node:assert/strict';
import type { ScanEnd, State } from '../../shared/state/state.ts';
import {
  begin,
  enrolment,
  failsWith,
  finish,
  hour,
  incoming,
  reassembly,
  type StateCheck,
  scanEnd,
  t0,
} from './samples.ts';

const members = ['b.csv', 'a\udcff.csv', "it's\n.csv", 'gone/'];

function hold(digest: string, of: readonly string[] = members): NonNullable<ScanEnd['hold']> {
  return { digest, count: of.length, percent: 80, scan: 1, decision: 'pending', members: of };
}

async function held(state: State): Promise<void> {
  await state.enroll(enrolment(), t0);
  await begin(state);
  await finish(state, { hold: hold('set-1'), rejected: ['old.csv'] });
}

export function holdCases(check: StateCheck): void {
  check('rule 20: a hold and its members are kept in order', async ({ state, reopen }) => {
    await held(state);
    const again = await reopen();
    const { members: _, ...stored } = hold('set-1');
    assert.deepEqual((await again.watch(incoming))?.hold, stored);
    assert.deepEqual(await again.holdMembers(incoming), { held: members, rejected: ['old.csv'] });
  });

  check('rule 20: approval makes the watch due at once and keeps the members', async ({ state }) => {
    await held(state);
    assert.deepEqual(await state.due(t0, 10), []);
    await state.decideHold(incoming, 'set-1', 'approved');
    assert.equal((await state.watch(incoming))?.hold?.decision, 'approved');
    assert.deepEqual((await state.holdMembers(incoming)).held, members);
    assert.deepEqual(await state.due(t0, 10), [incoming]);
  });

  check('rule 20: rejection empties the hold and keeps its members as rejected', async ({ state }) => {
    await held(state);
    await state.decideHold(incoming, 'set-1', 'rejected');
    assert.equal((await state.watch(incoming))?.hold, null);
    const { held: left, rejected } = await state.holdMembers(incoming);
    assert.deepEqual(left, []);
    assert.deepEqual(rejected.toSorted(), [...members, 'old.csv'].toSorted());
  });

  for (const decision of ['approved', 'rejected'] as const) {
    check(`rule 20: ${decision} for another set than the one held changes nothing`, async ({ state }) => {
      await held(state);
      const before = await state.watch(incoming);
      await assert.rejects(state.decideHold(incoming, 'set-0', decision), failsWith('InvalidInput'));
      assert.deepEqual(await state.watch(incoming), before);
      assert.deepEqual(await state.holdMembers(incoming), { held: members, rejected: ['old.csv'] });
    });

    check(`rule 20: ${decision} without a hold is InvalidInput`, async ({ state }) => {
      await state.enroll(enrolment(), t0);
      await assert.rejects(state.decideHold(incoming, 'set-1', decision), failsWith('InvalidInput'));
    });
  }

  check('rule 20: the end of the next scan replaces the hold', async ({ state }) => {
    await held(state);
    await begin(state);
    await finish(state, { hold: hold('set-2', ['c.csv']) });
    assert.equal((await state.watch(incoming))?.hold?.digest, 'set-2');
    assert.deepEqual(await state.holdMembers(incoming), { held: ['c.csv'], rejected: [] });
    await assert.rejects(state.decideHold(incoming, 'set-1', 'approved'), failsWith('InvalidInput'));
    await begin(state);
    await finish(state);
    assert.equal((await state.watch(incoming))?.hold, null);
    assert.deepEqual(await state.holdMembers(incoming), { held: [], rejected: [] });
  });

  check('rule 20: an approval while the next end is judged stands, and is due at once', async ({ state }) => {
    await held(state);
    const { scan } = await begin(state, []);
    const fence = await reassembly(state, scan);
    await state.decideHold(incoming, 'set-1', 'approved');
    await state.closeScan(fence, scanEnd(scan, { hold: hold('set-1'), rejected: ['old.csv'] }), t0);
    assert.equal((await state.watch(incoming))?.hold?.decision, 'approved');
    assert.deepEqual((await state.holdMembers(incoming)).held, members);
    assert.deepEqual(await state.due(t0, 10), [incoming]);
  });

  check('rule 20: a rejection while the next end is judged stands', async ({ state }) => {
    await held(state);
    const { scan } = await begin(state, []);
    const fence = await reassembly(state, scan);
    await state.decideHold(incoming, 'set-1', 'rejected');
    await state.closeScan(fence, scanEnd(scan, { hold: hold('set-1'), rejected: ['old.csv'] }), t0);
    assert.equal((await state.watch(incoming))?.hold, null);
    const { held: left, rejected } = await state.holdMembers(incoming);
    assert.deepEqual(left, []);
    assert.deepEqual(rejected.toSorted(), [...members, 'old.csv'].toSorted());
  });

  check('rule 20: an approved set does not approve the next one', async ({ state }) => {
    await held(state);
    await state.decideHold(incoming, 'set-1', 'approved');
    await begin(state);
    await finish(state, { hold: hold('set-2', ['c.csv']) });
    assert.equal((await state.watch(incoming))?.hold?.decision, 'pending');
    assert.deepEqual(await state.due(t0 + hour - 1, 10), []);
  });

  check('rule 12: a new epoch forgets holds and rejections', async ({ state }) => {
    await held(state);
    const record = await state.enroll(enrolment({ identity: 'elsewhere' }), t0 + hour);
    assert.equal(record.hold, null);
    assert.deepEqual(await state.holdMembers(incoming), { held: [], rejected: [] });
  });
}
