import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { StateUnusable } from '../../shared/failure.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import {
  beginAndClaim,
  change,
  chunk,
  enrolment,
  file as fileEntry,
  finish,
  incoming,
  listed,
  t0,
} from './samples.ts';

function unusable(message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StateUnusable, `a StateUnusable, not ${String(error)}`);
    assert.match(error.message, message);
    assert.ok(error.advice, `advice for: ${error.message}`);
    return true;
  };
}

/** Everything that a file holds, as far as the port shows it. */
async function readWhole(file: string) {
  const state = openSqliteState(file, { create: false });
  try {
    const directories = await Array.fromAsync(state.directories(incoming, ''));
    const chunks = [];
    for (const { path } of directories) {
      const heads = await state.chunkHeads(incoming, path);
      const names = heads.map((head) => head.chunk);
      // Decoded, too.
      for (const chunk of await state.chunks(incoming, path, names)) chunks.push({ ...chunk });
    }
    return {
      watches: await state.watches(),
      scan: await state.scan(incoming, 1),
      rules: await state.scopeRules('scope-1'),
      changes: await state.changes(incoming, null, 100_000),
      members: await state.holdMembers(incoming),
      directories,
      chunks,
    };
  } finally {
    await state.close();
  }
}

describe('SQLite state file', () => {
  let directory = '';
  let sound = '';
  let number = 0;
  const fresh = () => {
    number += 1;
    return join(directory, `${number}.db`);
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'farwatch-file-'));
    sound = join(directory, 'sound.db');
    const state = openSqliteState(sound, { create: true });
    await state.enroll(enrolment(), t0);
    const fence = await beginAndClaim(state);
    const names = Array.from({ length: 300 }, (_, index) => `directory ${index}`);
    const entries = Array.from({ length: 1_000 }, () => fileEntry(randomBytes(16).toString('hex')));
    await state.commit(fence, [
      listed('', 0, {
        stubs: names.map((path) => ({ path, stub: 'new' })),
        putChunks: [chunk(null, ...entries)],
      }),
      ...names.map((path, index) =>
        listed(path, 0, { putChunks: [chunk(null, fileEntry(path))], changes: [change(String(index))] }),
      ),
    ]);
    await finish(state);
    await state.close();
  });
  after(() => rm(directory, { recursive: true }));

  test('a missing file is an error without `create`, and nothing is made', async () => {
    const file = join(directory, 'nowhere', 'farwatch.db');
    assert.throws(() => openSqliteState(file, { create: false }), unusable(/there is no state yet/));
    assert.equal(existsSync(join(directory, 'nowhere')), false);
  });

  test('an empty file is no state yet, and becomes one with `create`', async () => {
    const file = fresh();
    await writeFile(file, '');
    assert.throws(() => openSqliteState(file, { create: false }), unusable(/there is no state yet/));
    assert.equal((await readFile(file)).length, 0);
    await openSqliteState(file, { create: true }).close();
    await openSqliteState(file, { create: false }).close();
  });

  test('the directories above a new state are made', async () => {
    const file = join(directory, 'new', 'deep', 'farwatch.db');
    await openSqliteState(file, { create: true }).close();
    assert.ok(existsSync(file));
  });

  for (const size of [20, 100, 4_096, 100_000]) {
    test(`${size} random bytes are no state`, async () => {
      const file = fresh();
      const bytes = randomBytes(size);
      await writeFile(file, bytes);
      for (const create of [true, false]) {
        assert.throws(() => openSqliteState(file, { create }), unusable(/damaged or no state file/));
      }
      assert.deepEqual(await readFile(file), bytes, 'it is left as it was');
    });
  }

  test('a directory, or a file in the place of one, is a clear error', async () => {
    const taken = fresh();
    await mkdir(taken);
    assert.throws(() => openSqliteState(taken, { create: true }), unusable(/cannot be opened/));
    const blocked = fresh();
    await writeFile(blocked, 'text');
    assert.throws(
      () => openSqliteState(join(blocked, 'x.db'), { create: true }),
      unusable(/cannot be opened/),
    );
  });

  for (const mode of ['delete', 'wal']) {
    test(`a database of another program is refused and left as it was (${mode})`, async () => {
      const file = fresh();
      const foreign = new DatabaseSync(file);
      foreign.exec(
        `PRAGMA journal_mode = ${mode}; CREATE TABLE watches (id INTEGER); INSERT INTO watches VALUES (1)`,
      );
      foreign.close();
      const bytes = await readFile(file);
      for (const create of [true, false]) {
        assert.throws(() => openSqliteState(file, { create }), unusable(/another program/));
      }
      assert.deepEqual(await readFile(file), bytes);
    });
  }

  test("another program's database without tables is refused too", async () => {
    const file = fresh();
    const foreign = new DatabaseSync(file);
    foreign.exec('PRAGMA application_id = 4711');
    foreign.close();
    assert.throws(() => openSqliteState(file, { create: true }), unusable(/another program/));
  });

  test('a state of a newer version is refused and left as it was', async () => {
    const file = fresh();
    await copyFile(sound, file);
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    const bytes = await readFile(file);
    assert.throws(() => openSqliteState(file, { create: true }), unusable(/newer Farwatch \(form 99/));
    assert.deepEqual(await readFile(file), bytes);
  });

  test('a truncated state is found out, at the latest when it is read', async () => {
    const { length } = await readFile(sound);
    for (const size of [1, 60, 100, 2_000, 4_096, 8_192, Math.floor(length / 2), length - 4_096]) {
      const file = fresh();
      await copyFile(sound, file);
      await truncate(file, size);
      await assert.rejects(readWhole(file), unusable(/./), `truncated to ${size} of ${length}`);
    }
  });

  test('a state with a page overwritten is never read as another one', async () => {
    const bytes = await readFile(sound);
    const whole = await readWhole(sound);
    const pages = bytes.length / 4_096;
    assert.ok(pages > 30, `${pages} pages`);
    let found = 0;
    for (let page = 0; page < pages; page += 1) {
      const file = fresh();
      const damaged = Buffer.from(bytes);
      randomBytes(4_096).copy(damaged, page * 4_096);
      await writeFile(file, damaged);
      try {
        assert.deepEqual(await readWhole(file), whole, `page ${page} of ${pages}`);
      } catch (error) {
        unusable(/./)(error);
        found += 1;
      }
    }
    assert.ok(found > pages / 3, `damage was found in ${found} of ${pages} pages`);
  });

  test('columns that hold something else than they should are a clear error', async () => {
    for (const damage of [
      `UPDATE watches SET hold = '{'`,
      `UPDATE watches SET last_scan = '{}'`,
      `UPDATE watches SET initial = 'never'`,
      `UPDATE watches SET epoch = 'x'`,
      `UPDATE watches SET scan = 9007199254740993`,
      `UPDATE directories SET digest = 'text'`,
      `UPDATE directories SET stub = 'x'`,
      `UPDATE chunks SET entries = x'01'`,
      `UPDATE chunks SET entries = x''`,
      `UPDATE log SET change = '[]'`,
      `UPDATE scopes SET rules = 'x'`,
      `DROP TABLE directories`,
    ]) {
      const file = fresh();
      await copyFile(sound, file);
      const db = new DatabaseSync(file);
      db.exec(damage);
      db.close();
      await assert.rejects(readWhole(file), unusable(/./), damage);
    }
  });
});
