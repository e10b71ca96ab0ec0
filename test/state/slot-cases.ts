import assert from 'node:assert/strict';
import type { SlotLease, SlotRequest, State } from '../../shared/state/state.ts';
import { failsWith, type StateCheck, t0 } from './samples.ts';

const server = 'sftp.partner-a.example:22:acme';
const leaseMs = 60_000;
const idleTimeoutMs = 300_000;

function request(more: Partial<SlotRequest> = {}): SlotRequest {
  return { server, connections: 2, holder: 'alpha 1', leaseMs, idleTimeoutMs, ...more };
}

async function lease(state: State, now = t0, more: Partial<SlotRequest> = {}): Promise<SlotLease> {
  const answer = await state.acquireSlot(request(more), now);
  assert.ok('slot' in answer, 'a slot is free');
  return answer;
}

async function retryAt(state: State, now: number, more: Partial<SlotRequest> = {}): Promise<number> {
  const answer = await state.acquireSlot(request(more), now);
  assert.ok(!('slot' in answer), 'no slot is free');
  return answer.retryAt;
}

export function slotCases(check: StateCheck): void {
  leases(check);
  rests(check);
  servers(check);
}

function leases(check: StateCheck): void {
  check('rule 4: never more than `connections` are leased, over all handles', async ({ state, reopen }) => {
    const other = await reopen();
    const answers = await Promise.all(
      [state, other, state, other].map((handle) => handle.acquireSlot(request(), t0)),
    );
    const slots = answers.flatMap((answer) => ('slot' in answer ? [answer.slot] : []));
    assert.equal(slots.length, 2);
    assert.equal(new Set(slots).size, 2);
    const elsewhere = await lease(state, t0, { server: 'another' });
    assert.equal(elsewhere.until, t0 + leaseMs);
  });

  check('rule 4: the answer of a full server says when to ask again', async ({ state }) => {
    await lease(state, t0);
    await lease(state, t0 + 10);
    assert.equal(await retryAt(state, t0 + 20), t0 + leaseMs + idleTimeoutMs);
    assert.ok(await lease(state, t0 + leaseMs + idleTimeoutMs));
  });

  check('rule 4: a lease that ran out rests for the idle time-out', async ({ state }) => {
    await lease(state, t0, { connections: 1 });
    const free = t0 + leaseMs + idleTimeoutMs;
    assert.equal(await retryAt(state, t0 + leaseMs, { connections: 1 }), free);
    assert.equal(await retryAt(state, free - 1, { connections: 1 }), free);
    assert.ok(await lease(state, free, { connections: 1 }));
  });

  check('rule 4: a renewed lease lasts', async ({ state }) => {
    const held = await lease(state, t0, { connections: 1 });
    await state.renewSlot(held, t0 + 10 * leaseMs);
    const free = t0 + 10 * leaseMs + idleTimeoutMs;
    assert.equal(await retryAt(state, free - 1, { connections: 1 }), free);
    await state.renewSlot(held, t0 + 20 * leaseMs);
    assert.equal(await retryAt(state, free, { connections: 1 }), t0 + 20 * leaseMs + idleTimeoutMs);
  });

  for (const [who, holder] of [
    ['another holder', 'beta 1'],
    ['its own holder', 'alpha 1'],
  ] as const) {
    check(`rule 4: a lease lost to ${who} can be neither renewed nor released`, async ({ state }) => {
      const lost = await lease(state, t0, { connections: 1 });
      const later = t0 + leaseMs + idleTimeoutMs;
      const held = await lease(state, later, { connections: 1, holder });
      await assert.rejects(state.renewSlot(lost, later + leaseMs), failsWith('Fenced'));
      await state.releaseSlot(lost, later);
      assert.ok((await retryAt(state, later, { connections: 1 })) > later, 'the new lease stands');
      await state.renewSlot(held, later + leaseMs);
    });
  }

  check('rule 4: a released lease cannot be renewed', async ({ state }) => {
    const released = await lease(state, t0);
    await state.releaseSlot(released, t0);
    await assert.rejects(state.renewSlot(released, t0 + leaseMs), failsWith('Fenced'));
  });

  check('rule 4: after `connections` was lowered, old leases still count', async ({ state }) => {
    const held = [];
    for (let i = 0; i < 4; i += 1) held.push(await lease(state, t0 + i, { connections: 4 }));
    const first = await retryAt(state, t0 + 10, { connections: 2 });
    assert.equal(first, t0 + 2 + leaseMs + idleTimeoutMs, 'three of them must go first');
    for (const old of held.slice(0, 2)) await state.releaseSlot(old, t0 + 10);
    await retryAt(state, t0 + 10, { connections: 2 });
    await state.releaseSlot(held[2] ?? assert.fail(), t0 + 10);
    await lease(state, t0 + 10, { connections: 2 });
    await retryAt(state, t0 + 10, { connections: 2 });
  });
}

function rests(check: StateCheck): void {
  check('rule 4: a released slot rests until `restUntil`', async ({ state }) => {
    const held = await lease(state, t0, { connections: 1 });
    await state.releaseSlot(held, t0 + 5_000);
    assert.equal(await retryAt(state, t0 + 1, { connections: 1 }), t0 + 5_000);
    assert.equal(await retryAt(state, t0 + 4_999, { connections: 1 }), t0 + 5_000);
    assert.ok(await lease(state, t0 + 5_000, { connections: 1 }));
  });

  check('rule 4: a slot whose session the server saw end is free at once', async ({ state, reopen }) => {
    const held = await lease(state, t0, { connections: 1 });
    await state.releaseSlot(held, t0 + 1);
    assert.ok(await lease(await reopen(), t0 + 1, { connections: 1 }));
  });

  check('rule 4: the slots of a dead machine are taken over, and only those', async ({ state, reopen }) => {
    await lease(state, t0, { connections: 3, holder: 'alpha 1' });
    await lease(state, t0, { connections: 3, holder: 'beta 1' });
    await lease(state, t0, { connections: 3, holder: 'alpha 2' });
    const again = await reopen();
    await again.takeOverSlots('alpha', t0 + 10);
    const soon = await retryAt(again, t0 + 10, { connections: 1 });
    assert.equal(soon, t0 + leaseMs + idleTimeoutMs, 'the slot of beta is held as before');
    const moments = await retryAt(again, t0 + 10, { connections: 3 });
    assert.ok(moments > t0 + 10, 'the server needs a moment to see that they are gone');
    assert.ok(moments < t0 + leaseMs, 'but not the idle time-out');
    await lease(again, moments, { connections: 3 });
    await lease(again, moments, { connections: 3 });
    await retryAt(again, moments, { connections: 3 });
  });

  check('rule 4: a lease that was taken over is lost', async ({ state }) => {
    const lost = await lease(state, t0);
    await state.takeOverSlots('alpha', t0);
    await assert.rejects(state.renewSlot(lost, t0 + leaseMs), failsWith('Fenced'));
  });
}

function servers(check: StateCheck): void {
  const record = {
    failures: 3,
    retryAt: t0 + 1,
    error: 'RemoteAuth',
    message: 'login refused: "no"\n',
    credentials: 'c0ffee',
  };

  check('what is remembered of a server can be read, replaced and forgotten', async ({ state, reopen }) => {
    assert.equal(await state.server(server), undefined);
    await state.setServer(server, record);
    await state.setServer('another', { ...record, failures: 1 });
    assert.deepEqual(await (await reopen()).server(server), record);
    await state.setServer(server, { ...record, failures: 4 });
    assert.equal((await state.server(server))?.failures, 4);
    await state.setServer(server, null);
    assert.equal(await state.server(server), undefined);
    assert.equal((await state.server('another'))?.failures, 1);
  });

  check('the host key seen first stands: remembering never overwrites', async ({ state, reopen }) => {
    assert.equal(await state.knownHosts.get('a.example:22'), undefined);
    assert.equal(await state.knownHosts.remember('a.example:22', 'SHA256:first'), 'SHA256:first');
    assert.equal(await state.knownHosts.remember('a.example:22', 'SHA256:other'), 'SHA256:first');
    assert.equal(await state.knownHosts.remember('a.example:2222', 'SHA256:third'), 'SHA256:third');
    assert.equal(await (await reopen()).knownHosts.get('a.example:22'), 'SHA256:first');
  });
}
