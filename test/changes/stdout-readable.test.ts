import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import type { Change } from '../../shared/changes/change.ts';
import { ndjson } from '../../shared/changes/ndjson.ts';
import { escapeControls, readableChange, readableNotice } from '../../shared/changes/stdout-readable.ts';
import { sampleChange, sampleNotice } from './samples.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('\n', '\r', '\u2028', '\x1b[2J', '\x9b1A', '\u202e', '\\', '"', ' '), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
);
const anySize = fc.option(fc.maxSafeNat(), { nil: undefined });
const anyChange: fc.Arbitrary<Change> = fc
  .record({
    type: fc.constantFrom('created', 'modified', 'deleted', 'moved'),
    kind: fc.constantFrom('file', 'directory'),
    watch: anyText,
    path: anyText,
    from: fc.option(anyText, { nil: undefined }),
    before: anySize,
    after: anySize,
  })
  .map(({ from, before, after, ...rest }) =>
    sampleChange(1, {
      ...rest,
      ...(from === undefined ? {} : { from }),
      old: before === undefined ? null : { size: before },
      new: after === undefined ? null : { size: after },
    }),
  );

test('any change with any name is exactly one readable line without a control character', () => {
  fc.assert(
    fc.property(anyChange, (change) => {
      assert.doesNotMatch(
        readableChange(change, false),
        /[\p{Cc}\p{Surrogate}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u,
      );
    }),
  );
});

test('colours add nothing but colours', () => {
  fc.assert(
    fc.property(anyChange, (change) => {
      const coloured = readableChange(change, true);
      assert.ok(coloured.includes('\x1b['));
      assert.equal(stripVTControlCharacters(coloured), readableChange(change, false));
    }),
  );
});

test('any change is exactly one line of NDJSON, and reads back as itself', () => {
  fc.assert(
    fc.property(anyChange, (change) => {
      const text = ndjson([change]);
      assert.equal(text.indexOf('\n'), text.length - 1);
      const wellFormed = JSON.parse(JSON.stringify(change));
      assert.deepEqual(JSON.parse(text), wellFormed);
    }),
  );
});

test('escaping is unambiguous', () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      assert.equal(escapeControls(a) === escapeControls(b), a === b);
    }),
  );
  assert.notEqual(escapeControls('\n'), escapeControls('\\n'));
});

const lines: readonly [string, Partial<Change>, string][] = [
  ['a creation', {}, '+ created   incoming  /incoming/1.csv  1 KB'],
  [
    'a modification that changes the size',
    { type: 'modified', old: { size: 10 }, new: { size: 2_560 } },
    '~ modified  incoming  /incoming/1.csv  10 B -> 2.5 KB',
  ],
  [
    'a modification that keeps it',
    { type: 'modified', old: { size: 10 }, new: { size: 10 } },
    '~ modified  incoming  /incoming/1.csv  10 B',
  ],
  [
    'a deletion',
    { type: 'deleted', old: { size: 10 }, new: null },
    '- deleted   incoming  /incoming/1.csv  10 B',
  ],
  [
    'a directory',
    { kind: 'directory', path: '/incoming/new', new: {} },
    '+ created   incoming  /incoming/new/',
  ],
  [
    'a move',
    { type: 'moved', from: '/incoming/old name.csv', old: { size: 1 }, new: { size: 1 } },
    '> moved     incoming  /incoming/old name.csv -> /incoming/1.csv  1 B',
  ],
  [
    'a name that looks like a move',
    { path: '/incoming/a -> b' },
    '+ created   incoming  "/incoming/a -> b"  1 KB',
  ],
  ['a name that ends in a space', { path: '/incoming/a ' }, '+ created   incoming  "/incoming/a "  1 KB'],
  [
    'a hostile name',
    { path: '/incoming/a\n\x1b[2J\u202efdp.exe' },
    '+ created   incoming  /incoming/a\\n\\x1b[2J\\u202efdp.exe  1 KB',
  ],
];
for (const [what, more, expected] of lines) {
  test(`${what} reads well`, () => {
    const line = readableChange(sampleChange(1, more), false);
    assert.match(line.slice(0, 8), /^\d\d:\d\d:03$/);
    assert.equal(line.slice(10), expected);
  });
}

test('a notice reads well', () => {
  assert.equal(
    readableNotice({ ...sampleNotice, message: 'gone:\x07 /a' }, false).slice(10),
    '! Scan Incomplete  incoming  gone:\\x07 /a',
  );
});
