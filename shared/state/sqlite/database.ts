import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Failure, StateUnusable } from '../../failure.ts';
import { schema } from './schema.ts';

/** Marks a file as ours ("FARW"), so that another program's database is not taken for a state. */
const applicationId = 0x46415257;
const schemaVersion = 1;

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
    if (!create && !existsSync(file)) {
      throw new StateUnusable(`${file}: there is no state yet`, {
        advice: 'Start "farwatch run" first, or name the state file with --state.',
      });
    }
    mkdirSync(dirname(file), { recursive: true });
    this.#db = this.#translate(() => new DatabaseSync(file, { timeout: 15_000 }));
    this.#translate(() => this.#prepareFile());
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
    this.#translate(() => this.#db.exec('BEGIN IMMEDIATE'));
    try {
      const result = work();
      this.#translate(() => this.#db.exec('COMMIT'));
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepareFile(): void {
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000');
    const found = Number(this.#db.prepare('PRAGMA application_id').get()?.['application_id']);
    const version = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version']);
    const tables = Number(this.#db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
    if (tables === 0) {
      this.transaction(() => {
        this.#db.exec(schema);
        this.#db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
      });
      return;
    }
    if (found !== applicationId) {
      throw new StateUnusable(`${this.file} is a database of another program`, {
        advice: 'Name another file with --state.',
      });
    }
    if (version > schemaVersion) {
      throw new StateUnusable(
        `${this.file} was written by a newer Farwatch (form ${version}; this one knows ${schemaVersion})`,
        { advice: 'Update Farwatch, or name another file with --state.' },
      );
    }
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

function stateFailure(file: string, error: Error): StateUnusable {
  const primary = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
  const backup = 'Restore it from a backup, or move it away: the next run then starts with a new baseline.';
  switch (primary) {
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return new StateUnusable(`${file} is damaged or no state file: ${error.message}`, {
        cause: error,
        advice: backup,
      });
    case 5: // SQLITE_BUSY
      return new StateUnusable(`${file} is locked by another program`, {
        cause: error,
        advice: 'Try again.',
      });
    case 8: // SQLITE_READONLY
    case 14: // SQLITE_CANTOPEN
      return new StateUnusable(`${file} cannot be opened for writing: ${error.message}`, {
        cause: error,
        advice: 'Check the permissions of the file and its directory, or name another file with --state.',
      });
    case 13: // SQLITE_FULL
      return new StateUnusable(`no space left for ${file}`, {
        cause: error,
        advice: 'Free some disk space.',
      });
    default:
      return new StateUnusable(`${file}: ${error.message}`, { cause: error });
  }
}
