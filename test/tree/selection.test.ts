import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Minimatch } from 'minimatch';
import { parentPath } from '../../shared/tree/entry.ts';
import {
  compileSelection,
  type Pattern,
  type SelectionRules,
  selectionDigest,
} from '../../shared/tree/selection.ts';
import { compilePattern } from '../../shared/tree/selection-pattern.ts';
import { validatePattern } from '../../shared/tree/selection-validate.ts';
import { paths } from './paths.ts';

const everything: SelectionRules = {
  include: [glob('**')],
  exclude: [],
  caseSensitive: true,
  hidden: true,
  maxDepth: null,
  minFileSize: null,
  maxFileSize: null,
  kinds: ['file', 'directory'],
};

function glob(pattern: string): Pattern {
  return { type: 'glob', pattern };
}

function regex(pattern: string): Pattern {
  return { type: 'regex', pattern };
}

function select(rules: Partial<SelectionRules>) {
  return compileSelection({ ...everything, ...rules });
}

const globSegments = fc.constantFrom(
  ...[
    'a',
    'b',
    'A',
    'x.csv',
    'tmp',
    '.hidden',
    '**',
    '**',
    '*',
    '?',
    '*.csv',
    '*.CSV',
    '{a,tmp}',
    '[ab]',
    '[!a]',
    'in*',
  ],
  ...[
    '{a/b,tmp}',
    '!(a)',
    '+(a|b)',
    '@(in|tmp)*',
    '{1..200}',
    '\\a',
    'a\\\\b',
    '\udc80',
    '{a,b/**}',
    '*.{csv,CSV}',
  ],
);
const globs = fc
  .tuple(
    fc.constantFrom('', '', '/', './'),
    fc.array(globSegments, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '', '/'),
  )
  .map(([before, segments, after]) => glob(before + segments.join('/') + after));
const regexes = fc
  .constantFrom(
    ...[
      '^in/',
      '^a/b/',
      '^(a|b)/',
      '^a|b',
      '^a/[a|b]/x',
      '\\.csv$',
      '^a/b?',
      '^ab*',
      '^a{2}',
      '^x\\.csv/',
      '^\udc80',
      '^',
    ],
    ...[
      'tmp',
      '(?<=a/)b',
      '^in 1/+a',
      '^(?!a)',
      '^a\\/tmp\\/',
      '^\\u{61}/b',
      '^😀?a',
      'a/(tmp|in)$',
      '^[^a]',
      '.',
      '^in-x/a|^b',
    ],
  )
  .map(regex);
const patternLists = fc.array(fc.oneof(globs, regexes), { maxLength: 3 });
const rules: fc.Arbitrary<SelectionRules> = fc.record({
  include: patternLists,
  exclude: patternLists,
  caseSensitive: fc.boolean(),
  hidden: fc.boolean(),
  maxDepth: fc.option(fc.integer({ min: 1, max: 5 })),
  minFileSize: fc.option(fc.nat()),
  maxFileSize: fc.option(fc.nat()),
  kinds: fc.constantFrom(['file'], ['directory'], ['file', 'directory'], ['directory', 'file']),
});
const kinds = fc.constantFrom('file' as const, 'directory' as const);
const manyRuns = { numRuns: 1_000 };

describe('a selection', () => {
  it('descends to whatever it admits', () => {
    fc.assert(
      fc.property(rules, paths, kinds, (some, path, kind) => {
        const selection = compileSelection(some);
        if (!selection.admits(path, kind)) return;
        for (let at = parentPath(path); ; at = parentPath(at)) {
          assert.ok(selection.descends(at), `descends to ${JSON.stringify(at)}`);
          if (at === '') break;
        }
      }),
      manyRuns,
    );
  });

  it('lets exclude beat include, for the path and for all below it', () => {
    fc.assert(
      fc.property(rules, fc.oneof(globs, regexes), paths, paths, kinds, (some, pattern, path, rest, kind) => {
        const selection = compileSelection({ ...some, exclude: [...some.exclude, pattern] });
        const matcher = compilePattern(pattern, some.caseSensitive);
        if (matcher.matches(path, kind)) assert.equal(selection.admits(path, kind), false);
        if (!matcher.matches(path, 'directory')) return;
        assert.equal(selection.descends(path), false);
        assert.equal(selection.admits(`${path}/${rest}`, kind), false);
        assert.equal(selection.descends(`${path}/${rest}`), false);
      }),
      manyRuns,
    );
  });

  it('admits exactly what include, exclude, hidden, depth and kinds say', () => {
    fc.assert(
      fc.property(rules, paths, kinds, (some, path, kind) => {
        const segments = path.split('/');
        const matches = (list: readonly Pattern[], at: string, as: 'file' | 'directory') =>
          list.some((pattern) => compilePattern(pattern, some.caseSensitive).matches(at, as));
        const excludedAbove = segments
          .slice(1)
          .some((_, i) => matches(some.exclude, segments.slice(0, i + 1).join('/'), 'directory'));
        const expected =
          some.kinds.includes(kind) &&
          (some.hidden || !segments.some((segment) => segment.startsWith('.'))) &&
          segments.length <= (some.maxDepth ?? Number.POSITIVE_INFINITY) &&
          (some.include.length === 0 || matches(some.include, path, kind)) &&
          !matches(some.exclude, path, kind) &&
          !excludedAbove;
        assert.equal(compileSelection(some).admits(path, kind), expected);
      }),
      manyRuns,
    );
  });

  it('answers the same in any order of questions', () => {
    fc.assert(
      fc.property(rules, fc.array(fc.tuple(paths, kinds), { maxLength: 8 }), (some, questions) => {
        const asked = compileSelection(some);
        for (const [path, kind] of questions) {
          assert.equal(asked.admits(path, kind), compileSelection(some).admits(path, kind));
          assert.equal(asked.descends(path), compileSelection(some).descends(path));
        }
      }),
    );
  });

  const includes: readonly (readonly [
    include: Pattern,
    listed: readonly string[],
    never: readonly string[],
  ])[] = [
    [glob('*.csv'), [], ['in', 'x.csv']],
    [glob('**/*.csv'), ['in', 'in/deep/er'], []],
    [glob('in/2026/*.csv'), ['in', 'in/2026'], ['out', 'in/2025', 'in/2026/01', 'in/2026/x.csv']],
    [glob('/in/**'), ['in', 'in/a'], ['out', 'inbox']],
    [glob('{in,out/*}/*.csv'), ['in', 'out', 'out/a'], ['in/a', 'out/a/b', 'tmp']],
    [glob('in/**/done/*.csv'), ['in', 'in/a', 'in/done/b'], ['done']],
    [
      regex('^incoming/2026/'),
      ['incoming', 'incoming/2026', 'incoming/2026/01'],
      ['in', 'incoming/2025', 'incoming2'],
    ],
    [regex('^in/(a|b)/'), ['in', 'in/c'], ['out', 'inn']],
    [regex('^in/|^out/'), ['in', 'tmp'], []],
    [regex('\\.csv$'), ['in', 'in/a'], []],
  ];
  for (const [include, listed, never] of includes) {
    it(`with include ${include.pattern} lists no directory in vain`, () => {
      const selection = select({ include: [include] });
      assert.ok(selection.descends(''));
      for (const path of listed) assert.equal(selection.descends(path), true, path);
      for (const path of never) assert.equal(selection.descends(path), false, path);
    });
  }

  const excludes: readonly (readonly [
    exclude: Pattern,
    open: readonly string[],
    closed: readonly string[],
  ])[] = [
    [glob('archive'), ['in', 'in/archive'], ['archive', 'archive/a']],
    [glob('archive/**'), ['in', 'in/archive', 'archived'], ['archive', 'archive/a']],
    [glob('**/tmp'), ['in', 'tmpdir'], ['tmp', 'in/tmp', 'in/tmp/a']],
    [glob('{old,in/*}/**'), ['in', 'new'], ['old', 'in/a', 'in/a/b']],
    [glob('\\{a,b}/**'), ['a', 'b'], ['{a,b}']],
    [glob('**/tmp/**/**'), ['in'], ['tmp', 'in/tmp']],
    [glob('archive/**/'), ['archive', 'in'], ['archive/a']],
    [glob('archive/*.gz'), ['archive', 'archive/a'], ['archive/a.gz']],
    [regex('(^|/)tmp$'), ['in', 'tmp2'], ['tmp', 'in/tmp', 'in/tmp/a']],
  ];
  for (const [exclude, open, closed] of excludes) {
    it(`with exclude ${exclude.pattern} closes what is below`, () => {
      const selection = select({ exclude: [exclude] });
      for (const path of open) assert.equal(selection.descends(path), true, path);
      for (const path of closed) assert.equal(selection.descends(path), false, path);
    });
  }

  it('leaves the entry of a directory alone whose contents are excluded', () => {
    const selection = select({ exclude: [glob('archive/**')] });
    assert.equal(selection.admits('archive', 'directory'), true);
    assert.equal(selection.admits('archive/a', 'file'), false);
  });

  it('takes a trailing slash for directories only', () => {
    const selection = select({ exclude: [glob('tmp/')] });
    assert.equal(selection.admits('tmp', 'file'), true);
    assert.equal(selection.admits('tmp', 'directory'), false);
    assert.equal(selection.admits('tmp/a', 'file'), false);
  });

  it('hides what begins with a dot, at any level, by `hidden` alone', () => {
    assert.equal(select({}).admits('.a/.b', 'file'), true);
    const tidy = select({ hidden: false });
    assert.equal(tidy.admits('.a', 'file'), false);
    assert.equal(tidy.admits('in/.a/b', 'file'), false);
    assert.equal(tidy.descends('in/.a'), false);
    assert.equal(tidy.admits('a.b', 'file'), true);
  });

  it('ignores case where told, for globs and regexes and where it descends', () => {
    const loose = { caseSensitive: false };
    assert.equal(select({ include: [glob('in/*.csv')], ...loose }).admits('IN/A.CSV', 'file'), true);
    assert.equal(select({ include: [regex('^in/.*csv$')], ...loose }).descends('IN'), true);
    assert.equal(select({ include: [regex('^in/.*csv$')] }).descends('IN'), false);
    // U+017F folds to s and U+212A to k under the flags i and u.
    assert.equal(select({ include: [regex('^task/')], ...loose }).admits('ta\u017f\u212a/a', 'file'), true);
    assert.equal(select({ include: [regex('^task/')], ...loose }).descends('ta\u017f\u212a'), true);
  });

  it('takes backslashes and other odd characters of names literally', () => {
    assert.equal(select({ include: [glob('*')] }).admits('a\\b', 'file'), true);
    assert.equal(select({ include: [glob('a/b')] }).admits('a\\b', 'file'), false);
    assert.equal(select({ include: [glob('a\\\\b')] }).admits('a\\b', 'file'), true);
    assert.equal(select({ include: [glob('#a')] }).admits('#a', 'file'), true);
    assert.equal(select({ include: [glob('?.csv')] }).admits('\udc80.csv', 'file'), true);
  });

  it('judges sizes, and lets an unknown one pass', () => {
    const selection = select({ minFileSize: 10, maxFileSize: 20 });
    assert.deepEqual(
      [9, 10, 20, 21, null].map((size) => selection.admitsSize(size)),
      [false, true, true, false, true],
    );
    assert.equal(select({}).admitsSize(0), true);
  });

  it('never admits the root, and always lists it', () => {
    const selection = select({ exclude: [glob('**')], maxDepth: 1 });
    assert.equal(select({}).admits('', 'directory'), false);
    assert.equal(selection.descends(''), true);
    assert.equal(selection.descends('a'), false);
  });
});

describe('a compiled glob', () => {
  it('agrees with minimatch, quick or not', () => {
    const quick = fc.constantFrom(
      '**',
      '**/*',
      '**/**',
      '**/*.csv',
      '**/*.CSV',
      '**/*.a-b',
      'a/**',
      'in/a/**',
      '.hidden/**',
      '\\a/**',
      'a\\\\b/**',
    );
    const either = fc.oneof(
      quick,
      globs.map((pattern) => pattern.pattern.replace(/^[./]+(?=[^.])|\/$/g, '')),
    );
    fc.assert(
      fc.property(either, paths, fc.boolean(), (pattern, path, caseSensitive) => {
        const reference = new Minimatch(pattern, {
          dot: true,
          nocase: !caseSensitive,
          nonegate: true,
          platform: 'linux',
        });
        assert.equal(
          compilePattern(glob(pattern), caseSensitive).matches(path, 'directory'),
          reference.match(path),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('covers below only directories all of whose contents it takes', () => {
    fc.assert(
      fc.property(
        globs,
        paths,
        paths,
        kinds,
        fc.boolean(),
        (pattern, directory, rest, kind, caseSensitive) => {
          const matcher = compilePattern(pattern, caseSensitive);
          if (!matcher.coversBelow(directory) || matcher.matches(directory, 'directory')) return;
          assert.ok(matcher.matches(`${directory}/${rest}`, kind));
        },
      ),
      manyRuns,
    );
  });
});

describe('a digest of selection rules', () => {
  it('ignores the order of keys and within lists', () => {
    fc.assert(
      fc.property(rules, (some) => {
        const reversed = {
          kinds: some.kinds.toReversed(),
          maxFileSize: some.maxFileSize,
          minFileSize: some.minFileSize,
          maxDepth: some.maxDepth,
          hidden: some.hidden,
          caseSensitive: some.caseSensitive,
          exclude: some.exclude.map(({ type, pattern }) => ({ pattern, type })).reverse(),
          include: some.include.map(({ type, pattern }) => ({ pattern, type })).reverse(),
        };
        assert.equal(selectionDigest(reversed), selectionDigest(some));
        assert.match(selectionDigest(some), /^[0-9a-f]{16}$/);
      }),
    );
  });

  it('sees every field', () => {
    const others: { readonly [Key in keyof SelectionRules]: SelectionRules[Key] } = {
      include: [regex('**')],
      exclude: [glob('**')],
      caseSensitive: false,
      hidden: false,
      maxDepth: 1,
      minFileSize: 1,
      maxFileSize: 1,
      kinds: ['file'],
    };
    const digests = Object.entries(others).map(([key, value]) =>
      selectionDigest({ ...everything, [key]: value }),
    );
    assert.equal(new Set([selectionDigest(everything), ...digests]).size, 9);
  });

  it('stays what it is, for it is stored', () => {
    assert.equal(selectionDigest(everything), '3e629b5c1ecc4448');
  });
});

describe('a pattern', () => {
  const bad: readonly (readonly [pattern: Pattern, says: RegExp])[] = [
    [regex('('), /unterminated group/i],
    [regex('\\-'), /invalid escape/i],
    [regex(''), /empty/],
    [glob(''), /empty/],
    [glob('/'), /empty/],
    [glob('./'), /empty/],
    [glob('[abc'), /unbalanced \[/],
    [glob('[a/b]'), /unbalanced \[/],
    [glob('a]'), /unbalanced \]/],
    [glob('*.{csv,txt'), /unbalanced \{/],
    [glob('*.csv}'), /unbalanced \}/],
    [glob('+(a|b'), /unbalanced \(/],
    [glob('@(a/b)'), /unbalanced \(/],
    [glob('!*.csv'), /negated/],
    [glob('in/../out'), /\.\./],
    [glob('?(a)'.repeat(300)), /too many extglobs/],
  ];
  for (const [pattern, says] of bad) {
    it(`such as ${pattern.type} ${JSON.stringify(pattern.pattern.slice(0, 20))} is refused with the reason`, () => {
      assert.match(validatePattern(pattern) ?? 'accepted', says);
    });
  }

  const good = [
    ...[
      '**',
      '/in/*.csv',
      './a',
      'tmp/',
      '[]a]',
      '[!]]',
      '[[:alpha:]]*',
      '[{]',
      '{a,b/{c,d}}/*',
      '{@(a),b}',
      '!(a|b)',
      '...',
    ],
    ...['\\[', '\\{a', '\\!a', 'report (1).csv', '#a', 'a\\\\b', '{1..9}', '+(a|[)])'],
  ];
  it('that is right is accepted, and compiles', () => {
    for (const pattern of good) {
      assert.equal(validatePattern(glob(pattern)), undefined, pattern);
      compilePattern(glob(pattern), false);
    }
    assert.equal(validatePattern(regex('^(a|b)\\.csv$')), undefined);
  });

  it('that is accepted compiles, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('glob' as const, 'regex' as const),
        fc.string({ maxLength: 12 }),
        paths,
        (type, text, path) => {
          const pattern = { type, pattern: text };
          if (validatePattern(pattern) !== undefined) return;
          const matcher = compilePattern(pattern, true);
          matcher.matches(path, 'file');
          matcher.mayMatchBelow(path);
        },
      ),
      manyRuns,
    );
  });
});
