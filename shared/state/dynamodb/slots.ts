import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { Fenced } from '../../failure.ts';
import type { SlotLease, SlotRequest, Slots } from '../state.ts';
import { type Item, json, jsonAt, type Key, key, keyItem, keyOf, number, numberAt } from './attributes.ts';
import { backOff } from './retry.ts';
import type { Table } from './table.ts';

/** All slots of a server in one row, replaced at the version that was read: `connections` is never exceeded. */
const storedSlots = z.array(z.object({ slot: z.number(), holder: z.string().nullable(), until: z.number() }));
/** `until`: of the lease, or, without a holder, of its rest. */
type StoredSlot = Readonly<z.infer<typeof storedSlots>[number]>;

const partition = 'S';
/** For the server to see that the connections of a killed process are closed. */
const deadHolderRestMs = 1_000;

export function dynamoSlots(table: Table): Slots {
  return {
    async acquireSlot(request, now) {
      return acquire(table, request, now);
    },
    async renewSlot(lease, until) {
      const renewed = await changeSlots(table, slotsKey(lease.server), (slots) =>
        replaced(slots, lease, (slot) => ({ ...slot, until })),
      );
      if (!renewed) throw new Fenced(`the lease of slot ${lease.slot} of ${lease.server} ran out`);
    },
    async releaseSlot(lease, restUntil) {
      await changeSlots(table, slotsKey(lease.server), (slots) =>
        replaced(slots, lease, ({ slot }) => ({ slot, holder: null, until: restUntil })),
      );
    },
    async takeOverSlots(machine, now) {
      for await (const item of table.query(partition)) {
        await changeSlots(table, keyOf(item), (slots) =>
          slots.some(({ holder }) => holder?.startsWith(machine))
            ? slots.map((slot) =>
                slot.holder?.startsWith(machine) === true
                  ? { slot: slot.slot, holder: null, until: now + deadHolderRestMs }
                  : slot,
              )
            : undefined,
        );
      }
    },
  };
}

async function acquire(
  table: Table,
  request: SlotRequest,
  now: number,
): Promise<SlotLease | { readonly retryAt: number }> {
  const holder = `${request.holder} ${randomUUID()}`;
  let answer: SlotLease | { readonly retryAt: number } = { retryAt: now };
  await changeSlots(table, slotsKey(request.server), (slots) => {
    const own = slots.find((slot) => slot.holder === holder);
    if (own !== undefined) return undefined; // written by a request whose answer was lost
    // A slot above the limit (it was lowered) still counts while its session may live.
    const busyUntil = new Map(
      slots.map(({ slot, holder: held, until }) => [
        slot,
        held === null ? until : until + request.idleTimeoutMs,
      ]),
    );
    const busy = [...busyUntil.values()].filter((until) => until > now).sort((a, b) => a - b);
    if (busy.length >= request.connections) {
      answer = { retryAt: busy[busy.length - request.connections] ?? now };
      return undefined;
    }
    let slot = 0;
    while ((busyUntil.get(slot) ?? 0) > now) slot += 1;
    const until = now + request.leaseMs;
    answer = { server: request.server, slot, holder, until };
    return [...slots.filter((other) => other.slot !== slot), { slot, holder, until }];
  });
  return answer;
}

function replaced(
  slots: readonly StoredSlot[],
  { slot, holder }: SlotLease,
  change: (slot: StoredSlot) => StoredSlot,
): readonly StoredSlot[] | undefined {
  const isIt = (each: StoredSlot) => each.slot === slot && each.holder === holder;
  return slots.some(isIt) ? slots.map((each) => (isIt(each) ? change(each) : each)) : undefined;
}

/** False where `change` leaves them as they are. */
async function changeSlots(
  table: Table,
  at: Key,
  change: (slots: readonly StoredSlot[]) => readonly StoredSlot[] | undefined,
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const item: Item = (await table.get(at)) ?? {};
    const version = numberAt(item, 'v', 0);
    const next = change(version === 0 ? [] : jsonAt(item, 'j', storedSlots));
    if (next === undefined) return false;
    const refused = await table.put(
      { ...keyItem(at), v: number(version + 1), j: json(next) },
      version === 0
        ? { text: 'attribute_not_exists(p)' }
        : { text: 'v = :was', values: { ':was': number(version) } },
    );
    if (refused === undefined) return true;
    await backOff(attempt);
  }
}

function slotsKey(server: string): Key {
  return key(partition, server);
}
