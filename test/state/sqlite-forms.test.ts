import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { migrations, schema, schemaVersion } from '../../shared/state/sqlite/schema.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { beginAndClaim, incoming, listed } from './samples.ts';

const applicationId = 0x46415257;

/** As a Farwatch of that time left it behind: the dump of a file that it made. */
async function olderFile(file: string, form: number): Promise<void> {
  const db = new DatabaseSync(file);
  db.exec(await readFile(new URL(`form-${form}.sql`, import.meta.url), 'utf8'));
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${form}`,
  );
  db.close();
}

/** Columns of every table, in any order. */
function columns(file: string): readonly string[] {
  const db = new DatabaseSync(file);
  const rows = db
    .prepare(
      `SELECT tables.name || '.' || columns.name || ' ' || columns.type || ' ' || columns."notnull" AS line
         FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'`,
    )
    .all();
  const version = db.prepare('PRAGMA user_version').get();
  db.close();
  return [...rows.map(({ line }) => String(line)).sort(), JSON.stringify(version)];
}

describe('SQLite state files of older forms', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'farwatch-forms-'));
  });
  after(() => rm(directory, { recursive: true }));

  for (let form = 1; form < schemaVersion; form += 1) {
    test(`form ${form} is read as it stands, and goes on`, async () => {
      const file = join(directory, `form-${form}.db`);
      await olderFile(file, form);
      const state = openSqliteState(file, { create: false });
      const records = await Array.fromAsync(state.directories(incoming, ''));
      assert.deepEqual(
        records.map(({ path, generation, stub, probe, listed: entries }) => ({
          path,
          generation,
          stub,
          probe,
          entries,
        })),
        [
          { path: '', generation: 1, stub: null, probe: null, entries: 4 },
          { path: 'deep', generation: 1, stub: null, probe: null, entries: 0 },
          { path: 'later', generation: 0, stub: 'baseline', probe: null, entries: 0 },
        ],
      );
      const [head] = await state.chunkHeads(incoming, '');
      const [chunk] = await state.chunks(incoming, '', [head?.chunk ?? '']);
      assert.deepEqual(
        chunk?.entries.map(({ name, seen }) => [name, seen?.size]),
        [
          ['one.csv', 1_024],
          ['two.csv', 7],
        ],
      );
      assert.equal((await state.changes(incoming, null, 10)).changes.length, 1);
      const fence = await beginAndClaim(state);
      const probe = { digest: 'c'.repeat(24), since: null };
      await state.commit(fence, [listed('', 1, { record: { probe } })]);
      assert.deepEqual((await state.directory(incoming, ''))?.probe, probe);
      await state.close();
    });
  }

  test('the steps lead to what a new file has', async () => {
    const older = join(directory, 'older.db');
    await olderFile(older, 1);
    await openSqliteState(older, { create: false }).close();
    const fresh = join(directory, 'fresh.db');
    await openSqliteState(fresh, { create: true }).close();
    assert.deepEqual(columns(older), columns(fresh));
    assert.ok(migrations.length > 0 && schema.length > 0);
  });

  test('two that open an older file at the same moment make one step of it', async () => {
    const file = join(directory, 'both.db');
    await olderFile(file, 1);
    const states = [openSqliteState(file, { create: false }), openSqliteState(file, { create: false })];
    for (const state of states) {
      assert.equal((await Array.fromAsync(state.directories(incoming, ''))).length, 3);
      await state.close();
    }
  });
});
