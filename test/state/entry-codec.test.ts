import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { StateUnusable } from '../../shared/failure.ts';
import { decodeEntries, encodeEntries } from '../../shared/state/entry-codec.ts';
import type { Facts } from '../../shared/tree/entry.ts';
import { nameFromBytes } from '../../shared/tree/name.ts';
import { type SnapshotEntry, settled } from '../../shared/tree/snapshot.ts';

/** Any bytes that a server can call a file: not empty, no NUL, no '/'. */
const name = fc.oneof(
  fc.uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 40 }).map((bytes) => {
    return nameFromBytes(bytes.map((byte) => (byte === 0x2f ? 0x5f : byte)));
  }),
  fc.constantFrom('a\nb', '"', "'", 'é', '\u{1f600}', '\udcff', 'x\udc80\udcff', '\ufeffbom', '[', '\ufffd'),
);

const plain = { noNullPrototype: true };

const facts: fc.Arbitrary<Facts> = fc.record(
  {
    size: fc.option(fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32, 2 ** 53))),
    modifiedAt: fc.option(fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 0.5))),
    precision: fc.constantFrom('millisecond', 'second', 'minute', 'day', 'none'),
  },
  plain,
);

const entry: fc.Arbitrary<SnapshotEntry> = fc.oneof(
  fc
    .tuple(name, facts, fc.constantFrom<SnapshotEntry['kind']>('file', 'directory'))
    .map(([called, known, kind]) => {
      return settled({ name: called, ...known }, kind);
    }),
  fc.record(
    {
      name,
      kind: fc.constantFrom<SnapshotEntry['kind']>('file', 'directory'),
      seen: fc.option(facts),
      reported: fc.option(facts),
      since: fc.integer({ min: 1, max: 2 ** 45 }),
      misses: fc.nat(1_000),
    },
    plain,
  ),
);

function assertUnusable(data: Uint8Array): void {
  assert.throws(
    () => decodeEntries(data),
    (error) => {
      assert.ok(error instanceof StateUnusable, String(error));
      assert.ok(error.advice);
      return true;
    },
  );
}

describe('entry codec', () => {
  test('any entries come back as they were', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
        assert.deepEqual(decodeEntries(encodeEntries(entries)), entries);
      }),
      { numRuns: 300 },
    );
  });

  test('no entries', () => {
    assert.deepEqual(decodeEntries(encodeEntries([])), []);
  });

  test('5,000 entries, every seventh pending, in a tenth of their JSON', () => {
    const entries = Array.from({ length: 5_000 }, (_, index): SnapshotEntry => {
      const known = { name: `report-${index}.csv`, size: index * 1_000, modifiedAt: index * 60_000 };
      const one = settled({ ...known, precision: 'second' }, index % 5 === 0 ? 'directory' : 'file');
      return index % 7 === 0 ? { ...one, seen: null, since: index + 1, misses: 2 } : one;
    });
    const stored = encodeEntries(entries);
    assert.deepEqual(decodeEntries(stored), entries);
    assert.ok(stored.length < JSON.stringify(entries).length / 10, `${stored.length} bytes`);
  });

  test('the same entries always make the same bytes', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        assert.deepEqual(encodeEntries(entries), encodeEntries(entries));
      }),
    );
  });

  test('a flipped bit anywhere is found', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(), fc.nat(7), (entries, at, bit) => {
        const stored = encodeEntries(entries);
        const place = at % stored.length;
        const damaged = Buffer.from(stored);
        damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
        let read: readonly SnapshotEntry[];
        try {
          read = decodeEntries(damaged);
        } catch (error) {
          assert.ok(error instanceof StateUnusable, String(error));
          return;
        }
        assert.deepEqual(read, entries, 'unnoticed only where it changes nothing');
      }),
      { numRuns: 500 },
    );
  });

  test('shortened bytes are found', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(), (entries, at) => {
        const stored = encodeEntries(entries);
        assertUnusable(stored.subarray(0, at % stored.length));
      }),
    );
  });

  test('bytes that compress to as many as they were are one frame, and found when shortened', () => {
    const ofSize = (size: number) => ({ size, modifiedAt: null, precision: 'millisecond' }) as const;
    const stored = encodeEntries([
      settled({ name: 'a\nb', ...ofSize(32_065) }, 'file'),
      settled({ name: '\u0001', ...ofSize(7_088_109), modifiedAt: 0 }, 'file'),
      settled({ name: '\ufeffbom', ...ofSize(2 ** 32) }, 'directory'),
    ]);
    for (let length = 0; length < stored.length; length += 1) assertUnusable(stored.subarray(0, length));
  });

  test('any other bytes are found', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assertUnusable(bytes)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assertUnusable(Uint8Array.of(1, ...bytes))),
    );
  });

  test('well compressed nonsense is found, without room being made for what it claims', () => {
    const packed = (...raw: readonly Uint8Array[]) =>
      Buffer.concat([Buffer.of(1), zstdCompressSync(Buffer.concat(raw))]);
    const head = (count: number, names: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(count, 0);
      bytes.writeUInt32LE(names, 4);
      return bytes;
    };
    const [none, all] = [Buffer.alloc(0), 2 ** 32 - 1];
    for (const data of [
      packed(none),
      packed(Buffer.alloc(7)),
      packed(head(all, all)),
      packed(head(all, 1), Buffer.alloc(1_000)),
      packed(head(1, all), Buffer.alloc(1_000)),
      packed(head(0, 0), Buffer.from('{')),
      packed(head(0, 0), Buffer.from('[[0]]')),
      packed(head(0, 0)),
      packed(head(2, 1), Buffer.from('a'), Buffer.alloc(34), Buffer.from('[]')),
      packed(head(1, 3), Buffer.from('a\0b'), Buffer.alloc(17), Buffer.from('[]')),
      packed(head(1, 1), Buffer.from('a'), Buffer.alloc(17), Buffer.from('[[1,null,null,1,1]]')),
      packed(head(1, 1), Buffer.from('a'), Buffer.of(0x0f), Buffer.alloc(16), Buffer.from('[]')),
    ]) {
      assertUnusable(data);
    }
  });
});
