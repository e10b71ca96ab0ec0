import { StaleSnapshot } from '../../failure.ts';
import { storedChunk, storedEntries } from '../entry-codec.ts';
import { pathKey } from '../path-key.ts';
import { encodeProbe } from '../probe-codec.ts';
import { type OrderedDirectories, ReadAhead } from '../read-ahead.ts';
import type {
  ChunkHead,
  DirectoryCommit,
  DirectoryRecord,
  Fence,
  Snapshots,
  SubtreeReader,
} from '../state.ts';
import { storedRules } from '../stored.ts';
import { bytes, choice, digest, integer, integerOrNull, json, pathOf, probe, text } from './columns.ts';
import type { Database, Row, Value } from './database.ts';
import { checkFence, reassembly, watchId } from './fence.ts';

const pageSize = 1_000;
/** What `directoryOf` reads; each column more costs a scan of a large tree its time. */
const columns =
  'path, generation, digest, scope, profile, stub, due_at, held, proved_by, reported, listed, probe, changed_by, leaf';

export function sqliteSnapshots(db: Database): Snapshots {
  const readings = new WeakMap<SubtreeReader, ReadAhead>();
  return {
    commitLimit: 20_000,
    async directory(watch, path, reader) {
      if (reader === undefined) return recordAt(db, watchId(db, watch), path);
      const reading = readings.get(reader) ?? new ReadAhead(inOrder(db, watchId(db, watch)), reader);
      readings.set(reader, reading);
      return reading.record(path);
    },
    async *directories(watch, path) {
      yield* pages(db, watchId(db, watch), path, '');
    },
    async *heldDirectories(watch) {
      yield* pages(db, watchId(db, watch), '', 'AND held = 1');
    },
    async chunkHeads(watch, path) {
      return heads(db, watchId(db, watch), path);
    },
    async chunks(watch, path, wanted) {
      const directory = directoryId(db, watchId(db, watch), path);
      return wanted.map((chunk) => {
        const row = db.get(
          'SELECT * FROM chunks WHERE id = ? AND directory = ?',
          Number(chunk),
          directory ?? -1,
        );
        if (row === undefined) throw new StaleSnapshot([path]);
        return storedChunk({ chunk, digest: digest(row, 'digest') }, bytes(row, 'entries'));
      });
    },
    async scopeRules(scope) {
      const row = db.get('SELECT rules FROM scopes WHERE scope = ?', scope);
      return row && json(row, 'rules', storedRules);
    },
    async commit(fence, directories) {
      db.transaction(() => commit(db, fence, directories));
    },
  };
}

function recordAt(db: Database, watch: number, path: string): DirectoryRecord | undefined {
  const row = db.get(`SELECT ${columns} FROM directories WHERE watch = ? AND path = ?`, watch, pathKey(path));
  return row && directoryOf(row);
}

function inOrder(db: Database, watch: number): OrderedDirectories {
  return {
    keyOf: pathKey,
    endOf: (subtree) => (subtree === '' ? Buffer.of(0xff) : Buffer.concat([pathKey(subtree), Buffer.of(1)])),
    one: async (path) => recordAt(db, watch, path),
    async page(from, to, limit) {
      const rows = db.all(
        `SELECT ${columns} FROM directories WHERE watch = ? AND path >= ? AND path <= ? ORDER BY path LIMIT ?`,
        watch,
        from,
        to,
        limit,
      );
      const last = rows.length < limit ? undefined : rows.at(-1);
      return { records: rows.map(directoryOf), last: last && bytes(last, 'path') };
    },
    // A row costs a tenth of a statement.
    smallestPage: 32,
    largestPage: 512,
    mostAhead: 8_192,
  };
}

/** Pages by key, so that no cursor stays open while others write. */
function* pages(
  db: Database,
  watch: number,
  path: string,
  condition: '' | 'AND held = 1',
): Generator<DirectoryRecord> {
  const start = pathKey(path);
  const own = db.get(
    `SELECT ${columns} FROM directories WHERE watch = ? AND path = ? ${condition}`,
    watch,
    start,
  );
  if (own) yield directoryOf(own);
  const range = below(path);
  let after: Value = range.after;
  for (;;) {
    const rows = db.all(
      `SELECT ${columns} FROM directories WHERE watch = ? AND path > ? AND path < ? ${condition} ORDER BY path LIMIT ${pageSize}`,
      watch,
      after,
      range.end,
    );
    for (const row of rows) yield directoryOf(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = bytes(last, 'path');
  }
}

/** The keys strictly between which all paths below `path` lie. */
function below(path: string): { readonly after: Buffer; readonly end: Buffer } {
  const key = pathKey(path);
  return { after: Buffer.concat([key, Buffer.from([0])]), end: Buffer.concat([key, Buffer.from([1])]) };
}

function forget(db: Database, watch: number, path: string): void {
  const { after, end } = below(path);
  const subtree = 'watch = ?1 AND (path = ?2 OR (path > ?3 AND path < ?4))';
  db.run(
    `DELETE FROM chunks WHERE directory IN (SELECT id FROM directories WHERE ${subtree})`,
    watch,
    pathKey(path),
    after,
    end,
  );
  db.run(`DELETE FROM directories WHERE ${subtree}`, watch, pathKey(path), after, end);
}

function directoryId(db: Database, watch: number, path: string): number | undefined {
  const row = db.get('SELECT id FROM directories WHERE watch = ? AND path = ?', watch, pathKey(path));
  return row && integer(row, 'id');
}

function heads(db: Database, watch: number, path: string): readonly ChunkHead[] {
  const rows = db.all(
    `SELECT chunks.id, chunks.digest FROM chunks JOIN directories ON directories.id = chunks.directory
     WHERE directories.watch = ? AND directories.path = ? ORDER BY chunks.id`,
    watch,
    pathKey(path),
  );
  return rows.map((row) => ({
    chunk: String(integer(row, 'id')),
    digest: digest(row, 'digest'),
  }));
}

function commit(db: Database, fence: Fence, directories: readonly DirectoryCommit[]): void {
  const task = checkFence(db, fence);
  const stale: string[] = [];
  let logged = task.logged;
  for (const directory of directories) {
    if (!apply(db, task.watch, directory)) stale.push(directory.path);
    for (const change of directory.changes) {
      logged += 1;
      db.run(
        'INSERT INTO log (watch, scan, phase, task, position, detected_at, change) VALUES (?, ?, ?, ?, ?, ?, ?)',
        task.watch,
        fence.scan,
        fence.task === reassembly ? 2 : 1,
        fence.task,
        logged,
        Date.parse(change.detectedAt),
        JSON.stringify(change),
      );
    }
  }
  if (stale.length > 0) throw new StaleSnapshot(stale);
  if (logged > task.logged) {
    db.run(
      'UPDATE tasks SET logged = ? WHERE watch = ? AND scan = ? AND task = ?',
      logged,
      task.watch,
      fence.scan,
      fence.task,
    );
  }
}

/** Returns false where the directory is not at the generation that was expected. */
function apply(db: Database, watch: number, { path, expected, record, ...change }: DirectoryCommit): boolean {
  const id = record === null ? remove(db, watch, path, expected) : update(db, watch, path, expected, record);
  if (id === undefined) return false;
  if (record === null) return true;
  for (const chunk of change.dropChunks) {
    if (db.run('DELETE FROM chunks WHERE id = ? AND directory = ?', Number(chunk), id) === 0) return false;
  }
  for (const chunk of change.putChunks) {
    db.run(
      'INSERT INTO chunks (directory, digest, entries) VALUES (?, ?, ?)',
      id,
      chunk.digest === null ? null : Buffer.from(chunk.digest, 'hex'),
      storedEntries(chunk.entries),
    );
  }
  for (const subtree of change.forget) forget(db, watch, subtree);
  for (const stub of change.stubs) {
    db.run(
      `INSERT INTO directories (watch, path, generation, digest, scope, profile, stub, due_at, held, proved_by, reported, listed)
       VALUES (?, ?, 0, NULL, '', '', ?, NULL, 0, 0, 0, 0) ON CONFLICT DO NOTHING`,
      watch,
      pathKey(stub.path),
      stub.stub,
    );
  }
  return true;
}

/** Both return the id of the row, or undefined where it is not at that generation. */
function update(
  db: Database,
  watch: number,
  path: string,
  generation: number,
  record: NonNullable<DirectoryCommit['record']>,
): number | undefined {
  const row = db.get(
    `UPDATE directories SET generation = generation + 1, digest = ?, scope = ?, profile = ?, stub = ?, due_at = ?,
       held = ?, proved_by = ?, reported = ?, listed = ?, probe = ?, changed_by = ?, leaf = ?
     WHERE watch = ? AND path = ? AND generation = ? RETURNING id`,
    record.digest === null ? null : Buffer.from(record.digest, 'hex'),
    record.scope,
    record.profile,
    record.stub,
    record.dueAt,
    record.held ? 1 : 0,
    record.provedBy,
    record.reported,
    record.listed,
    record.probe === null ? null : encodeProbe(record.probe),
    record.changedBy,
    record.leaf ? 1 : 0,
    watch,
    pathKey(path),
    generation,
  );
  return row && integer(row, 'id');
}

function remove(db: Database, watch: number, path: string, generation: number): number | undefined {
  const row = db.get(
    'DELETE FROM directories WHERE watch = ? AND path = ? AND generation = ? RETURNING id',
    watch,
    pathKey(path),
    generation,
  );
  if (row !== undefined) db.run('DELETE FROM chunks WHERE directory = ?', integer(row, 'id'));
  return row && integer(row, 'id');
}

function directoryOf(row: Row): DirectoryRecord {
  return {
    path: pathOf(row),
    generation: integer(row, 'generation'),
    digest: digest(row, 'digest'),
    scope: text(row, 'scope'),
    profile: text(row, 'profile'),
    stub: row['stub'] === null ? null : choice(row, 'stub', ['baseline', 'new']),
    dueAt: integerOrNull(row, 'due_at'),
    held: integer(row, 'held') === 1,
    provedBy: integer(row, 'proved_by'),
    reported: integer(row, 'reported'),
    listed: integer(row, 'listed'),
    probe: probe(row, 'probe'),
    changedBy: integer(row, 'changed_by'),
    leaf: integer(row, 'leaf') === 1,
  };
}
