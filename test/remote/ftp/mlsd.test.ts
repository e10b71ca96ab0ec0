import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MlsdParser } from '../../../shared/remote/ftp/mlsd.ts';
import { sorted } from '../../../shared/tree/digest.ts';
import type { Entry } from '../../../shared/tree/entry.ts';
import { nameFromBytes, nameToBytes } from '../../../shared/tree/name.ts';

/** `cuts`: where the text is cut into pieces, from below. */
function parseMlsd(text: Buffer, cuts: readonly number[] = []) {
  const parser = new MlsdParser();
  for (const [index, from] of [0, ...cuts].entries()) parser.push(text.subarray(from, cuts[index]));
  return parser.done();
}

const parse = (...lines: readonly string[]) =>
  parseMlsd(Buffer.from(lines.map((line) => `${line}\r\n`).join('')));

const anyCuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
const cutInto = (text: Buffer, parts: readonly number[]): [Buffer, number[]] => [
  text,
  parts.map((part) => Math.floor(part * text.length)).toSorted((a, b) => a - b),
];

describe('MlsdParser', () => {
  const at = Date.UTC(2026, 10, 21, 1, 20, 5);
  const seconds = { modifiedAt: at, precision: 'second' } as const;
  const lines: readonly (readonly [string, Entry])[] = [
    // ProFTPD
    [
      'modify=20261121012005;size=10;type=file;unique=FE00U1; a.csv',
      { name: 'a.csv', kind: 'file', size: 10, ...seconds },
    ],
    [
      'modify=20261121012005;type=dir;unique=FE00U2; sub',
      { name: 'sub', kind: 'directory', size: null, ...seconds },
    ],
    [
      'modify=20261121012005;size=4;type=OS.unix=symlink; l',
      { name: 'l', kind: 'link', size: null, ...seconds },
    ],
    // Pure-FTPd
    [
      'type=OS.unix=slink:;size=7;modify=20261121012005;UNIX.mode=0777; l',
      { name: 'l', kind: 'link', size: null, ...seconds },
    ],
    [
      'type=dir;sizd=4096;modify=20261121012005;UNIX.mode=0755; d',
      { name: 'd', kind: 'directory', size: null, ...seconds },
    ],
    // A target with blanks, against RFC 3659
    [
      'type=OS.unix=slink:/a b;modify=20261121012005; my link',
      { name: 'my link', kind: 'link', size: null, ...seconds },
    ],
    // Any case
    ['Type=FILE;SIZE=1;Modify=20261121012005; F', { name: 'F', kind: 'file', size: 1, ...seconds }],
    [
      'type=OS.unix=chr-1/3;modify=20261121012005; null',
      { name: 'null', kind: 'other', size: null, ...seconds },
    ],
    [
      'type=file;size=6442450951;modify=20261121012005; huge',
      { name: 'huge', kind: 'file', size: 6_442_450_951, ...seconds },
    ],
    // FileZilla Server says milliseconds
    [
      'type=file;size=1;modify=20261121012005.123; ms',
      { name: 'ms', kind: 'file', size: 1, modifiedAt: at + 123, precision: 'millisecond' },
    ],
    ['type=file;modify=20261121012005.1; x', { name: 'x', kind: 'file', size: null, ...seconds }],
    // Times that no calendar has
    [
      'type=file;size=1;modify=20260229000000; x',
      { name: 'x', kind: 'file', size: 1, modifiedAt: null, precision: 'none' },
    ],
    [
      'type=file;size=1;modify=191261121012005; x',
      { name: 'x', kind: 'file', size: 1, modifiedAt: null, precision: 'none' },
    ],
    ['type=file;size=1; x', { name: 'x', kind: 'file', size: 1, modifiedAt: null, precision: 'none' }],
    [
      'type=file;size=1;modify=19691230235958; x',
      {
        name: 'x',
        kind: 'file',
        size: 1,
        modifiedAt: Date.UTC(1969, 11, 30, 23, 59, 58),
        precision: 'second',
      },
    ],
    // Names as they are
    [
      'type=file;size=1;  lead',
      { name: ' lead', kind: 'file', size: 1, modifiedAt: null, precision: 'none' },
    ],
    [
      'type=file;size=1; semi;colon=x; y ',
      { name: 'semi;colon=x; y ', kind: 'file', size: 1, modifiedAt: null, precision: 'none' },
    ],
  ];
  for (const [line, entry] of lines) {
    it(JSON.stringify(line), () => {
      const parsed = parse(line);
      assert.deepEqual(parsed.entries, [entry]);
      assert.equal(parsed.malformed, undefined);
      assert.equal(parsed.self, false);
    });
  }

  it('takes the line of the directory itself for proof, and keeps device and inode', () => {
    const parsed = parse(
      'type=cdir;unique=U1; /the/path',
      'type=pdir;unique=U0; ..',
      'type=dir;unique=U2; sub',
    );
    assert.deepEqual([parsed.self, parsed.unique, parsed.lines], [true, 'U1', 3]);
    assert.deepEqual([...parsed.uniqueDirectories], [['sub', 'U2']]);
    assert.deepEqual(
      [...parsed.entries].map(({ name }) => name),
      ['sub'],
    );
  });

  it('keeps names that are not UTF-8', () => {
    const parsed = parseMlsd(
      Buffer.from('type=file;size=1; sp\xe9cial\r\ntype=file;size=1; \xc3\xbc\r\n', 'latin1'),
    );
    assert.deepEqual(
      [...parsed.entries].map(({ name }) => nameToBytes(name).toString('latin1')),
      ['sp\xe9cial', '\xc3\xbc'],
    );
    assert.equal(parsed.malformed, undefined);
  });

  const broken = {
    'no facts': ['just a name'],
    'no type': ['size=1; x'],
    'the same name twice': ['type=file;size=1; x', 'type=file;size=2; x'],
    'a slash in a name': ['type=file;size=1; a/b'],
    'an empty name': ['type=file;size=1; '],
    'a carriage return in a name': ['type=file;size=1; cr\rname'],
    'a line feed in a name': ['type=file;size=1; nl\nname', 'type=file;size=1; other'],
    'a line feed that makes two names': [
      'type=file;size=1; nl\ntype=file;size=1; name',
      'type=file;size=1; other',
    ],
  };
  for (const [what, text] of Object.entries(broken)) {
    it(`says malformed: ${what}`, () => assert.ok(parse(...text).malformed));
  }

  it('says malformed: the last line has no end', () => {
    assert.match(parseMlsd(Buffer.from('type=file;size=1; cut')).malformed ?? '', /no end/);
  });

  it('accepts line feeds alone when all lines have them', () => {
    const parsed = parseMlsd(Buffer.from('type=file;size=1; a\ntype=file;size=2; b\n'));
    assert.deepEqual([parsed.malformed, parsed.entries.length], [undefined, 2]);
  });

  it('reads back whatever a server writes', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((bytes) => nameFromBytes(bytes.filter((byte) => ![0, 10, 13, 47].includes(byte))))
      .filter((text) => !['', '.', '..'].includes(text));
    const entry: fc.Arbitrary<Entry> = fc.record({
      name,
      kind: fc.constantFrom('file', 'directory', 'link', 'other'),
      size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      modifiedAt: fc.integer({ min: -1e9, max: 4e9 }).map((seconds) => seconds * 1000),
      precision: fc.constant('second'),
    });
    const types = { file: 'file', directory: 'dir', link: 'OS.unix=slink:x y', other: 'OS.unix=pipe' };
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (one) => one.name }), anyCuts, (all, cuts) => {
        const entries = all.map((one) => ({ ...one, size: one.kind === 'file' ? one.size : null }));
        const text = entries.map(({ name: n, kind, size, modifiedAt }) => {
          const time = new Date(modifiedAt ?? 0).toISOString().replace(/\D/g, '').slice(0, 14);
          const facts = `type=${types[kind]};${size === null ? '' : `size=${size};`}modify=${time}; `;
          return Buffer.concat([Buffer.from(facts), nameToBytes(n), Buffer.from('\r\n')]);
        });
        const parsed = parseMlsd(...cutInto(Buffer.concat(text), cuts));
        assert.equal(parsed.malformed, undefined);
        assert.deepEqual(parsed.entries, sorted(entries));
      }),
    );
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseMlsd(Buffer.from(bytes))));
  });

  it('reads the same in pieces as at once, whatever comes', () => {
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '\n', '\r', 'type=file;size=1; ', 'type=dir; ', 'a', 'b', '\xc3', '\xbc', '/'),
      fc.constantFrom('x'.repeat(9_000), 'y'.repeat(45_000)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), anyCuts, (parts, cuts) => {
        const text = Buffer.from(parts.join(''), 'latin1');
        assert.deepEqual(parseMlsd(...cutInto(text, cuts)), parseMlsd(text));
      }),
    );
  });
});
