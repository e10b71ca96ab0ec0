import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Reply, ReplyReader } from '../../../shared/remote/ftp/reply-reader.ts';

const dialogue = [
  '220-Welcome to\r\n220 is what 220-they say\r\n',
  '229 Entering Extended Passive Mode (|||6446|)\r\n',
  '211-Features:\r\n MLST type*;size*;\r\n 211 not the end\r\n\r\n2110 neither\r\n211-nor this\r\n211 End\r\n',
  '226-Options: -a -l \r\n226 17 matches total\r\n',
  '200\r\n',
  '213-STAT\nwith bare line feeds\n213 done\n',
  '550 sp\xe9cial: No such file\r\n',
].join('');

const expected: readonly Reply[] = [
  // RFC 959: the code and a blank end a long reply, so this one ends at its second line.
  { code: 220, message: '220-Welcome to\n220 is what 220-they say' },
  { code: 229, message: '229 Entering Extended Passive Mode (|||6446|)' },
  {
    code: 211,
    message: '211-Features:\n MLST type*;size*;\n 211 not the end\n\n2110 neither\n211-nor this\n211 End',
  },
  { code: 226, message: '226-Options: -a -l \n226 17 matches total' },
  { code: 200, message: '200' },
  { code: 213, message: '213-STAT\nwith bare line feeds\n213 done', bareLines: true },
  { code: 550, message: '550 sp\xe9cial: No such file' },
];

function read(pieces: readonly string[]): readonly Reply[] {
  const reader = new ReplyReader();
  return pieces.flatMap((piece) => reader.push(piece));
}

describe('ReplyReader', () => {
  it('reads replies that arrive at once', () => assert.deepEqual(read([dialogue]), expected));

  it('reads replies cut in two, wherever that is', () => {
    for (let at = 0; at <= dialogue.length; at += 1) {
      assert.deepEqual(read([dialogue.slice(0, at), dialogue.slice(at)]), expected, `cut at ${at}`);
    }
  });

  it('reads replies byte by byte', () => assert.deepEqual(read(Array.from(dialogue)), expected));

  it('reads replies in any pieces', () => {
    const cuts = fc.array(fc.nat({ max: dialogue.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (places) => {
        const sorted = [0, ...places.toSorted((a, b) => a - b), dialogue.length];
        const pieces = sorted.slice(1).map((end, index) => dialogue.slice(sorted[index], end));
        assert.deepEqual(read(pieces), expected);
      }),
    );
  });

  it('says of a reply that is too long to keep that it was cut, and reads on', () => {
    const line = `-rw-r--r-- 1 a b 1 Nov 21 01:20 ${'x'.repeat(60)}\r\n`;
    const long = `213-STAT\r\n${line.repeat(60_000)}213 End\r\n200 OK\r\n`;
    const pieces = Array.from({ length: Math.ceil(long.length / 65_536) }, (_, index) =>
      long.slice(index * 65_536, (index + 1) * 65_536),
    );
    const [first, second, ...others] = read(pieces);
    assert.deepEqual(
      [first?.code, first?.cut, second, others],
      [213, true, { code: 200, message: '200 OK' }, []],
    );
    assert.ok(first && first.message.length < 4.3e6, `${first?.message.length} characters are kept`);
  });

  it('waits for the end of a line', () => {
    const reader = new ReplyReader();
    assert.deepEqual(reader.push('221 Goodbye'), []);
    assert.deepEqual(reader.push('.\r\n'), [{ code: 221, message: '221 Goodbye.' }]);
  });

  it('forgets what came before TLS', () => {
    const reader = new ReplyReader();
    reader.push('230-Logged in\r\n230 in');
    reader.forget();
    assert.deepEqual(reader.push('331 Password\r\n'), [{ code: 331, message: '331 Password' }]);
  });

  it('leaves out lines that are no replies', () => {
    assert.deepEqual(read(['hello\r\n\r\n999 no\r\n200 OK\r\n']), [{ code: 200, message: '200 OK' }]);
  });

  it('refuses a reply without end', () => {
    const reader = new ReplyReader();
    assert.throws(() => {
      for (;;) reader.push(`211-${'x'.repeat(10_000)}\r\n`);
    }, RangeError);
    const endless = new ReplyReader();
    assert.throws(() => {
      for (;;) endless.push('x'.repeat(10_000));
    }, RangeError);
  });
});
