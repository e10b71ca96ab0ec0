import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isEscaped, nameFromBytes, nameToBytes, readableName } from '../../shared/tree/name.ts';

/** Bytes that are UTF-8 here and there, as on a server with clients of several ages. */
const mixedBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.string({ unit: 'grapheme', maxLength: 3 }).map((text) => Uint8Array.from(Buffer.from(text))),
      fc.constantFrom(
        [0xc3],
        [0xe2, 0x82],
        [0xf0, 0x9f, 0x98],
        [0xed, 0xa0, 0x80],
        [0xc0, 0xaf],
        [0xef, 0xbb, 0xbf],
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

describe('names', () => {
  it('bring any bytes back', () => {
    fc.assert(fc.property(mixedBytes, (bytes) => assert.deepEqual(nameToBytes(nameFromBytes(bytes)), bytes)));
  });

  it('that are UTF-8 are ordinary strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(nameFromBytes(Buffer.from(text)), text);
        assert.equal(isEscaped(text), false);
        assert.equal(readableName(text), text);
      }),
    );
  });

  it('are escaped exactly where the bytes are not UTF-8, and then show U+FFFD', () => {
    fc.assert(
      fc.property(mixedBytes, (bytes) => {
        const name = nameFromBytes(bytes);
        assert.equal(isEscaped(name), !Buffer.from(bytes.toString('utf8')).equals(bytes));
        assert.ok(readableName(name).isWellFormed());
        assert.equal(readableName(name).length, name.length);
      }),
    );
  });

  const table: readonly (readonly [what: string, bytes: readonly number[], name: string])[] = [
    ['Latin-1', [0x63, 0x61, 0x66, 0xe9], 'caf\udce9'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['an overlong of three bytes', [0xe0, 0x80, 0xaf], '\udce0\udc80\udcaf'],
    ['an overlong of four bytes', [0xf0, 0x80, 0x80, 0xaf], '\udcf0\udc80\udc80\udcaf'],
    ['a high surrogate', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['one of our own escapes spelled in UTF-8', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
    [
      'a surrogate pair in UTF-8 (CESU-8)',
      [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
      '\udced\udca0\udcbd\udced\udcb8\udc80',
    ],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['a sequence cut off by the end', [0x61, 0xe2, 0x82], 'a\udce2\udc82'],
    ['a sequence cut off by a character', [0xf0, 0x9f, 0x98, 0x61], '\udcf0\udc9f\udc98a'],
    ['a bad byte after an astral character', [0xf0, 0x9f, 0x98, 0x80, 0x80], '😀\udc80'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
  ];
  for (const [what, bytes, name] of table) {
    it(`decode ${what}`, () => {
      assert.equal(nameFromBytes(Uint8Array.from(bytes)), name);
      assert.deepEqual([...nameToBytes(name)], bytes);
    });
  }

  it('never turn a surrogate that stands for no byte into one, least of all into a slash', () => {
    for (const name of ['\udc2f', '\ud82f', '\udc00', '\udd80', '\udfff']) {
      assert.deepEqual(nameToBytes(name), Buffer.from('\ufffd'));
    }
  });
});
