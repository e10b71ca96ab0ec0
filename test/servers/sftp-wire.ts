/** SFTP version 3 on the wire (draft-ietf-secsh-filexfer-02), as a server needs it. Strings stay bytes. */
export const requestType = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  extended: 200,
} as const;

export const replyType = { version: 2, status: 101, handle: 102, data: 103, name: 104, attrs: 105 } as const;

export const statusCode = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

export const attrFlag = { size: 1, owner: 2, permissions: 4, times: 8 } as const;

/** Cuts the stream of a channel into packets, without their length field. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    let rest: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32BE(0);
      // OpenSSH takes 256 KiB at most.
      if (end > 262_144 + 4) throw new RangeError('SFTP packet too long');
      if (rest.length < end) break;
      packets.push(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    return packets;
  }
}

/** Reads the fields of one packet in order; throws RangeError beyond its end. */
export class Fields {
  readonly #packet: Buffer;
  #at = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  byte(): number {
    this.#at += 1;
    return this.#packet.readUInt8(this.#at - 1);
  }

  uint32(): number {
    this.#at += 4;
    return this.#packet.readUInt32BE(this.#at - 4);
  }

  uint64(): number {
    this.#at += 8;
    return Number(this.#packet.readBigUInt64BE(this.#at - 8));
  }

  string(): Buffer {
    const length = this.uint32();
    if (this.#at + length > this.#packet.length) throw new RangeError('string beyond the end of the packet');
    this.#at += length;
    return this.#packet.subarray(this.#at - length, this.#at);
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function string(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function packet(type: number, ...fields: readonly Buffer[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  return Buffer.concat([uint32(length), Buffer.from([type]), ...fields]);
}
