import assert from 'node:assert/strict';
import { watchKey } from '../../shared/state/state.ts';
import {
  begin,
  beginAndClaim,
  change,
  chunk,
  enrolment,
  failsWith,
  file,
  finish,
  hour,
  ids,
  incoming,
  listed,
  paths,
  type StateCheck,
  scanEnd,
  scanOnce,
  scopeOf,
  stubs,
  t0,
} from './samples.ts';

export function watchCases(check: StateCheck): void {
  enrolling(check);
  epochs(check);
  dueness(check);
}

function enrolling(check: StateCheck): void {
  check('a first enrolment makes a record, due at once', async ({ state }) => {
    assert.equal(await state.watch(incoming), undefined);
    const record = await state.enroll(enrolment(), t0);
    assert.deepEqual(record, {
      ...enrolment(),
      active: true,
      epoch: t0 / 1_000,
      scan: 0,
      openScan: null,
      nextDueAt: 0,
      paused: false,
      lastScan: null,
      lastCompleteAt: null,
      lastStartedAt: null,
      hold: null,
      plan: null,
    });
    assert.deepEqual(await state.watch(incoming), record);
    assert.deepEqual(await state.watches(), [record]);
    assert.deepEqual(await state.due(t0, 10), [incoming]);
  });

  check('enrolling again brings the record up to date and keeps epoch and snapshot', async ({ state }) => {
    const { epoch } = await state.enroll(enrolment(), t0);
    await scanOnce(state, [listed('', 0, { stubs: stubs('a') })]);
    const again = await state.enroll(enrolment({ server: 'renamed', initial: 'emit' }), t0 + hour);
    assert.equal(again.server, 'renamed');
    assert.equal(again.initial, 'emit');
    assert.equal(again.epoch, epoch);
    assert.equal(again.scan, 1);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', 'a']);
  });

  check('what the end of a scan says is in the record, and survives a reopen', async ({ state, reopen }) => {
    await state.enroll(enrolment(), t0);
    await begin(state);
    const failure = { error: 'RemoteUnavailable', message: 'no answer', advice: null };
    const partials = [{ path: 'b\udcff', reason: 'denied', detail: 'said "no"\n' }];
    const plan = [scopeOf("a'", 'b\udcff'), { subtrees: [''], except: ["a'", 'b\udcff'] }];
    const { summary } = scanEnd(1);
    const end = { summary: { ...summary, partials, failure }, plan, nextDueAt: t0 + 77 };
    await finish(state, end);
    const record = await (await reopen()).watch(incoming);
    assert.deepEqual(record?.lastScan, end.summary);
    assert.deepEqual(record.plan, plan);
    assert.equal(record.nextDueAt, t0 + 77);
    assert.equal(record.openScan, null);
    assert.equal(record.lastStartedAt, summary.startedAt);
    assert.equal(record.lastCompleteAt, t0 + 5_000);
  });

  check('an order to scan at once that comes during a scan stands at its end', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state);
    await state.setNextDue(incoming, 0);
    await finish(state);
    assert.deepEqual(await state.due(t0, 1), [incoming]);
    await begin(state);
    await finish(state);
    assert.deepEqual(await state.due(t0, 1), []);
  });

  check('an incomplete scan leaves lastCompleteAt where it was', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await begin(state);
    await finish(state);
    await begin(state);
    const { summary } = scanEnd(2);
    await finish(state, { summary: { ...summary, status: 'incomplete', startedAt: t0 + hour } });
    const record = await state.watch(incoming);
    assert.equal(record?.lastCompleteAt, t0 + 5_000);
    assert.equal(record.lastStartedAt, t0 + hour);
    assert.equal(record.lastScan?.status, 'incomplete');
  });

  check('questions about a watch that nobody enrolled are InvalidInput', async ({ state }) => {
    await assert.rejects(state.directory(incoming, ''), failsWith('InvalidInput'));
    await assert.rejects(state.changes(incoming, null, 1), failsWith('InvalidInput'));
    await assert.rejects(state.setPaused(incoming, true), failsWith('InvalidInput'));
    await assert.rejects(state.decideHold(incoming, 'x', 'approved'), failsWith('InvalidInput'));
  });
}

function epochs(check: StateCheck): void {
  for (const [initial, stub] of [
    ['baseline', 'baseline'],
    ['emit', 'new'],
  ] as const) {
    check(`rule 8: the root of a watch with initial ${initial} is a ${stub} stub`, async ({ state }) => {
      await state.enroll(enrolment({ initial }), t0);
      const root = await state.directory(incoming, '');
      assert.equal(root?.stub, stub);
      assert.equal(root.digest, null);
      assert.deepEqual(await state.chunkHeads(incoming, ''), []);
    });

    check(`rule 12: another identity ends the epoch, initial ${initial}`, async ({ state }) => {
      const { epoch } = await state.enroll(enrolment(), t0);
      await scanOnce(state, [listed('', 0, { stubs: stubs('a'), putChunks: [chunk(null, file('f'))] })]);
      const fence = await beginAndClaim(state);
      const next = await state.enroll(enrolment({ identity: 'elsewhere', root: '/new', initial }), t0 + hour);
      assert.ok(next.epoch > epoch);
      assert.equal(next.openScan, null);
      assert.equal(next.root, '/new');
      assert.equal(next.lastStartedAt, null);
      assert.equal(next.plan, null);
      assert.deepEqual(await paths(state.directories(incoming, '')), ['']);
      assert.equal((await state.directory(incoming, ''))?.stub, stub);
      assert.deepEqual(await state.chunkHeads(incoming, ''), []);
      await assert.rejects(state.commit(fence, [listed('', 0)]), failsWith('Fenced'));
      assert.equal((await begin(state)).scan, 3);
    });
  }

  check('rule 16: epochs grow even when the clock goes back', async ({ state }) => {
    const first = await state.enroll(enrolment(), t0);
    const second = await state.enroll(enrolment({ identity: 'b' }), t0 - hour);
    const third = await state.enroll(enrolment({ identity: 'a' }), t0);
    assert.ok(second.epoch > first.epoch);
    assert.ok(third.epoch > second.epoch);
  });

  check('rule 16: a retired watch keeps its epoch, its snapshot and its log', async ({ state }) => {
    const other = watchKey({ tenant: 'acme', name: 'other' });
    const { epoch } = await state.enroll(enrolment(), t0);
    await state.enroll(enrolment({ key: other }), t0);
    await scanOnce(state, [listed('', 0, { stubs: stubs('a'), changes: [change('1')] })]);
    await state.retire([other]);
    assert.equal((await state.watch(incoming))?.active, false);
    assert.equal((await state.watch(other))?.active, true);
    assert.deepEqual(await state.due(t0 + 9 * hour, 10), [other]);
    assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['1']);
    const back = await state.enroll(enrolment(), t0 + 10 * hour);
    assert.equal(back.active, true);
    assert.equal(back.epoch, epoch);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', 'a']);
  });

  check('rule 16: `was` takes the record over, with epoch, snapshot and log', async ({ state }) => {
    const old = watchKey({ tenant: 'acme', name: 'old' });
    const { epoch } = await state.enroll(enrolment({ key: old }), t0);
    await scanOnce(state, [listed('', 0, { stubs: stubs('a'), changes: [change('1')] })], old);
    const record = await state.enroll(enrolment({ was: old }), t0 + hour);
    assert.equal(record.epoch, epoch);
    assert.equal(record.scan, 1);
    assert.equal(await state.watch(old), undefined);
    assert.deepEqual(await paths(state.directories(incoming, '')), ['', 'a']);
    assert.deepEqual(ids(await state.changes(incoming, null, 10)), ['1']);
  });

  check('rule 16: `was` leaves a watch alone that is known already', async ({ state }) => {
    const old = watchKey({ tenant: 'acme', name: 'old' });
    await state.enroll(enrolment(), t0);
    await scanOnce(state, []);
    await state.enroll(enrolment({ key: old }), t0);
    const record = await state.enroll(enrolment({ was: old }), t0 + hour);
    assert.equal(record.scan, 1);
    assert.equal((await state.watch(old))?.scan, 0);
  });

  check('`was` of a watch that never was is a first enrolment', async ({ state }) => {
    const record = await state.enroll(enrolment({ was: 'acme/never' }), t0);
    assert.equal(record.epoch, t0 / 1_000);
    assert.equal((await state.directory(incoming, ''))?.stub, 'baseline');
  });
}

function dueness(check: StateCheck): void {
  check('a watch with an open scan is looked after until it is closed, paused or not', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    assert.deepEqual(await state.openScans(10), []);
    await begin(state);
    assert.deepEqual(await state.openScans(10), [incoming]);
    await state.setPaused(incoming, true);
    assert.deepEqual(await state.openScans(10), [incoming]);
    await finish(state);
    assert.deepEqual(await state.openScans(10), []);
  });

  const key = (name: string) => watchKey({ tenant: 'acme', name });

  check(
    'rule 25: due are the enrolled, unpaused, unopened ones, earliest first, limited',
    async ({ state }) => {
      for (const name of ['late', 'early', 'paused', 'open', 'retired', 'future']) {
        await state.enroll(enrolment({ key: key(name) }), t0);
        await state.setNextDue(key(name), t0 - 1_000);
      }
      await state.setNextDue(key('early'), t0 - 2_000);
      await state.setNextDue(key('late'), t0);
      await state.setNextDue(key('future'), t0 + 1);
      await state.setPaused(key('paused'), true);
      await begin(state, [], key('open'));
      await state.retire(['late', 'early', 'paused', 'open', 'future'].map(key));
      assert.deepEqual(await state.due(t0, 10), [key('early'), key('late')]);
      assert.deepEqual(await state.due(t0, 1), [key('early')]);
      assert.deepEqual(await state.due(t0 - 1, 10), [key('early')]);
      await state.setPaused(key('paused'), false);
      assert.deepEqual(await state.due(t0, 2), [key('early'), key('paused')]);
    },
  );

  check('rule 25: a closed scan is due again at the time that its end says', async ({ state }) => {
    await state.enroll(enrolment(), t0);
    await scanOnce(state, []);
    assert.deepEqual(await state.due(t0 + hour - 1, 10), []);
    assert.deepEqual(await state.due(t0 + hour, 10), [incoming]);
  });
}
