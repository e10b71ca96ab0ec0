import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Failure, StateUnusable } from '../../failure.ts';
import { migrations, schema, schemaVersion } from './schema.ts';

/** Marks a file as ours ("FARW"), so that another program's database is not taken for a state. */
const applicationId = 0x46415257;

export type Row = Record<string, unknown>;
export type Value = string | number | bigint | null | Uint8Array;

/** One SQLite file: statements prepared once, transactions, and errors in our words. */
export class Database {
  readonly file: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** `create`: whether a missing file is made; else it is an error. */
  constructor(file: string, create: boolean) {
    this.file = file;
    if (!create && !existsSync(file)) throw noState(file);
    this.#db = this.#translate(() => {
      mkdirSync(dirname(file), { recursive: true });
      return new DatabaseSync(file, { timeout: 15_000 });
    });
    try {
      this.#translate(() => whenFree(() => this.#prepareFile(create)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.#translate(() => this.#statement(sql).all(...values));
  }

  get(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#translate(() => this.#statement(sql).get(...values));
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return this.#translate(() => Number(this.#statement(sql).run(...values).changes));
  }

  /** Inserts a row and returns its rowid. */
  insert(sql: string, ...values: readonly Value[]): number {
    return this.#translate(() => Number(this.#statement(sql).run(...values).lastInsertRowid));
  }

  /** Runs `work`, which must not wait for anything, in one transaction that is on the disk when this returns. */
  transaction<T>(work: () => T): T {
    return this.#within('BEGIN IMMEDIATE', work);
  }

  /** Runs `work`, which only reads and waits for nothing: all of it sees one moment, whatever others commit. */
  snapshot<T>(work: () => T): T {
    return this.#within('BEGIN', work);
  }

  #within<T>(begin: string, work: () => T): T {
    this.#translate(() => this.#db.exec(begin));
    try {
      const result = work();
      this.#translate(() => this.#db.exec('COMMIT'));
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#translate(() => this.#db.exec('ROLLBACK'));
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  /** Nothing is written before the file is known to be ours: a foreign database stays as it is. */
  #prepareFile(create: boolean): void {
    if (this.#isNew()) {
      if (!create) throw noState(this.file);
      this.#db.exec('PRAGMA journal_mode = WAL');
      this.transaction(() => {
        if (!this.#isNew()) return; // another process was faster
        this.#db.exec(schema);
        this.#db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
      });
    }
    this.#checkForm();
    this.#migrate();
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000');
  }

  #isNew(): boolean {
    return this.#pragma('application_id') === 0 && this.#pragma('schema_version') === 0;
  }

  #checkForm(): void {
    if (this.#pragma('application_id') !== applicationId) {
      throw new StateUnusable(`${this.file} is a database of another program`, {
        advice: 'Name another file with --state.',
      });
    }
    const version = this.#pragma('user_version');
    if (version > schemaVersion) {
      throw new StateUnusable(
        `${this.file} was written by a newer Farwatch (form ${version}; this one knows ${schemaVersion})`,
        { advice: 'Update Farwatch, or name another file with --state.' },
      );
    }
  }

  /** An older Farwatch that has the file open goes on with it: forms only ever add. */
  #migrate(): void {
    if (this.#pragma('user_version') === schemaVersion) return;
    this.transaction(() => {
      // Read again: another process may have been faster.
      for (const step of migrations.slice(this.#pragma('user_version') - 1)) this.#db.exec(step);
      this.#db.exec(`PRAGMA user_version = ${schemaVersion}`);
    });
  }

  #pragma(name: string): number {
    return Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name]);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #translate<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof Failure || !(error instanceof Error)) throw error;
      throw stateFailure(this.file, error);
    }
  }
}

/**
 * SQLite waits for other processes at every statement but one: a change of the journal mode fails at once while
 * another process looks at the file, as two do that make a state at the same moment.
 */
function whenFree(work: () => void): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      work();
      return;
    } catch (error) {
      if (sqliteCode(error) !== busy || attempt >= busyAttempts) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyWaitMs);
    }
  }
}

const busy = 5; // SQLITE_BUSY
const busyAttempts = 100;
const busyWaitMs = 50;

/** SQLite's primary result code (https://sqlite.org/rescode.html). */
function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;
}

function noState(file: string): StateUnusable {
  return new StateUnusable(`${file}: there is no state yet`, {
    advice: 'Start "farwatch run" first, or name the state file with --state.',
  });
}

/** Puts an error of SQLite or of the file system in our words. */
export function stateFailure(file: string, error: Error): StateUnusable {
  const backup = 'Restore it from a backup, or move it away: the next run then starts with a new baseline.';
  const failure = (message: string, advice: string) => new StateUnusable(message, { cause: error, advice });
  switch (sqliteCode(error)) {
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return failure(`${file} is damaged or no state file: ${error.message}`, backup);
    case 5: // SQLITE_BUSY
      return failure(`${file} is locked by another program`, 'Try again.');
    case 13: // SQLITE_FULL
      return failure(`no space left for ${file}`, 'Free some disk space.');
    case undefined: // not from SQLite: its directory cannot be made
    case 8: // SQLITE_READONLY
    case 14: // SQLITE_CANTOPEN
      return failure(
        `${file} cannot be opened for writing: ${error.message}`,
        'Check the permissions of the file and its directory, or name another file with --state.',
      );
    default:
      return failure(`${file}: ${error.message}`, `Check the disk. If it is sound: ${backup}`);
  }
}
