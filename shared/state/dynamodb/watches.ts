import { InvalidInput } from '../../failure.ts';
import type { Enrolment, Watches, WatchKey } from '../state.ts';
import { pack, unpack } from './bulk.ts';
import { stubItem } from './directory-items.ts';
import { endOpenScan } from './epoch.ts';
import { garbageTree } from './garbage.ts';
import { nextNumber } from './numbers.ts';
import { backOff } from './retry.ts';
import type { Services } from './services.ts';
import type { Table, Write } from './table.ts';
import { duePartition, storedMembers, type VersionedRow, type WatchRow, watchKeyOf } from './watch-rows.ts';

export function dynamoWatches(services: Services): Watches {
  const { table, rows } = services;
  return {
    async enroll(watch, now) {
      for (let attempt = 1; ; attempt += 1) {
        if (await enroll(services, watch, now)) return rows.record(await rows.get(watch.key));
        await backOff(attempt);
      }
    },
    async watch(watch) {
      const found = await rows.find(watch);
      return found && rows.record(found);
    },
    async watches() {
      return Promise.all((await rows.all()).map((found) => rows.record(found)));
    },
    async due(now, limit) {
      return (await table.due(duePartition, now, limit)).map(watchKeyOf);
    },
    async setNextDue(watch, nextDueAt) {
      if ((await rows.find(watch)) === undefined) return;
      await rows.change(watch, (row) => ({ ...row, nextDueAt }));
    },
    async setPaused(watch, paused) {
      await rows.change(watch, (row) => (row.paused === paused ? undefined : { ...row, paused }));
    },
    async decideHold(watch, digest, decision) {
      await rows.change(watch, (row) => decided(table, watch, row, digest, decision));
    },
    async holdMembers(watch) {
      const { row } = await rows.get(watch);
      return row.members === null ? { held: [], rejected: [] } : unpack(table, row.members, storedMembers);
    },
    async retire(except) {
      const kept = new Set<WatchKey>(except);
      for (const { key: watch, row } of await rows.all()) {
        if (row.active && !kept.has(watch)) await rows.change(watch, (now) => ({ ...now, active: false }));
      }
    },
  };
}

/** False where somebody came in between. */
async function enroll(services: Services, watch: Enrolment, now: number): Promise<boolean> {
  const { table, rows } = services;
  const found = await rows.find(watch.key);
  if (found === undefined) {
    const former = watch.was === null ? undefined : await rows.find(watch.was);
    return former === undefined ? insert(services, watch, now) : takeOver(services, former, watch.key);
  }
  const { row } = found;
  if (row.identity !== watch.identity) return beginEpoch(services, found, watch, now);
  const { server, root, initial } = watch;
  const same = row.active && row.server === server && row.root === root && row.initial === initial;
  if (same) return true;
  const done = await table.transact([
    rows.replacement(found, { ...row, active: true, server, root, initial }),
  ]);
  rows.forget(watch.key);
  return done;
}

/** The row moves to its new key; the next attempt brings it up to date. */
async function takeOver({ table, rows }: Services, former: VersionedRow, to: WatchKey): Promise<false> {
  await table.transact([rows.removal(former), rows.replacement({ key: to, version: 0 }, former.row)]);
  rows.forget(former.key);
  return false;
}

async function insert({ table, rows }: Services, watch: Enrolment, now: number): Promise<boolean> {
  const watchNumber = await nextNumber(table);
  const row: WatchRow = {
    number: watchNumber,
    tree: watchNumber,
    server: watch.server,
    root: watch.root,
    identity: watch.identity,
    initial: watch.initial,
    active: true,
    epoch: epochAt(now, 0),
    scan: 0,
    openScan: null,
    nextDueAt: 0,
    paused: false,
    lastCompleteAt: null,
    lastStartedAt: null,
    hold: null,
    scopes: [],
    profiles: [],
    floor: null,
    start: null,
    last: null,
    members: null,
  };
  return table.transact([rows.replacement({ key: watch.key, version: 0 }, row), rootStub(row)]);
}

/** A new epoch has a tree of its own, so the old one is gone at once; its rows are swept later. */
async function beginEpoch(
  services: Services,
  found: VersionedRow,
  watch: Enrolment,
  now: number,
): Promise<boolean> {
  const { table, rows } = services;
  const ending = await endOpenScan(services, found, now);
  if (ending === undefined) return false;
  const before = found.row;
  const row: WatchRow = {
    ...before,
    tree: await nextNumber(table),
    server: watch.server,
    root: watch.root,
    identity: watch.identity,
    initial: watch.initial,
    active: true,
    epoch: epochAt(now, before.epoch),
    openScan: null,
    nextDueAt: 0,
    lastCompleteAt: null,
    lastStartedAt: null,
    hold: null,
    last: null,
    members: null,
  };
  const begun = await table.transact([
    ...ending,
    rows.replacement(found, row),
    rootStub(row),
    garbageTree(before.tree, services.now()),
  ]);
  rows.forget(watch.key);
  if (begun) await rows.dropReplaced(before, row);
  return begun;
}

/** Seconds since 1970: a new epoch is above all earlier ones even if the state that knew them is lost. */
function epochAt(now: number, previous: number): number {
  return Math.max(Math.floor(now / 1_000), previous + 1);
}

function rootStub({ tree, initial }: WatchRow): Write {
  const item = stubItem(tree, '', initial === 'emit' ? 'new' : 'baseline');
  return { key: item.key, kind: 'put', item: item.item };
}

async function decided(
  table: Table,
  watch: WatchKey,
  row: WatchRow,
  digest: string,
  decision: 'approved' | 'rejected',
): Promise<WatchRow> {
  if (row.hold?.digest !== digest) {
    throw new InvalidInput(`watch ${watch} holds no deletions ${digest} now`, {
      advice: 'See "farwatch status" for the set that is held.',
    });
  }
  // Due at once: what was approved is published by a fresh scan, and only what that still finds absent.
  if (decision === 'approved') return { ...row, hold: { ...row.hold, decision }, nextDueAt: 0 };
  const members = row.members && (await unpack(table, row.members, storedMembers));
  const rejected = [...new Set([...(members?.rejected ?? []), ...(members?.held ?? [])])];
  return { ...row, hold: null, members: await pack(table, { held: [], rejected }) };
}
