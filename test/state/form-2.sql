PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE watches (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, server TEXT NOT NULL, root TEXT NOT NULL,
  identity TEXT NOT NULL, initial TEXT NOT NULL, active INTEGER NOT NULL, epoch INTEGER NOT NULL,
  scan INTEGER NOT NULL, open_scan INTEGER, next_due_at INTEGER NOT NULL, paused INTEGER NOT NULL,
  last_scan TEXT, last_complete_at INTEGER, last_started_at INTEGER,
  hold TEXT, held TEXT NOT NULL, rejected TEXT NOT NULL, plan TEXT, floor TEXT
);
INSERT INTO watches VALUES(1,'acme/incoming','partner-a','/incoming','sftp://acme@partner-a:22/incoming','baseline',1,1795222800,1,NULL,1795226400000,0,'{"scan":1,"status":"complete","startedAt":1795222800000,"endedAt":1795222805000,"counts":{"directories":3,"files":7,"changedDirectories":0,"partialDirectories":0,"changes":0},"treeDigest":"dddddddddddddddddddddddddddddddd","partials":[],"failure":null}',1795222805000,1795222800000,NULL,'[]','[]',NULL,NULL);
CREATE TABLE scopes (scope TEXT PRIMARY KEY, rules TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO scopes VALUES('scope-1','{"include":[{"type":"glob","pattern":"**/*.csv"}],"exclude":[{"type":"regex","pattern":"^archive/''\\n"}],"caseSensitive":true,"hidden":false,"maxDepth":null,"minFileSize":0,"maxFileSize":1099511627776,"kinds":["file","directory"]}');
CREATE TABLE scans (
  watch INTEGER NOT NULL, scan INTEGER NOT NULL, epoch INTEGER NOT NULL, scope TEXT NOT NULL,
  started_at INTEGER NOT NULL, deadline_at INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
  closed INTEGER NOT NULL, tasks_made INTEGER NOT NULL, tasks_left INTEGER NOT NULL,
  directories INTEGER NOT NULL, files INTEGER NOT NULL, changed INTEGER NOT NULL, partial INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  partials TEXT NOT NULL, failure TEXT,
  PRIMARY KEY (watch, scan)
) WITHOUT ROWID;
INSERT INTO scans VALUES(1,1,1795222800,'scope-1',1795222800000,1795226400000,3600000,1,1,0,0,0,0,1,0,'[]',NULL);
CREATE TABLE tasks (
  watch INTEGER NOT NULL, scan INTEGER NOT NULL, task TEXT NOT NULL, scope TEXT NOT NULL,
  status TEXT NOT NULL, attempt INTEGER NOT NULL, logged INTEGER NOT NULL,
  PRIMARY KEY (watch, scan, task)
) WITHOUT ROWID;
CREATE TABLE directories (
  id INTEGER PRIMARY KEY, watch INTEGER NOT NULL, path BLOB NOT NULL, generation INTEGER NOT NULL,
  digest BLOB, scope TEXT NOT NULL, profile TEXT NOT NULL, stub TEXT, due_at INTEGER, held INTEGER NOT NULL,
  proved_by INTEGER NOT NULL, reported INTEGER NOT NULL, listed INTEGER NOT NULL, probe BLOB
);
INSERT INTO directories VALUES(1,1,X'',1,X'0123456789abcdef0123456789abcdef','scope-1','sftp/second',NULL,NULL,0,1,2,4,NULL);
INSERT INTO directories VALUES(2,1,X'0064656570',1,X'0123456789abcdef0123456789abcdef','scope-1','sftp/second',NULL,NULL,0,1,0,0,NULL);
INSERT INTO directories VALUES(3,1,X'006c61746572',0,NULL,'','','baseline',NULL,0,0,0,0,NULL);
CREATE TABLE chunks (id INTEGER PRIMARY KEY AUTOINCREMENT, directory INTEGER NOT NULL, digest BLOB, entries BLOB NOT NULL);
INSERT INTO chunks VALUES(1,1,X'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',X'0128b52ffd243b9501005402020000000f0000006f6e652e6373760074776f0101009040001c40000068e0b91f7a425b5d04002b84c00d5c8f5b4b1878cd17d0');
INSERT INTO chunks VALUES(2,2,X'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',X'0128b52ffd2424210100010000000900000074687265652e637376010000000000009040000068e0b91f7a425b5dc1b4724b');
CREATE TABLE log (
  committed INTEGER PRIMARY KEY AUTOINCREMENT, watch INTEGER NOT NULL, scan INTEGER NOT NULL,
  phase INTEGER NOT NULL, task TEXT NOT NULL, position INTEGER NOT NULL, detected_at INTEGER NOT NULL,
  change TEXT NOT NULL
);
INSERT INTO log VALUES(1,1,1,1,'0000001',1,1795224303120,'{"version":1,"id":"1","sequence":"1-1","type":"created","kind":"file","tenant":"acme","server":"partner-a","watch":"incoming","path":"/incoming/1.csv","old":null,"new":{"size":1024,"modifiedAt":"2026-11-21T01:20:00Z","precision":"second"},"scan":1,"detectedAt":"2026-11-21T01:25:03.120Z"}');
CREATE TABLE outputs (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE slots (
  server TEXT NOT NULL, slot INTEGER NOT NULL, holder TEXT, until INTEGER NOT NULL, rest_until INTEGER NOT NULL,
  PRIMARY KEY (server, slot)
) WITHOUT ROWID;
CREATE TABLE servers (server TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE known_hosts (address TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('chunks',2);
INSERT INTO sqlite_sequence VALUES('log',1);
CREATE INDEX watches_due ON watches (next_due_at) WHERE active = 1 AND paused = 0 AND open_scan IS NULL;
CREATE UNIQUE INDEX directories_path ON directories (watch, path);
CREATE INDEX directories_held ON directories (watch, path) WHERE held = 1;
CREATE INDEX chunks_directory ON chunks (directory);
CREATE UNIQUE INDEX log_order ON log (watch, scan, phase, task, position);
COMMIT;
