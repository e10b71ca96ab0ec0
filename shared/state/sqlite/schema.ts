/**
 * The tables of the SQLite state. Paths are BLOBs: bytes as the server has them, a NUL before each name, so
 * that a subtree is one contiguous range. Digests and counts of directories stand apart from their entries (chunks).
 * `log.committed` is the order in which outputs read; (scan, phase, task, position) the order of `changes`.
 */
export const schema = `
CREATE TABLE watches (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, server TEXT NOT NULL, root TEXT NOT NULL,
  identity TEXT NOT NULL, initial TEXT NOT NULL, active INTEGER NOT NULL, epoch INTEGER NOT NULL,
  scan INTEGER NOT NULL, open_scan INTEGER, next_due_at INTEGER NOT NULL, paused INTEGER NOT NULL,
  last_scan TEXT, last_complete_at INTEGER, last_started_at INTEGER,
  hold TEXT, held TEXT NOT NULL, rejected TEXT NOT NULL, plan TEXT, floor TEXT
);
CREATE INDEX watches_due ON watches (next_due_at) WHERE active = 1 AND paused = 0 AND open_scan IS NULL;
CREATE TABLE scopes (scope TEXT PRIMARY KEY, rules TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE scans (
  watch INTEGER NOT NULL, scan INTEGER NOT NULL, epoch INTEGER NOT NULL, scope TEXT NOT NULL,
  started_at INTEGER NOT NULL, deadline_at INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
  closed INTEGER NOT NULL, tasks_made INTEGER NOT NULL, tasks_left INTEGER NOT NULL,
  directories INTEGER NOT NULL, files INTEGER NOT NULL, changed INTEGER NOT NULL, partial INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  partials TEXT NOT NULL, failure TEXT,
  PRIMARY KEY (watch, scan)
) WITHOUT ROWID;
CREATE TABLE tasks (
  watch INTEGER NOT NULL, scan INTEGER NOT NULL, task TEXT NOT NULL, scope TEXT NOT NULL,
  status TEXT NOT NULL, attempt INTEGER NOT NULL, logged INTEGER NOT NULL,
  PRIMARY KEY (watch, scan, task)
) WITHOUT ROWID;
CREATE TABLE directories (
  id INTEGER PRIMARY KEY, watch INTEGER NOT NULL, path BLOB NOT NULL, generation INTEGER NOT NULL,
  digest BLOB, scope TEXT NOT NULL, profile TEXT NOT NULL, stub TEXT, due_at INTEGER, held INTEGER NOT NULL,
  proved_by INTEGER NOT NULL, reported INTEGER NOT NULL, listed INTEGER NOT NULL, probe BLOB,
  changed_by INTEGER NOT NULL DEFAULT 0, leaf INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX directories_path ON directories (watch, path);
CREATE INDEX directories_held ON directories (watch, path) WHERE held = 1;
CREATE TABLE chunks (id INTEGER PRIMARY KEY AUTOINCREMENT, directory INTEGER NOT NULL, digest BLOB, entries BLOB NOT NULL);
CREATE INDEX chunks_directory ON chunks (directory);
CREATE TABLE log (
  committed INTEGER PRIMARY KEY AUTOINCREMENT, watch INTEGER NOT NULL, scan INTEGER NOT NULL,
  phase INTEGER NOT NULL, task TEXT NOT NULL, position INTEGER NOT NULL, detected_at INTEGER NOT NULL,
  change TEXT NOT NULL
);
CREATE UNIQUE INDEX log_order ON log (watch, scan, phase, task, position);
CREATE TABLE outputs (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE slots (
  server TEXT NOT NULL, slot INTEGER NOT NULL, holder TEXT, until INTEGER NOT NULL, rest_until INTEGER NOT NULL,
  PRIMARY KEY (server, slot)
) WITHOUT ROWID;
CREATE TABLE servers (server TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE known_hosts (address TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
`;

/** What makes the next form of each older one: the first of these turns form 1 into form 2. */
export const migrations: readonly string[] = [
  'ALTER TABLE directories ADD COLUMN probe BLOB',
  `ALTER TABLE directories ADD COLUMN changed_by INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE directories ADD COLUMN leaf INTEGER NOT NULL DEFAULT 0`,
];

/** The form of a file made by this version. */
export const schemaVersion = 1 + migrations.length;
