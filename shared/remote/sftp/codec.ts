import { RemoteProtocol } from '../../failure.ts';
import type { NamedBytes } from '../../tree/columns.ts';
import type { EntryKind, Precision } from '../../tree/entry.ts';
import { kindOf, setFacts } from './entry.ts';

/** SFTP version 3 (draft-ietf-secsh-filexfer-02), as far as listing needs it. */
export const packetType = {
  init: 1,
  version: 2,
  close: 4,
  lstat: 7,
  opendir: 11,
  readdir: 12,
  realpath: 16,
  status: 101,
  handle: 102,
  name: 104,
  attrs: 105,
} as const;

export const statusCode = { ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4 } as const;

/** Only what the server sent: every attribute is optional in version 3. */
export interface Attributes {
  readonly mode: number | undefined;
  readonly size: number | undefined;
  /** Seconds since 1970. */
  readonly mtime: number | undefined;
}

export type Reply =
  | { readonly type: 'version'; readonly version: number }
  | { readonly type: 'status'; readonly id: number; readonly code: number; readonly message: string }
  | { readonly type: 'handle'; readonly id: number; readonly handle: Buffer }
  | { readonly type: 'names'; readonly id: number; readonly names: NamePage }
  | { readonly type: 'attributes'; readonly id: number; readonly attributes: Attributes };

/** The requests that carry one string: a path or a handle. */
export type RequestType = (typeof packetType)['close' | 'lstat' | 'opendir' | 'readdir' | 'realpath'];

export function encodeInit(): Buffer {
  return Buffer.from([0, 0, 0, 5, packetType.init, 0, 0, 0, 3]);
}

const requestHead = 13;

export function requestLength(text: Uint8Array): number {
  return requestHead + text.length;
}

/** Writes a request into `to` from `at` on, where there is room for it. */
export function encodeRequest(to: Buffer, at: number, type: RequestType, id: number, text: Uint8Array): void {
  to.writeUInt32BE(requestHead - 4 + text.length, at);
  to[at + 4] = type;
  to.writeUInt32BE(id, at + 5);
  to.writeUInt32BE(text.length, at + 9);
  to.set(text, at + requestHead);
}

/** `packet` begins with its type. Throws RemoteProtocol if it is not what the draft says. */
export function decodeReply(packet: Buffer): Reply {
  try {
    return decode(packet);
  } catch (error) {
    throw inTheMiddle(error, packet);
  }
}

function inTheMiddle(error: unknown, packet: Buffer): RemoteProtocol {
  return error instanceof RemoteProtocol ? error : malformed('a reply ends in the middle', packet, error);
}

function decode(packet: Buffer): Reply {
  const type = packet.readUInt8(0);
  const id = packet.readUInt32BE(1);
  switch (type) {
    case packetType.version:
      return { type: 'version', version: id };
    case packetType.status: {
      const code = packet.readUInt32BE(5);
      // Of what went well nobody reads the message.
      const message = code === statusCode.ok || code === statusCode.eof ? '' : decodeMessage(packet);
      return { type: 'status', id, code, message };
    }
    case packetType.handle:
      // Copied, lest a handle of four bytes keep a whole chunk of the stream alive.
      return { type: 'handle', id, handle: Buffer.from(decodeString(packet, 5)) };
    case packetType.name:
      return { type: 'names', id, names: new NamePage(packet) };
    case packetType.attrs:
      return { type: 'attributes', id, attributes: decodeAttributes(packet) };
    default:
      throw malformed(`unknown type ${type} of reply`, packet);
  }
}

function decodeString(packet: Buffer, at: number): Buffer {
  const end = at + 4 + packet.readUInt32BE(at);
  if (end > packet.length) throw malformed('a string is longer than its reply', packet);
  return packet.subarray(at + 4, end);
}

/** Some servers of version 3 leave the message of a status out, as version 2 did. */
function decodeMessage(packet: Buffer): string {
  return packet.length < 13 ? '' : decodeString(packet, 9).toString('utf8');
}

function decodeAttributes(packet: Buffer): Attributes {
  const reader = new AttributeReader(packet, 5);
  reader.read();
  return { mode: reader.mode, size: reader.size, mtime: reader.mtime };
}

/** A name and what is said of it. The next one is told by the same object. */
export interface ListedName extends Omit<NamedBytes, 'kind'> {
  /** Undefined: the attributes do not say what it is. */
  readonly kind: EntryKind | undefined;
}

/** Names of one reply, which are read when they are wanted: no object and no string for any. */
export class NamePage {
  readonly bytes: Buffer;
  readonly count: number;

  /** `packet`: valid as long as its chunk is. */
  constructor(packet: Buffer) {
    this.bytes = packet;
    this.count = packet.readUInt32BE(5);
  }

  /** `take` is told how many names follow. Throws RemoteProtocol in the middle if the reply is not what the draft says. */
  each(take: (listed: ListedName, following: number) => void): void {
    const reader = new AttributeReader(this.bytes, 9);
    const listed = new Listed();
    for (let following = this.count - 1; following >= 0; following -= 1) {
      try {
        listed.read(reader);
      } catch (error) {
        throw inTheMiddle(error, this.bytes);
      }
      take(listed, following);
    }
  }
}

const dot = 46;

/** The directory itself, or its parent. */
export function isDots(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== dot) return false;
  return end === start + 1 || (end === start + 2 && bytes[start + 1] === dot);
}

class Listed implements ListedName {
  start = 0;
  end = 0;
  kind: EntryKind | undefined;
  size: number | null = null;
  modifiedAt: number | null = null;
  precision: Precision = 'none';

  read(reader: AttributeReader): void {
    this.end = reader.skipString();
    this.start = this.end - reader.lastLength;
    reader.skipString();
    reader.read();
    this.kind = kindOf(reader.mode);
    setFacts(this, reader);
  }
}

const flag = { size: 0x1, owner: 0x2, mode: 0x4, times: 0x8, extended: 0x80000000 } as const;

/** Reads names and attributes one after another. Holds the last attributes: an object for each would be garbage. */
class AttributeReader {
  readonly #packet: Buffer;
  #at: number;
  size: number | undefined;
  mode: number | undefined;
  mtime: number | undefined;
  /** Bytes of the last string. */
  lastLength = 0;

  constructor(packet: Buffer, at: number) {
    this.#packet = packet;
    this.#at = at;
  }

  /** Returns where it ends. */
  skipString(): number {
    this.lastLength = this.#packet.readUInt32BE(this.#at);
    this.#at += 4 + this.lastLength;
    if (this.#at > this.#packet.length) throw malformed('a string is longer than its reply', this.#packet);
    return this.#at;
  }

  read(): void {
    const packet = this.#packet;
    const flags = packet.readUInt32BE(this.#at);
    this.#at += 4;
    this.size = undefined;
    this.mode = undefined;
    this.mtime = undefined;
    if (flags & flag.size) {
      this.size = packet.readUInt32BE(this.#at) * 2 ** 32 + packet.readUInt32BE(this.#at + 4);
      this.#at += 8;
    }
    if (flags & flag.owner) this.#at += 8;
    if (flags & flag.mode) {
      this.mode = packet.readUInt32BE(this.#at);
      this.#at += 4;
    }
    if (flags & flag.times) {
      this.mtime = signedSeconds(packet.readUInt32BE(this.#at + 4));
      this.#at += 8;
    }
    if (flags & flag.extended) this.#skipExtended();
    if (this.#at > packet.length) throw malformed('attributes are longer than their reply', packet);
  }

  #skipExtended(): void {
    const count = this.#packet.readUInt32BE(this.#at);
    this.#at += 4;
    for (let index = 0; index < count; index += 1) {
      this.skipString();
      this.skipString();
    }
  }
}

/** The field is unsigned, yet OpenSSH and mod_sftp cut a time before 1970 to its lower 32 bits: 1961 to 1969. */
function signedSeconds(value: number): number {
  return value >= 0xf0000000 ? value - 2 ** 32 : value;
}

export function malformed(what: string, packet: Uint8Array, cause?: unknown): RemoteProtocol {
  const sample = Buffer.from(packet.subarray(0, 32)).toString('hex');
  return new RemoteProtocol(`The server breaks the SFTP protocol: ${what}`, {
    sample,
    cause,
    advice: 'Check that the port belongs to an SFTP server and that no login script prints anything.',
  });
}
