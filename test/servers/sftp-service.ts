import type { Stats } from 'node:fs';
import { constants, promises as fs } from 'node:fs';
import { localPath, modeString, pathOnServer, shortDate } from './disk.ts';
import {
  attrFlag,
  Fields,
  packet,
  replyType,
  requestType,
  statusCode,
  string,
  uint32,
  uint64,
} from './sftp-wire.ts';

/** As many names as OpenSSH puts into one answer. */
const namesPerReply = 100;

interface OpenDirectory {
  readonly path: Buffer;
  readonly names: readonly Buffer[];
  next: number;
}

type OpenHandle = { readonly file: fs.FileHandle } | { readonly directory: OpenDirectory };

/** One SFTP session over a directory of the disk. Answers one request at a time, in order. */
export class SftpService {
  readonly #root: Buffer;
  readonly #handles = new Map<string, OpenHandle>();
  #lastHandle = 0;

  constructor(root: string) {
    this.#root = Buffer.from(root);
  }

  /** The answer to one packet; never rejects. */
  async answer(request: Buffer): Promise<Buffer> {
    const fields = new Fields(request);
    const type = fields.byte();
    if (type === requestType.init) {
      return packet(replyType.version, uint32(3), string('posix-rename@openssh.com'), string('1'));
    }
    const id = uint32(fields.uint32());
    try {
      return await this.#dispatch(type, id, fields);
    } catch (error) {
      return failure(id, error);
    }
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) if ('file' in handle) await handle.file.close();
  }

  async #dispatch(type: number, id: Buffer, fields: Fields): Promise<Buffer> {
    switch (type) {
      case requestType.open:
        return this.#open(id, fields);
      case requestType.close:
        return this.#closeHandle(id, fields.string());
      case requestType.read:
        return this.#read(id, fields);
      case requestType.write: {
        const file = this.#file(fields.string());
        const offset = fields.uint64();
        await file.write(fields.string(), { position: offset });
        return ok(id);
      }
      case requestType.stat:
        return attrsReply(id, await fs.stat(this.#path(fields)));
      case requestType.lstat:
        return attrsReply(id, await fs.lstat(this.#path(fields)));
      case requestType.fstat:
        return attrsReply(id, await this.#file(fields.string()).stat());
      case requestType.setstat:
        await setAttrs(pathAttrs(this.#path(fields)), fields);
        return ok(id);
      case requestType.fsetstat:
        await setAttrs(this.#file(fields.string()), fields);
        return ok(id);
      case requestType.opendir:
        return this.#opendir(id, this.#path(fields));
      case requestType.readdir:
        return this.#readdir(id, fields.string());
      case requestType.realpath:
        return names(id, [
          { name: pathOnServer(fields.string()), attrs: uint32(0), longName: Buffer.alloc(0) },
        ]);
      case requestType.readlink: {
        const target = await fs.readlink(this.#path(fields), { encoding: 'buffer' });
        return names(id, [{ name: target, attrs: uint32(0), longName: Buffer.alloc(0) }]);
      }
      default:
        return this.#change(type, id, fields);
    }
  }

  /** Requests that change the tree by name. */
  async #change(type: number, id: Buffer, fields: Fields): Promise<Buffer> {
    switch (type) {
      case requestType.remove:
        await fs.unlink(this.#path(fields));
        return ok(id);
      case requestType.mkdir:
        await fs.mkdir(this.#path(fields));
        return ok(id);
      case requestType.rmdir:
        await fs.rmdir(this.#path(fields));
        return ok(id);
      case requestType.rename: {
        const [from, to] = [this.#path(fields), this.#path(fields)];
        const target = await fs.lstat(to).catch(() => undefined);
        // Version 3 does not replace (section 6.5).
        if (target !== undefined) return status(id, statusCode.failure, 'the new name exists');
        await fs.rename(from, to);
        return ok(id);
      }
      case requestType.symlink: {
        // OpenSSH and all that follow it send the target first, against section 6.10.
        const target = fields.string();
        await fs.symlink(target, this.#path(fields));
        return ok(id);
      }
      case requestType.extended: {
        if (fields.string().toString() !== 'posix-rename@openssh.com') break;
        await fs.rename(this.#path(fields), this.#path(fields));
        return ok(id);
      }
    }
    return status(id, statusCode.unsupported, 'operation unsupported');
  }

  #path(fields: Fields): Buffer {
    return localPath(this.#root, fields.string());
  }

  #register(id: Buffer, handle: OpenHandle): Buffer {
    this.#lastHandle += 1;
    const name = String(this.#lastHandle);
    this.#handles.set(name, handle);
    return packet(replyType.handle, id, string(name));
  }

  #file(handle: Buffer): fs.FileHandle {
    const open = this.#handles.get(handle.toString());
    if (open === undefined || !('file' in open)) throw new Error('no such file handle');
    return open.file;
  }

  async #open(id: Buffer, fields: Fields): Promise<Buffer> {
    const path = this.#path(fields);
    const wanted = fields.uint32();
    const bit = (mask: number, flag: number) => ((wanted & mask) === 0 ? 0 : flag);
    const access =
      (wanted & 3) === 3 ? constants.O_RDWR : (wanted & 2) !== 0 ? constants.O_WRONLY : constants.O_RDONLY;
    const flags =
      access |
      bit(4, constants.O_APPEND) |
      bit(8, constants.O_CREAT) |
      bit(16, constants.O_TRUNC) |
      bit(32, constants.O_EXCL);
    return this.#register(id, { file: await fs.open(path, flags, 0o644) });
  }

  async #closeHandle(id: Buffer, handle: Buffer): Promise<Buffer> {
    const open = this.#handles.get(handle.toString());
    if (open === undefined) return status(id, statusCode.failure, 'no such handle');
    this.#handles.delete(handle.toString());
    if ('file' in open) await open.file.close();
    return ok(id);
  }

  async #read(id: Buffer, fields: Fields): Promise<Buffer> {
    const file = this.#file(fields.string());
    const offset = fields.uint64();
    const length = Math.min(fields.uint32(), 131_072);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
    if (bytesRead === 0) return status(id, statusCode.eof, 'end of file');
    return packet(replyType.data, id, string(buffer.subarray(0, bytesRead)));
  }

  async #opendir(id: Buffer, path: Buffer): Promise<Buffer> {
    const entries = await fs.readdir(path, { encoding: 'buffer' });
    const names = [Buffer.from('.'), Buffer.from('..'), ...entries];
    return this.#register(id, { directory: { path, names, next: 0 } });
  }

  async #readdir(id: Buffer, handle: Buffer): Promise<Buffer> {
    const open = this.#handles.get(handle.toString());
    if (open === undefined || !('directory' in open)) return status(id, statusCode.failure, 'no such handle');
    const { directory } = open;
    for (;;) {
      const page = directory.names.slice(directory.next, directory.next + namesPerReply);
      if (page.length === 0) return status(id, statusCode.eof, 'end of directory');
      directory.next += page.length;
      const found = await Promise.all(page.map((name) => named(directory.path, name)));
      const present = found.filter((entry) => entry !== undefined);
      if (present.length > 0) return names(id, present);
    }
  }
}

type Settable = Pick<fs.FileHandle, 'truncate' | 'chown' | 'chmod' | 'utimes'>;

function pathAttrs(path: Buffer): Settable {
  return {
    truncate: (size) => fs.truncate(path, size),
    chown: (uid, gid) => fs.chown(path, uid, gid),
    chmod: (mode) => fs.chmod(path, mode),
    utimes: (accessed, modified) => fs.utimes(path, accessed, modified),
  };
}

async function setAttrs(target: Settable, fields: Fields): Promise<void> {
  const flags = fields.uint32();
  if ((flags & attrFlag.size) !== 0) await target.truncate(fields.uint64());
  if ((flags & attrFlag.owner) !== 0) await target.chown(fields.uint32(), fields.uint32());
  if ((flags & attrFlag.permissions) !== 0) await target.chmod(fields.uint32() & 0o7777);
  if ((flags & attrFlag.times) !== 0) await target.utimes(fields.uint32(), fields.uint32());
}

interface Named {
  readonly name: Buffer;
  readonly longName: Buffer;
  readonly attrs: Buffer;
}

/** Undefined where the entry went away since the directory was read. */
async function named(directory: Buffer, name: Buffer): Promise<Named | undefined> {
  const stats = await fs.lstat(Buffer.concat([directory, Buffer.from('/'), name])).catch(() => undefined);
  if (stats === undefined) return undefined;
  const size = String(stats.size).padStart(8);
  const prefix = `${modeString(stats)} ${stats.nlink} ${stats.uid} ${stats.gid} ${size} ${shortDate(stats.mtime)} `;
  return { name, longName: Buffer.concat([Buffer.from(prefix), name]), attrs: attrs(stats) };
}

function attrs(stats: Stats): Buffer {
  const flags = attrFlag.size | attrFlag.owner | attrFlag.permissions | attrFlag.times;
  return Buffer.concat([
    uint32(flags),
    uint64(stats.size),
    uint32(stats.uid),
    uint32(stats.gid),
    uint32(stats.mode),
    // 32 bits: times before 1970 wrap around, as they do on OpenSSH.
    uint32(Math.floor(stats.atimeMs / 1000)),
    uint32(Math.floor(stats.mtimeMs / 1000)),
  ]);
}

function names(id: Buffer, entries: readonly Named[]): Buffer {
  const fields = entries.flatMap(({ name, longName, attrs: bytes }) => [
    string(name),
    string(longName),
    bytes,
  ]);
  return packet(replyType.name, id, uint32(entries.length), ...fields);
}

function attrsReply(id: Buffer, stats: Stats): Buffer {
  return packet(replyType.attrs, id, attrs(stats));
}

function ok(id: Buffer): Buffer {
  return status(id, statusCode.ok, 'Success');
}

function status(id: Buffer, code: number, message: string): Buffer {
  return packet(replyType.status, id, uint32(code), string(message), string(''));
}

/** The codes that OpenSSH gives for the same errors. */
function failure(id: Buffer, error: unknown): Buffer {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') {
    return status(id, statusCode.noSuchFile, 'No such file');
  }
  if (code === 'EACCES' || code === 'EPERM')
    return status(id, statusCode.permissionDenied, 'Permission denied');
  if (error instanceof RangeError) return status(id, statusCode.badMessage, 'Bad message');
  return status(id, statusCode.failure, 'Failure');
}
