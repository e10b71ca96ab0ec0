import { braceExpand, GLOBSTAR, Minimatch, type ParseReturnFiltered } from 'minimatch';
import type { Pattern } from './selection.ts';

/** One compiled pattern. All paths are relative to the root, never ''. */
export interface PatternMatcher {
  matches(path: string, kind: 'file' | 'directory'): boolean;
  /** Whether the pattern takes all that is below the directory, so that excluding by it ends there. */
  coversBelow(directory: string): boolean;
  /** Whether a path below the directory can match; true where that is not provable. */
  mayMatchBelow(directory: string): boolean;
}

/** `!` and `#` at the beginning are ordinary characters; dot files are the business of `hidden`. */
const globOptions = { dot: true, nonegate: true, nocomment: true, platform: 'linux' } as const;

export function compilePattern(pattern: Pattern, caseSensitive: boolean): PatternMatcher {
  return pattern.type === 'glob'
    ? compileGlob(pattern.pattern, caseSensitive)
    : compileRegex(pattern.pattern, caseSensitive);
}

/** Paths have no leading slash, and people write one. */
export function withoutLeadingSlash(glob: string): string {
  return glob.replace(/^(?:\.?\/)+/, '');
}

function compileGlob(glob: string, caseSensitive: boolean): PatternMatcher {
  const anchored = withoutLeadingSlash(glob);
  const directoriesOnly = anchored.endsWith('/');
  const plain = anchored.replace(/\/+$/, '');
  const minimatch = new Minimatch(plain, { ...globOptions, nocase: !caseSensitive });
  const matchesPath = quickMatch(plain, minimatch) ?? ((path: string) => minimatch.match(path));
  // `a/**/` takes the directories below a and leaves a's own files: it covers no directory but those it matches.
  const wholeTrees = directoriesOnly ? [] : contentsOf(plain, caseSensitive);
  return {
    matches: (path, kind) => (kind === 'directory' || !directoriesOnly) && matchesPath(path),
    coversBelow: (directory) => matchesPath(directory) || wholeTrees.some((tree) => tree.match(directory)),
    mayMatchBelow: (directory) => {
      const segments = directory.split('/');
      return minimatch.set.some((row) => mayContinue(row, segments));
    },
  };
}

/** The same answers as minimatch, faster, for the globs that nearly everybody writes; undefined for others. */
function quickMatch(glob: string, minimatch: Minimatch): ((path: string) => boolean) | undefined {
  if (glob === '**' || glob === '**/*') return () => true;
  if (minimatch.nocase) return undefined;
  const extension = /^\*\*\/\*(\.[\w.-]+)$/.exec(glob)?.[1];
  if (extension !== undefined) return (path) => path.endsWith(extension);
  const [row, ...others] = minimatch.set;
  if (row?.at(-1) === GLOBSTAR && others.length === 0) {
    const literals = row.slice(0, -1).filter((part) => typeof part === 'string');
    if (literals.length === 0 || literals.length !== row.length - 1) return undefined;
    const prefix = `${literals.join('/')}/`;
    return (path) => path.startsWith(prefix);
  }
  return undefined;
}

/** Of `archive/**` the matcher of `archive`: the directories all of whose contents the glob takes. */
function contentsOf(glob: string, caseSensitive: boolean): readonly Minimatch[] {
  if (!glob.includes('/**')) return [];
  const trees = new Set<string>();
  for (const alternative of braceExpand(glob)) {
    const tree = alternative.replace(/(?:\/+\*\*)+$/, '');
    if (tree !== alternative) trees.add(tree);
  }
  // Beyond this the excluded directories are listed in vain rather than matched one by one.
  if (trees.size > 256) return [];
  return [...trees].map(
    (tree) => new Minimatch(tree, { ...globOptions, nocase: !caseSensitive, nobrace: true }),
  );
}

/** minimatch's own partial matching also says yes to a path that ends where the glob ends, so `*.csv` would list `x.csv/`. */
function mayContinue(row: readonly ParseReturnFiltered[], segments: readonly string[]): boolean {
  for (const [i, segment] of segments.entries()) {
    const part = row[i];
    if (part === GLOBSTAR) return true;
    if (part === undefined) return false;
    if (typeof part === 'string' ? part !== segment : !part.test(segment)) return false;
  }
  return row.length > segments.length;
}

function compileRegex(source: string, caseSensitive: boolean): PatternMatcher {
  const flags = caseSensitive ? 'u' : 'iu';
  const regex = new RegExp(source, flags);
  const beginning = beginningOf(source, flags);
  return {
    matches: (path) => regex.test(path),
    coversBelow: (directory) => regex.test(directory),
    mayMatchBelow: (directory) => beginning.test(`${directory}/`),
  };
}

/**
 * Matches whatever agrees, as far as both go, with the literal characters that an anchored regex begins with:
 * of `^in/2026` that is `^(?:i(?:n(?:\/…|$)|$)|$)`, so that case is ignored by the very rules of the regex itself.
 */
function beginningOf(source: string, flags: string): RegExp {
  let nested = '';
  for (const character of anchoredLiterals(source).toReversed()) nested = `(?:${character}${nested}|$)`;
  return new RegExp(`^${nested}`, flags);
}

function anchoredLiterals(source: string): readonly string[] {
  if (!source.startsWith('^') || hasTopLevelAlternatives(source)) return [];
  const literals: string[] = [];
  // A literal is an ordinary character or an escaped one of syntax; what a quantifier follows is none.
  const literal = /(?:[^\\^$.*+?()[\]{}|]|\\[\\^$.*+?()[\]{}|/])(?![*+?{])/uy;
  literal.lastIndex = 1;
  for (let match = literal.exec(source); match && literals.length < 1_000; match = literal.exec(source)) {
    literals.push(match[0]);
  }
  return literals;
}

function hasTopLevelAlternatives(source: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let i = 0; i < source.length; i += 1) {
    const character = source[i];
    if (character === '\\') i += 1;
    else if (inClass) inClass = character !== ']';
    else if (character === '[') inClass = true;
    else if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === '|' && depth === 0) return true;
  }
  return false;
}
