import { InvalidInput } from '../../failure.ts';
import { beginning, cursorText, isBefore, parseCursor } from '../cursor.ts';
import type { ChangeLog, ChangePage, Unpublished, UnpublishedQuery, WatchKey } from '../state.ts';
import { storedChange } from '../stored.ts';
import { integer, integerOrNull, json, text, textOrNull } from './columns.ts';
import type { Database, Row } from './database.ts';
import { watchId } from './fence.ts';

export function sqliteChangeLog(db: Database): ChangeLog {
  return {
    async changes(watch, cursor, limit) {
      return db.snapshot(() => page(db, watch, cursor, limit));
    },
    async cursorOf(watch, id) {
      return cursorOf(db, watch, id);
    },
    async unpublished(output, query) {
      return db.snapshot(() => unpublished(db, output, query));
    },
    async advance(output, position) {
      db.run('UPDATE outputs SET position = max(position, ?) WHERE name = ?', Number(position), output);
    },
    async registerOutputs(outputs) {
      db.transaction(() => {
        for (const row of db.all('SELECT name FROM outputs')) {
          if (!outputs.includes(text(row, 'name')))
            db.run('DELETE FROM outputs WHERE name = ?', text(row, 'name'));
        }
        for (const output of outputs) {
          db.run(
            'INSERT INTO outputs (name, position) VALUES (?, ?) ON CONFLICT DO NOTHING',
            output,
            newestCommitted(db),
          );
        }
      });
    },
    async trim(before) {
      return db.transaction(() => trim(db, before));
    },
  };
}

/** The open scan is left out: a reader that stored a cursor inside it would miss what is committed before it. */
function page(db: Database, watch: WatchKey, cursor: string | null, limit: number): ChangePage {
  const id = watchId(db, watch);
  const { floor, open, scan } = standing(db, id);
  const asked = cursor === null ? null : parseCursor(cursor);
  const resync =
    asked !== null && (asked.scan > scan || (floor !== null && isBefore(asked, parseCursor(floor))));
  const from = resync ? floor : cursor;
  const after = from === null ? beginning : parseCursor(from);
  const rows = db.all(
    `SELECT * FROM log WHERE watch = ? AND (scan, phase, task, position) > (?, ?, ?, ?) AND scan <> ?
     ORDER BY scan, phase, task, position LIMIT ?`,
    id,
    after.scan,
    after.phase,
    after.task,
    after.position,
    open ?? -1,
    limit,
  );
  const last = rows.at(-1);
  return {
    changes: rows.map(changeOf),
    cursor: last === undefined ? (from ?? floor) : cursorAt(last),
    resync,
  };
}

interface Standing {
  readonly floor: string | null;
  readonly open: number | null;
  readonly scan: number;
}

function standing(db: Database, id: number): Standing {
  const row = db.get('SELECT floor, open_scan, scan FROM watches WHERE id = ?', id) ?? {};
  return {
    floor: textOrNull(row, 'floor'),
    open: integerOrNull(row, 'open_scan'),
    scan: integer(row, 'scan'),
  };
}

function cursorOf(db: Database, watch: WatchKey, id: string): string | undefined {
  const row = db.get(
    `SELECT log.scan, phase, task, position, log.scan IS open_scan AS open FROM log
     JOIN watches ON watches.id = log.watch WHERE watches.key = ? AND change ->> 'id' = ?`,
    watch,
    id,
  );
  if (row === undefined) return undefined;
  return integer(row, 'open') === 1
    ? cursorText({ ...beginning, scan: integer(row, 'scan') })
    : cursorAt(row);
}

function unpublished(db: Database, output: string, query: UnpublishedQuery): Unpublished {
  const registered = db.get('SELECT position FROM outputs WHERE name = ?', output);
  if (registered === undefined) throw new InvalidInput(`no output ${output} is registered`);
  const position = integer(registered, 'position');
  const watches = query.watches ? JSON.stringify(query.watches) : null;
  const rows = db.all(
    `SELECT log.committed, log.change FROM log JOIN watches ON watches.id = log.watch
     WHERE committed > ?1 AND (?2 IS NULL OR watches.key IN (SELECT value FROM json_each(?2)))
     ORDER BY committed LIMIT ?3`,
    position,
    watches,
    query.limit,
  );
  const newest = newestCommitted(db);
  if (newest <= position) return { changes: [], position: null, waiting: 0 };
  const last = rows.at(-1);
  // A page that is not full has seen everything up to the newest change, others' watches included.
  const upTo = rows.length < query.limit || last === undefined ? newest : integer(last, 'committed');
  return {
    changes: rows.map(changeOf),
    position: String(upTo),
    waiting: newest - position, // numbers are given without gaps
  };
}

/** The number given last, whether or not its row is still kept. */
function newestCommitted(db: Database): number {
  const row = db.get(`SELECT seq FROM sqlite_sequence WHERE name = 'log'`);
  return row === undefined ? 0 : integer(row, 'seq');
}

/** The floor moves in the transaction that deletes, so no reader can take a shortened log for a whole one. */
function trim(db: Database, before: number): number {
  const published = integerOrNull(db.get('SELECT min(position) AS least FROM outputs') ?? {}, 'least');
  const rows = db.all(
    `SELECT log.watch, log.scan, log.phase, log.task, log.position, log.committed FROM log
     JOIN watches ON watches.id = log.watch
     WHERE detected_at < ? AND committed <= ? AND log.scan <> coalesce(watches.open_scan, -1)
     ORDER BY log.watch, log.scan, log.phase, log.task, log.position`,
    before,
    published ?? Number.MAX_SAFE_INTEGER,
  );
  for (const row of rows) {
    raiseFloor(db, integer(row, 'watch'), cursorAt(row));
    db.run('DELETE FROM log WHERE committed = ?', integer(row, 'committed'));
  }
  return rows.length;
}

/** Never lowers it: tasks commit side by side, so what comes first in the log may be trimmed last. */
function raiseFloor(db: Database, watch: number, cursor: string): void {
  const { floor } = standing(db, watch);
  if (floor !== null && isBefore(parseCursor(cursor), parseCursor(floor))) return;
  db.run('UPDATE watches SET floor = ? WHERE id = ?', cursor, watch);
}

function cursorAt(row: Row): string {
  return cursorText({
    scan: integer(row, 'scan'),
    phase: integer(row, 'phase'),
    task: text(row, 'task'),
    position: integer(row, 'position'),
  });
}

function changeOf(row: Row) {
  return json(row, 'change', storedChange);
}
