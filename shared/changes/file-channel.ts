import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Failure, InvalidInput, PublishFailed } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { Change, Notice } from './change.ts';
import type { Channel } from './channel.ts';
import { cutTornTail } from './file-tail.ts';
import { ndjson } from './ndjson.ts';

export interface FileOptions {
  readonly path: string;
  readonly maxBatch: number;
  readonly log: Logger;
}

/** Appends NDJSON and answers when it is on the disk. Notices a file moved away by a log rotation. */
export class FileChannel implements Channel {
  readonly maxBatch: number;
  readonly #path: string;
  readonly #log: Logger;
  #file: FileHandle | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor({ path, maxBatch, log }: FileOptions) {
    this.maxBatch = maxBatch;
    this.#path = path;
    this.#log = log;
  }

  /** Throws InvalidInput when the configured path cannot be an output. */
  static async open(options: FileOptions): Promise<FileChannel> {
    const channel = new FileChannel(options);
    try {
      channel.#file = await channel.#reopen();
    } catch (error) {
      throw openFailed(options.path, error);
    }
    return channel;
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const ids = changes.map((change) => change.id);
    if (signal.aborted) throw new PublishFailed(`stopped before ${this.#path} was written`, ids);
    await this.#append(ndjson(changes), ids);
  }

  async notify(notice: Notice): Promise<void> {
    await this.#append(ndjson([notice]), []);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** A notice may come while changes are written: one after the other, or opening anew would cut a line off. */
  #append(text: string, ids: readonly string[]): Promise<void> {
    const appended = this.#last.then(() => this.#write(text, ids));
    this.#last = appended.catch(() => undefined);
    return appended;
  }

  async #write(text: string, ids: readonly string[]): Promise<void> {
    try {
      const file = await this.#current();
      await file.appendFile(text);
      await file.sync();
    } catch (error) {
      // A full disk takes half a line: opening again cuts it off.
      await this.#drop().catch(() => undefined);
      throw new PublishFailed(`${this.#path} cannot be written: ${messageOf(error)}`, ids, {
        cause: error,
        advice: adviceFor(error),
      });
    }
  }

  /** The open file, if the path still leads to it; else the path's new file. */
  async #current(): Promise<FileHandle> {
    if (this.#file !== undefined) {
      const [opened, named] = await Promise.all([this.#file.stat(), statOrUndefined(this.#path)]);
      if (named?.ino === opened.ino && named.dev === opened.dev) return this.#file;
      await this.#drop();
    }
    this.#file = await this.#reopen();
    return this.#file;
  }

  async #reopen(): Promise<FileHandle> {
    const file = await open(this.#path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o644);
    try {
      if (!(await file.stat()).isFile()) throw notAFile(this.#path);
      const cutBytes = await cutTornTail(file, this.#path);
      if (cutBytes > 0) this.#log.warn({ path: this.#path, cutBytes }, 'cut off a line torn by a crash');
      await syncDirectory(dirname(this.#path));
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

/** A new file's name survives a power failure only once its directory is on the disk too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } catch (error) {
    // Some network file systems cannot, and say so with one of these.
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes(codeOf(error))) throw error;
  } finally {
    await directory.close();
  }
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function notAFile(path: string): InvalidInput {
  return new InvalidInput(`${path} is not an ordinary file`, {
    advice: 'Name an ordinary file, or use an output of type stdout or command.',
  });
}

function openFailed(path: string, error: unknown): Failure {
  if (error instanceof InvalidInput) return error;
  return new InvalidInput(`the output file ${path} cannot be opened: ${messageOf(error)}`, {
    cause: error,
    advice: adviceFor(error),
  });
}

function adviceFor(error: unknown): string {
  if (error instanceof InvalidInput && error.advice !== undefined) return error.advice;
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'Create its directory, or correct `path` of the output.';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'Give the user that runs Farwatch permission to write there, or correct `path` of the output.';
    case 'EISDIR':
      return 'This is a directory: add a file name to `path` of the output.';
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'Free some space or raise the limit; nothing is lost, the changes are written then.';
    default:
      return 'Check the disk and `path` of the output; nothing is lost, the changes are written later.';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
