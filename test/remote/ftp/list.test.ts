import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseList } from '../../../shared/remote/ftp/list.ts';
import { todaysOffsetClock, zoneClock } from '../../../shared/remote/ftp/list-clock.ts';
import type { Entry } from '../../../shared/tree/entry.ts';
import { nameFromBytes, nameToBytes } from '../../../shared/tree/name.ts';
import { offsetMinutes } from '../../../shared/tree/zone.ts';

const now = Date.UTC(2026, 10, 21, 12, 0);
const utc = zoneClock('UTC', now);
const berlin = zoneClock('Europe/Berlin', now);
const parse = (lines: readonly string[], clock = utc) =>
  parseList(Buffer.from(lines.map((line) => `${line}\r\n`).join('')), clock);

const minute = (year: number, month: number, day: number, hour: number, min: number) =>
  ({ modifiedAt: Date.UTC(year, month - 1, day, hour, min), precision: 'minute' }) as const;
const day = (year: number, month: number, dayOfMonth: number) =>
  ({ modifiedAt: Date.UTC(year, month - 1, dayOfMonth), precision: 'day' }) as const;

const recent = minute(2026, 11, 21, 1, 20);

describe('parseList, lines of ls', () => {
  const lines: readonly (readonly [string, Entry])[] = [
    [
      '-rw-r--r--    1 999      995             1 Nov 21 01:20 plain',
      { name: 'plain', kind: 'file', size: 1, ...recent },
    ],
    [
      'drwxr-xr-x    2 owner    group        4096 May 24  2024 d',
      { name: 'd', kind: 'directory', size: null, ...day(2024, 5, 24) },
    ],
    [
      '-rw-r--r--   1 a b 6442450951 Nov 21 01:20 huge',
      { name: 'huge', kind: 'file', size: 6_442_450_951, ...recent },
    ],
    // Names as they are
    ['-rw-r--r--   1 a b 1 Nov 21 01:20  lead', { name: ' lead', kind: 'file', size: 1, ...recent }],
    ['-rw-r--r--   1 a b 1 Nov 21 01:20 trail ', { name: 'trail ', kind: 'file', size: 1, ...recent }],
    ['-rw-r--r--   1 a b 1 Nov 21 01:20 a -> b', { name: 'a -> b', kind: 'file', size: 1, ...recent }],
    [
      '-rw-r--r--   1 a b 3 Nov 21 01:20 -rw-r--r-- 1 a b 9 Jan  1  2020 fake',
      { name: '-rw-r--r-- 1 a b 9 Jan  1  2020 fake', kind: 'file', size: 3, ...recent },
    ],
    [
      '-rw-r--r--   1 a b 3 Jan  1  2020 5 Feb 02 2021 x',
      { name: '5 Feb 02 2021 x', kind: 'file', size: 3, ...day(2020, 1, 1) },
    ],
    // Links
    ['lrwxrwxrwx   1 a b 4 Nov 21 01:20 link -> real', { name: 'link', kind: 'link', size: null, ...recent }],
    [
      'lrwxrwxrwx   1 a b 4 Nov 21 01:20 to -> odd -> real',
      { name: 'to -> odd', kind: 'link', size: null, ...recent },
    ],
    [
      'lrwxrwxrwx   1 a b 11 Nov 21 01:20 to -> odd -> real',
      { name: 'to', kind: 'link', size: null, ...recent },
    ],
    [
      'lrwxrwxrwx   1 a b 4 Nov 21 01:20 secretive',
      { name: 'secretive', kind: 'link', size: null, ...recent },
    ],
    // Modes
    ['-rwsr-sr-t   1 a b 1 Nov 21 01:20 setuid', { name: 'setuid', kind: 'file', size: 1, ...recent }],
    ['drwxrwx--T+  1 a b 1 Nov 21 01:20 acl', { name: 'acl', kind: 'directory', size: null, ...recent }],
    ['-rw-r--r--@  1 a b 1 Nov 21 01:20 mac', { name: 'mac', kind: 'file', size: 1, ...recent }],
    ['-rw-r--r--.  1 a b 1 Nov 21 01:20 selinux', { name: 'selinux', kind: 'file', size: 1, ...recent }],
    // Columns missing, or with blanks
    [
      '-rw-r--r--   1 owner        1 Nov 21 01:20 no group',
      { name: 'no group', kind: 'file', size: 1, ...recent },
    ],
    [
      '-rw-r--r--   owner group    1 Nov 21 01:20 no links',
      { name: 'no links', kind: 'file', size: 1, ...recent },
    ],
    [
      '-rw-r--r--   1 John Doe  Domain Users  1 Nov 21 01:20 blanks',
      { name: 'blanks', kind: 'file', size: 1, ...recent },
    ],
    // Devices and others
    [
      'crw-rw-rw-   1 root root   1,   3 Nov 21 01:20 null',
      { name: 'null', kind: 'other', size: null, ...recent },
    ],
    ['prw-r--r--   1 a b 0 Nov 21 01:20 pipe', { name: 'pipe', kind: 'other', size: null, ...recent }],
    ['srw-r--r--   1 a b 0 Nov 21 01:20 socket', { name: 'socket', kind: 'other', size: null, ...recent }],
    // Other dates
    [
      '-rw-r--r--   1 a b 1 2025-03-04 05:06 iso',
      { name: 'iso', kind: 'file', size: 1, ...minute(2025, 3, 4, 5, 6) },
    ],
    ['-rw-r--r--   1 a b 1 21 Nov 01:20 day first', { name: 'day first', kind: 'file', size: 1, ...recent }],
    [
      '-rw-r--r--   1 a b 1 Nov 21  1:20 IIS in Unix style',
      { name: 'IIS in Unix style', kind: 'file', size: 1, ...recent },
    ],
  ];
  for (const [line, entry] of lines) {
    it(JSON.stringify(line), () => {
      const parsed = parse([line]);
      assert.deepEqual([parsed.malformed, parsed.entries], [undefined, [entry]]);
      assert.equal(parsed.dos, false);
    });
  }

  it('takes `.` for proof and leaves `..` and a total out', () => {
    const parsed = parse([
      'total 12',
      'drwxr-xr-x 2 a b 4096 Nov 21 01:20 .',
      'drwxr-xr-x 2 a b 4096 Nov 21 01:20 ..',
    ]);
    assert.deepEqual([parsed.self, parsed.lines, parsed.entries, parsed.malformed], [true, 2, [], undefined]);
  });

  const years: readonly (readonly [string, number, Date])[] = [
    ['Nov 21 12:00', now, new Date(Date.UTC(2026, 10, 21, 12))],
    // A day's grace: the server's clock is ahead.
    ['Nov 22 11:59', now, new Date(Date.UTC(2026, 10, 22, 11, 59))],
    ['Nov 22 12:01', now, new Date(Date.UTC(2025, 10, 22, 12, 1))],
    ['Dec 31 23:59', Date.UTC(2027, 0, 1, 0, 5), new Date(Date.UTC(2026, 11, 31, 23, 59))],
    ['Jan  1 00:05', Date.UTC(2026, 11, 31, 23, 59), new Date(Date.UTC(2027, 0, 1, 0, 5))],
    ['Feb 29 10:00', Date.UTC(2026, 10, 1), new Date(Date.UTC(2024, 1, 29, 10))],
  ];
  for (const [text, at, expected] of years) {
    it(`${text} seen at ${new Date(at).toISOString()} is ${expected.toISOString()}`, () => {
      const [entry] = parse([`-rw-r--r-- 1 a b 1 ${text} x`], zoneClock('UTC', at)).entries;
      assert.equal(entry?.modifiedAt, expected.getTime());
    });
  }

  it('reads local times in the zone of the server', () => {
    const parsed = parse(
      [
        '-rw-r--r-- 1 a b 1 Nov 21 01:20 a',
        '-rw-r--r-- 1 a b 1 Jul 21 01:20 b',
        '-rw-r--r-- 1 a b 1 Jul 21  2024 c',
      ],
      berlin,
    );
    assert.deepEqual(
      [...parsed.entries].map(({ modifiedAt }) => new Date(modifiedAt ?? 0).toISOString()),
      ['2026-11-21T00:20:00.000Z', '2026-07-20T23:20:00.000Z', '2024-07-20T22:00:00.000Z'],
    );
  });
});

describe('parseList, times with the offset of today', () => {
  it('reads summer and winter alike', () => {
    const lines = ['-rw-r--r-- 1 a b 1 Nov 21 01:20 a', '-rw-r--r-- 1 a b 1 Jul 21 01:20 b'];
    const { entries } = parse(lines, todaysOffsetClock('Europe/Berlin', now));
    assert.deepEqual(
      [...entries].map(({ modifiedAt }) => new Date(modifiedAt ?? 0).toISOString()),
      ['2026-11-21T00:20:00.000Z', '2026-07-21T00:20:00.000Z'],
    );
  });
});

describe('parseList, lines of dir', () => {
  const lines: readonly (readonly [string, Entry])[] = [
    [
      '07-20-26  09:52AM       <DIR>          Fuentes',
      { name: 'Fuentes', kind: 'directory', size: null, ...minute(2026, 7, 20, 9, 52) },
    ],
    [
      '07-20-26  12:05AM                12345 midnight.txt',
      { name: 'midnight.txt', kind: 'file', size: 12_345, ...minute(2026, 7, 20, 0, 5) },
    ],
    [
      '07-20-26  12:05PM                    0 noon.txt',
      { name: 'noon.txt', kind: 'file', size: 0, ...minute(2026, 7, 20, 12, 5) },
    ],
    [
      '07-20-2026  03:04PM       <DIR>          four digits',
      { name: 'four digits', kind: 'directory', size: null, ...minute(2026, 7, 20, 15, 4) },
    ],
    [
      '07-20-99  15:04                    1 old 24h',
      { name: 'old 24h', kind: 'file', size: 1, ...minute(1999, 7, 20, 15, 4) },
    ],
    [
      '07/20/2026  03:04 PM         1,234,567 commas',
      { name: 'commas', kind: 'file', size: 1_234_567, ...minute(2026, 7, 20, 15, 4) },
    ],
    [
      '07-20-26  09:52AM       <DIR>            two blanks',
      { name: '  two blanks', kind: 'directory', size: null, ...minute(2026, 7, 20, 9, 52) },
    ],
    [
      '07-20-26  09:52AM                    1  one blank',
      { name: ' one blank', kind: 'file', size: 1, ...minute(2026, 7, 20, 9, 52) },
    ],
    [
      '07-20-26  09:52AM       <DIR>     short padding',
      { name: 'short padding', kind: 'directory', size: null, ...minute(2026, 7, 20, 9, 52) },
    ],
    [
      '07-20-26  09:52AM       <JUNCTION>     link [C:\\x]',
      { name: 'link', kind: 'link', size: null, ...minute(2026, 7, 20, 9, 52) },
    ],
  ];
  for (const [line, entry] of lines) {
    it(JSON.stringify(line), () => {
      const parsed = parse([line]);
      assert.deepEqual([parsed.malformed, parsed.entries], [undefined, [entry]]);
      assert.equal(parsed.dos, true);
    });
  }
});

describe('parseList, what is no listing', () => {
  const good = '-rw-r--r-- 1 a b 1 Nov 21 01:20 good';
  const broken: Readonly<Record<string, readonly string[]>> = {
    'a total in the middle': [good, 'total 12'],
    prose: ['Sorry, no listing today'],
    'a month in German': ['-rw-r--r-- 1 a b 1 Okt 21 01:20 x'],
    'a day that no calendar has': ['-rw-r--r-- 1 a b 1 Feb 30 01:20 x'],
    'an hour that no clock shows': ['07-20-26  13:04PM                    1 x'],
    'a month after December': ['20-07-26  03:04PM                    1 x'],
    'the same name twice': [good, good],
    'a link that could be two': ['lrwxrwxrwx 1 a b 99 Nov 21 01:20 a -> b -> c'],
    'a line feed in a name': ['-rw-r--r-- 1 a b 1 Nov 21 01:20 nl\nname', good],
    'a line feed that makes two entries': [`-rw-r--r-- 1 a b 1 Nov 21 01:20 nl\n${good}`],
    'a carriage return in a name': ['-rw-r--r-- 1 a b 1 Nov 21 01:20 cr\rname'],
    'a line without end': [`-rw-r--r-- 1 a b 1 Nov 21 01:20 ${'x'.repeat(20_000)}`],
  };
  for (const [what, lines] of Object.entries(broken)) {
    it(what, () => assert.ok(parse(lines).malformed));
  }

  it('is quick with a line made to be slow', () => {
    const hostile = `-rw-r--r-- ${'1 Jan 1 '.repeat(1_200)}`;
    assert.ok(parse([hostile, `drwxr-xr-x ${' '.repeat(9_000)}x`]).malformed);
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseList(Buffer.from(bytes), utc)),
    );
  });
});

describe('parseList reads back whatever a server writes', () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((bytes) => nameFromBytes(bytes.filter((byte) => ![0, 10, 13, 47].includes(byte))))
    .filter((text) => !['', '.', '..'].includes(text));
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const written = fc.record({
    name,
    kind: fc.constantFrom('file' as const, 'directory' as const),
    size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    // Within the last half year, in minutes.
    ago: fc.nat({ max: 180 * 1_440 }),
    dated: fc.boolean(),
  });

  for (const zone of ['UTC', 'America/New_York']) {
    it(`as ls in ${zone}`, () => {
      fc.assert(
        fc.property(fc.uniqueArray(written, { selector: (one) => one.name }), (all) => {
          const text = all.map(({ name: n, kind, size, ago, dated }) => {
            const at = now - ago * 60_000;
            const wall = new Date(at + offsetMinutes(zone, at) * 60_000);
            const date = `${months[wall.getUTCMonth()]} ${String(wall.getUTCDate()).padStart(2)}`;
            const time = dated ? ` ${wall.getUTCFullYear()}` : wall.toISOString().slice(11, 16);
            const head = `${kind === 'file' ? '-' : 'd'}rw-r--r--    1 999      995 ${size} ${date} ${time} `;
            return Buffer.concat([Buffer.from(head), nameToBytes(n), Buffer.from('\r\n')]);
          });
          const parsed = parseList(Buffer.concat(text), zoneClock(zone, now));
          assert.equal(parsed.malformed, undefined);
          assert.equal(parsed.entries.length, all.length);
          const byName = new Map(all.map((one) => [one.name, one]));
          for (const entry of parsed.entries) {
            const one = byName.get(entry.name);
            assert.ok(one);
            assert.equal(entry.kind, one.kind);
            assert.equal(entry.size, one.kind === 'file' ? one.size : null);
            const behind = now - one.ago * 60_000 - (entry.modifiedAt ?? 0);
            // The hour that is shown twice a year is read as the first of both; a day may have 25 hours.
            assert.ok(behind >= 0 && behind <= (one.dated ? 25 * 3_600_000 : 3_600_000), `${behind} ms`);
            assert.equal(entry.precision, one.dated ? 'day' : 'minute');
          }
        }),
      );
    });
  }
});
