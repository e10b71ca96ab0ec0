import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sqliteChangeLog } from '../../shared/state/sqlite/change-log.ts';
import { Database, type Row, type Value } from '../../shared/state/sqlite/database.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State } from '../../shared/state/state.ts';
import {
  begin,
  change,
  claimAt,
  enrolment,
  ids,
  incoming,
  listed,
  reassembly,
  rules,
  scanEnd,
  t0,
  wholeTree,
} from './samples.ts';

/** A handle that lets another process write just after a given statement, where real ones are slower to meet. */
class Interrupted extends Database {
  after = /never/;
  work: () => readonly Promise<unknown>[] = () => [];
  done: readonly Promise<unknown>[] = [];

  override all(sql: string, ...values: readonly Value[]): readonly Row[] {
    const rows = super.all(sql, ...values);
    this.#interrupt(sql);
    return rows;
  }

  override get(sql: string, ...values: readonly Value[]): Row | undefined {
    const row = super.get(sql, ...values);
    this.#interrupt(sql);
    return row;
  }

  #interrupt(sql: string): void {
    if (!this.after.test(sql) || this.done.length > 0) return;
    this.done = this.work();
  }
}

/** A reader whose reads can be interrupted, and the state that interrupts it. */
async function withBoth(work: (reader: Interrupted, state: State) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-moment-'));
  const file = join(directory, 'farwatch.db');
  const state = openSqliteState(file, { create: true });
  const reader = new Interrupted(file, false);
  try {
    await state.enroll(enrolment(), t0);
    await state.registerOutputs(['spy']);
    await work(reader, state);
  } finally {
    reader.close();
    await state.close();
    await rm(directory, { recursive: true });
  }
}

test('rule 15: a page of the log does not pass a scan that closes while it is read', async () => {
  await withBoth(async (reader, state) => {
    const log = sqliteChangeLog(reader);
    await begin(state);
    const { fence } = await claimAt(state, 0);
    await state.commit(fence, [listed('', 0, { changes: [change('1')] })]);
    await state.abandonTasks(incoming, 1);
    const end = await reassembly(state, 1);
    const next = { watch: incoming, after: 1, scope: 's', rules, tasks: [wholeTree], deadlineMs: 1 };
    const fenceOfNext = { ...fence, scan: 2, attempt: 1 };
    reader.after = /floor, open_scan/;
    reader.work = () => [
      state.closeScan(end, scanEnd(1), t0),
      state.beginScan(next, t0),
      state.claimTask(incoming, 2, fence.task, t0),
      state.commit(fenceOfNext, [listed('', 1, { changes: [change('2')] })]),
    ];
    const first = await log.changes(incoming, null, 10);
    assert.equal((await Promise.all(reader.done)).length, 4);
    const second = await log.changes(incoming, first.cursor, 10);
    assert.deepEqual([...ids(first), ...ids(second)], ['1']);
  });
});

test('rule 18: an output does not pass a change that is committed while it reads', async () => {
  await withBoth(async (reader, state) => {
    const log = sqliteChangeLog(reader);
    await begin(state);
    const { fence } = await claimAt(state, 0);
    await state.commit(fence, [listed('', 0, { changes: [change('1')] })]);
    reader.after = /ORDER BY committed/;
    reader.work = () => [state.commit(fence, [listed('', 1, { changes: [change('2')] })])];
    const first = await log.unpublished('spy', { limit: 10 });
    assert.equal((await Promise.all(reader.done)).length, 1);
    await log.advance('spy', first.position ?? '');
    const second = await log.unpublished('spy', { limit: 10 });
    assert.deepEqual([...ids(first), ...ids(second)], ['1', '2']);
  });
});
