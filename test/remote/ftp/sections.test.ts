import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Section, SectionReader } from '../../../shared/remote/ftp/sections.ts';

const dots = ['drwxr-xr-x 2 a b 1 Nov 21  2025 .', 'drwxr-xr-x 2 a b 1 Nov 21  2025 ..'];
const file = (name: string): string => `-rw-r--r-- 1 a b 5 Nov 21  2025 ${name}`;
const link = (name: string, target: string): string => `lrwxrwxrwx 1 a b 9 Nov 21  2025 ${name} -> ${target}`;
const lines = (...of: readonly string[]): string => of.map((line) => `${line}\r\n`).join('');

/** As ProFTPD sends it; the first path is the one that is asked for. */
function sent(sections: readonly (readonly [string, readonly string[]])[]): string {
  return sections
    .map(([path, of], index) => `${index === 0 ? '' : `\r\n${path}:\r\n`}${lines(...of)}`)
    .join('');
}

function read(text: string, top = '/t', cuts: readonly number[] = []): readonly Section[] {
  const reader = new SectionReader(top);
  const data = Buffer.from(text, 'latin1');
  const borders = [0, ...cuts.map((cut) => cut % (data.length + 1)).sort((a, b) => a - b), data.length];
  const sections = borders.slice(1).flatMap((to, index) => reader.push(data.subarray(borders[index], to)));
  const last = reader.end();
  return last === undefined ? sections : [...sections, last];
}

const paths = (text: string, top?: string) => read(text, top).map(({ path }) => path);
const tree = [
  ['/t', [...dots, file('x')]],
  ['/t/a b', [...dots, file('y:'), file(' z')]],
  ['/t/a b/c:', dots],
  ['/t/locked', []],
  ['/t/z', [...dots, file('last')]],
] as const;

suite('sections of a recursive listing', () => {
  test('are told apart wherever the data is cut into pieces', () => {
    const expected = tree.map(([path, of]) => ({ path, listing: of.map((line) => `${line}\n`).join('') }));
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
        assert.deepEqual(read(sent(tree), '/t', cuts), expected);
      }),
    );
    assert.deepEqual(
      read(
        sent(tree),
        '/t',
        Array.from({ length: sent(tree).length }, (_, at) => at),
      ),
      expected,
    );
  });

  test('of the root have its children at the top', () => {
    assert.deepEqual(
      paths(
        sent([
          ['/', dots],
          ['/a', dots],
          ['/a/b', dots],
        ]),
        '/',
      ),
      ['/', '/a', '/a/b'],
    );
  });

  test('are none of what is cut off', () => {
    const text = sent(tree);
    for (let length = 0; length < text.length; length += 1) {
      for (const { path, listing } of read(text.slice(0, length)).slice(0, -1)) {
        const whole = tree.find(([of]) => of === path)?.[1] ?? [];
        assert.equal(listing, whole.map((line) => `${line}\n`).join(''));
      }
    }
    assert.deepEqual(paths(text.slice(0, -2)), ['/t', '/t/a b', '/t/a b/c:', '/t/locked']);
  });

  const confused: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    'a link, whose target may be any text': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, link('l', `x\r\n\r\n/t/b:\r\n${dots[0]}`)]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a name with a line feed': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('x\ny')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a name with a carriage return': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('Icon\r')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a name with both, and what is no line': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('x\r\nsay')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'an empty line within a name': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('x\r\n\r\ny')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a name that ends like a section': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('x\r\n')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a name like a heading': [
      sent([
        ['/t', dots],
        ['/t/a', [...dots, file('x\r\n\r\n./b:')]],
        ['/t/b', dots],
      ]),
      ['/t'],
    ],
    'a heading with a line break': [
      sent([
        ['/t', dots],
        ['/t/a\r\nb', dots],
        ['/t/b', dots],
      ]),
      [],
    ],
    'a heading of elsewhere': [
      sent([
        ['/t', dots],
        ['/tt/a', dots],
        ['/t/b', dots],
      ]),
      [],
    ],
    'a heading from where we are': [
      sent([
        ['/t', dots],
        ['a', dots],
        ['/t/b', dots],
      ]),
      [],
    ],
    'a heading without a colon': [`${lines(...dots)}\r\n/t/a\r\n${lines(...dots)}`, []],
    'lines as STAT has them': [lines(...dots.map((line) => ` ${line}`)), []],
    'a word about it': [`${lines('total 5', ...dots)}`, []],
    'a section without end': [
      `${lines(...dots, ...Array(40_000).fill(file('x')))}\r\n/t/a:\r\n${lines(...dots)}`,
      [],
    ],
  };
  for (const [what, [text, expected]] of Object.entries(confused)) {
    test(`end at ${what}`, () => {
      assert.deepEqual(
        read(
          text,
          '/t',
          Array.from({ length: 200 }, (_, index) => index * 10_007),
        ).map(({ path }) => path),
        expected,
      );
    });
  }
});
