import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RemoteProtocol } from '../../../shared/failure.ts';
import {
  decodeReply,
  encodeInit,
  encodeRequest,
  packetType,
  type Reply,
  requestLength,
} from '../../../shared/remote/sftp/codec.ts';
import { factsOf, kindOf } from '../../../shared/remote/sftp/entry.ts';
import { PacketReader } from '../../../shared/remote/sftp/packet-reader.ts';
import type { EntryKind } from '../../../shared/tree/entry.ts';
import { nameFromBytes, nameWithin } from '../../../shared/tree/name.ts';
import { Fields, packet, string, uint32, uint64 } from '../../servers/sftp-wire.ts';

/** A packet as the reader gives it out: without its length. */
function body(type: number, ...fields: readonly Buffer[]): Buffer {
  return packet(type, ...fields).subarray(4);
}

interface Sent {
  readonly name: Buffer;
  readonly size: number | undefined;
  readonly owner: boolean;
  readonly mode: number | undefined;
  readonly mtime: number | undefined;
  readonly extended: number;
}

function attributes({ size, owner, mode, mtime, extended }: Omit<Sent, 'name'>): readonly Buffer[] {
  const flags =
    (size === undefined ? 0 : 1) |
    (owner ? 2 : 0) |
    (mode === undefined ? 0 : 4) |
    (mtime === undefined ? 0 : 8) |
    (extended > 0 ? 0x80000000 : 0);
  return [
    uint32(flags),
    ...(size === undefined ? [] : [uint64(size)]),
    ...(owner ? [uint32(1000), uint32(1000)] : []),
    ...(mode === undefined ? [] : [uint32(mode)]),
    ...(mtime === undefined ? [] : [uint32(0xdeadbeef), uint32(mtime)]),
    ...(extended > 0 ? [uint32(extended)] : []),
    ...Array.from({ length: extended }, () => [string('x@example'), string('value')]).flat(),
  ];
}

const sent: fc.Arbitrary<Sent> = fc.record({
  name: fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  size: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  owner: fc.boolean(),
  mode: fc.option(fc.nat({ max: 0xffff }), { nil: undefined }),
  mtime: fc.option(fc.integer({ min: 0, max: 0xefffffff }), { nil: undefined }),
  extended: fc.nat({ max: 2 }),
});

function nameReply(id: number, entries: readonly Sent[]): Buffer {
  const fields = entries.flatMap((entry) => [
    string(entry.name),
    string('-rw-r--r-- longname'),
    ...attributes(entry),
  ]);
  return body(packetType.name, uint32(id), uint32(entries.length), ...fields);
}

function namesIn(reply: Reply) {
  assert.ok(reply.type === 'names');
  const { names } = reply;
  const read: { readonly name: string; readonly kind: EntryKind | undefined }[] = [];
  names.each((listed, following) => {
    assert.equal(read.length + 1 + following, names.count);
    const name = nameWithin(names.bytes, listed.start, listed.end);
    const { kind, size, modifiedAt, precision } = listed;
    read.push(kind === undefined ? { name, kind } : { name, ...{ kind, size, modifiedAt, precision } });
  });
  return read;
}

/** With its names, which are read only when they are wanted. */
function readWhole(bytes: Buffer): void {
  const reply = decodeReply(bytes);
  if (reply.type === 'names') reply.names.each(() => undefined);
}

describe('requests', () => {
  it('greets with version 3', () => {
    assert.deepEqual(encodeInit(), packet(packetType.init, uint32(3)));
  });

  it('carries type, id and bytes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), fc.uint8Array({ maxLength: 300 }), (id, text) => {
        const encoded = Buffer.alloc(requestLength(text));
        encodeRequest(encoded, 0, packetType.opendir, id, text);
        assert.equal(encoded.readUInt32BE(0), encoded.length - 4);
        const fields = new Fields(encoded.subarray(4));
        assert.deepEqual([fields.byte(), fields.uint32()], [packetType.opendir, id]);
        assert.deepEqual(fields.string(), Buffer.from(text));
      }),
    );
  });
});

describe('replies', () => {
  it('reads names with whatever attributes they carry', () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 8 }), (entries) => {
        const reply = decodeReply(nameReply(7, entries));
        assert.ok(reply.type === 'names');
        assert.equal(reply.id, 7);
        const expected = entries.map(({ name: bytes, mode, size, mtime }) => {
          const name = nameFromBytes(bytes);
          const kind = kindOf(mode);
          return kind === undefined ? { name, kind } : { name, ...factsOf(kind, { size, mtime }) };
        });
        assert.deepEqual(namesIn(reply), expected);
      }),
    );
  });

  it('takes times from 0xF0000000 on for times before 1970', () => {
    const at = (mtime: number) => {
      const reply = decodeReply(
        body(
          packetType.attrs,
          uint32(1),
          ...attributes({ size: 1, owner: true, mode: 0o100644, mtime, extended: 0 }),
        ),
      );
      return reply.type === 'attributes' ? reply.attributes.mtime : undefined;
    };
    assert.deepEqual(
      [0, 0x7fffffff, 0x80000000, 0xefffffff].map(at),
      [0, 0x7fffffff, 0x80000000, 0xefffffff],
    );
    assert.deepEqual([0xf0000000, 0xffffffff].map(at), [-0x10000000, -1]);
  });

  it('reads names exactly, those with a real U+FFFD too', () => {
    for (const name of ['\ufffd', 'a\ufffdb', '\ufeffbom', '漢字']) {
      const entry = { name: Buffer.from(name), size: 1, owner: false, mode: 0o100644, mtime: 1, extended: 0 };
      const reply = decodeReply(nameReply(1, [entry]));
      assert.equal(namesIn(reply)[0]?.name, name);
    }
  });

  it('reads statuses with and without a message, handles and versions', () => {
    assert.deepEqual(decodeReply(body(packetType.status, uint32(1), uint32(2), string('no'), string('en'))), {
      type: 'status',
      id: 1,
      code: 2,
      message: 'no',
    });
    assert.deepEqual(decodeReply(body(packetType.status, uint32(1), uint32(4))), {
      type: 'status',
      id: 1,
      code: 4,
      message: '',
    });
    const handle = Buffer.from([0, 255, 10]);
    assert.deepEqual(decodeReply(body(packetType.handle, uint32(9), string(handle))), {
      type: 'handle',
      id: 9,
      handle,
    });
    assert.deepEqual(decodeReply(body(packetType.version, uint32(3), string('a@b'), string('1'))), {
      type: 'version',
      version: 3,
    });
  });

  it('refuses a reply cut anywhere, with a sample', () => {
    const entry = { name: Buffer.from('name'), size: 1, owner: true, mode: 0o100644, mtime: 1, extended: 1 };
    const whole = nameReply(1, [entry, entry]);
    for (let length = 0; length < whole.length; length += 1) {
      assert.throws(
        () => readWhole(whole.subarray(0, length)),
        (error) => error instanceof RemoteProtocol && error.sample !== undefined,
        `cut at ${length}`,
      );
    }
  });

  it('answers garbage with RemoteProtocol or a reply, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.constantFrom(2, 101, 102, 104, 105, 201),
        (bytes, type) => {
          const garbage = Buffer.from(bytes);
          garbage[0] = type;
          try {
            readWhole(garbage);
          } catch (error) {
            assert.ok(error instanceof RemoteProtocol, String(error));
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('does not believe a count of four thousand million names', () => {
    assert.throws(() => readWhole(body(packetType.name, uint32(1), uint32(0xffffffff))), RemoteProtocol);
  });
});

describe('packets', () => {
  it('come out the same however the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 5, maxLength: 400 }), { maxLength: 10 });
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(bodies, cuts, (packets, shares) => {
        const stream = Buffer.concat(packets.flatMap((bytes) => [uint32(bytes.length), Buffer.from(bytes)]));
        const places = [
          0,
          ...shares.map((share) => Math.floor(share * stream.length)).sort((a, b) => a - b),
          stream.length,
        ];
        const reader = new PacketReader();
        const got = places
          .slice(1)
          .flatMap((end, index) => [...reader.push(stream.subarray(places[index], end))]);
        assert.deepEqual(
          got,
          packets.map((bytes) => Buffer.from(bytes)),
        );
      }),
    );
  });

  it('arrive byte by byte as well', () => {
    const reader = new PacketReader();
    const stream = Buffer.concat([packet(101, uint32(1), uint32(0)), packet(102, uint32(2), string('h'))]);
    const got = [...stream].flatMap((byte) => [...reader.push(Buffer.from([byte]))]);
    assert.deepEqual(got, [body(101, uint32(1), uint32(0)), body(102, uint32(2), string('h'))]);
  });

  it('may be 256 KiB long and no more', () => {
    const longest = Buffer.alloc(256 * 1024, 1);
    assert.deepEqual(
      [...new PacketReader().push(Buffer.concat([uint32(longest.length), longest]))],
      [longest],
    );
    assert.throws(() => [...new PacketReader().push(uint32(256 * 1024 + 1))], RemoteProtocol);
    assert.throws(() => [...new PacketReader().push(uint32(4))], RemoteProtocol);
  });

  it('of a login script that prints text are refused', () => {
    assert.throws(
      () => [...new PacketReader().push(Buffer.from('Welcome to this machine!\n'))],
      RemoteProtocol,
    );
  });
});
