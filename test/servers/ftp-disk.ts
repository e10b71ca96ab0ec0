import { randomUUID } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import { createReadStream, createWriteStream, promises as fs, type Stats } from 'node:fs';
import type { FileSystem, FtpConnection } from 'ftp-srv';
import { localPath, modeString, pathOnServer, shortDate } from './disk.ts';

/** An entry of a listing; the name is latin1, one character for each byte. */
type NamedStats = Stats & { readonly name: string; readonly target?: string };

/**
 * What ftp-srv serves. Its own follows links (so a loop is an endless tree), leaves broken ones out, and knows names
 * only as UTF-8. Paths arrive as latin1, one character for each byte.
 */
export class DiskFileSystem implements FileSystem {
  readonly connection: FtpConnection;
  readonly root: string;
  cwd = '/';
  readonly #rootBytes: Buffer;

  constructor(connection: FtpConnection, root: string) {
    this.connection = connection;
    this.root = root;
    this.#rootBytes = Buffer.from(root);
  }

  currentDirectory(): string {
    return this.cwd;
  }

  async get(path: string): Promise<NamedStats> {
    return Object.assign(await fs.stat(this.#local(path)), { name: path });
  }

  async list(path = '.'): Promise<readonly NamedStats[]> {
    const directory = this.#local(path);
    const names = await fs.readdir(directory, { encoding: 'buffer' });
    const all = [Buffer.from('.'), Buffer.from('..'), ...names];
    const entries = await Promise.all(all.map((name) => describe(directory, name)));
    return entries.filter((entry) => entry !== undefined);
  }

  async chdir(path = '.'): Promise<string> {
    const local = this.#local(path);
    if (!(await fs.stat(local)).isDirectory()) throw new Error('Not a directory');
    // As chdir(2) would: no entry without the right to search.
    await fs.access(local, fs.constants.X_OK);
    this.cwd = this.#absolute(path);
    return this.cwd;
  }

  async read(
    path: string,
    { start }: { start?: number } = {},
  ): Promise<{ stream: ReadStream; clientPath: string }> {
    const local = this.#local(path);
    if ((await fs.stat(local)).isDirectory()) throw new Error('Not a plain file');
    return {
      stream: createReadStream(local, start === undefined ? {} : { start }),
      clientPath: this.#absolute(path),
    };
  }

  write(path: string, { append = false, start }: { append?: boolean; start?: number } = {}) {
    const options = {
      flags: append ? 'a' : start === undefined ? 'w' : 'r+',
      ...(start === undefined ? {} : { start }),
    };
    return { stream: createWriteStream(this.#local(path), options), clientPath: this.#absolute(path) };
  }

  async delete(path: string): Promise<void> {
    const local = this.#local(path);
    if ((await fs.lstat(local)).isDirectory()) await fs.rmdir(local);
    else await fs.unlink(local);
  }

  async mkdir(path: string): Promise<string> {
    await fs.mkdir(this.#local(path));
    return this.#absolute(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await fs.rename(this.#local(from), this.#local(to));
  }

  async chmod(path: string, mode: string): Promise<void> {
    await fs.chmod(this.#local(path), mode);
  }

  getUniqueName(): string {
    return randomUUID();
  }

  #absolute(path: string): string {
    const joined = path.startsWith('/') ? path : `${this.cwd}/${path}`;
    return pathOnServer(Buffer.from(joined, 'latin1')).toString('latin1');
  }

  #local(path: string): Buffer {
    return localPath(this.#rootBytes, Buffer.from(this.#absolute(path), 'latin1'));
  }
}

async function describe(directory: Buffer, name: Buffer): Promise<NamedStats | undefined> {
  const path = Buffer.concat([directory, Buffer.from('/'), name]);
  try {
    const stats = await fs.lstat(path);
    const named = Object.assign(stats, { name: name.toString('latin1') });
    if (!stats.isSymbolicLink()) return named;
    return Object.assign(named, {
      target: (await fs.readlink(path, { encoding: 'buffer' })).toString('latin1'),
    });
  } catch {
    // It went away since the directory was read.
    return undefined;
  }
}

/** A line as `ls -l` writes it. */
export function listLine(entry: Stats & { readonly name?: string; readonly target?: string }): string {
  const size = String(entry.size).padStart(12);
  const name = entry.target === undefined ? entry.name : `${entry.name} -> ${entry.target}`;
  const owner = `${entry.nlink} ${entry.uid} ${entry.gid}`;
  return `${modeString(entry)} ${owner} ${size} ${shortDate(entry.mtime)} ${name}`;
}
