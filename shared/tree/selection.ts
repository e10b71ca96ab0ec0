import { hash } from 'node:crypto';
import { depthOf, joinPath, parentPath } from './entry.ts';
import { compilePattern } from './selection-pattern.ts';

/** What belongs to a watch. A change of any of it is a change of scope (protocol rule 12). */
export interface SelectionRules {
  /** Of the path relative to the root. Empty is the same as `**`: everything. */
  readonly include: readonly Pattern[];
  readonly exclude: readonly Pattern[];
  readonly caseSensitive: boolean;
  /** Whether names that begin with a dot count. */
  readonly hidden: boolean;
  /** 1: only the root's own entries. */
  readonly maxDepth: number | null;
  readonly minFileSize: number | null;
  readonly maxFileSize: number | null;
  readonly kinds: readonly ('file' | 'directory')[];
}

/**
 * A glob is matched against the whole relative path: `*.csv` is the top level only, `**` followed by `/*.csv` any
 * level. A leading `/` or `./` means nothing, a trailing `/` means directories only, and a backslash takes the
 * meaning from the character after it. A regex is searched for anywhere in the relative path (flag `u`).
 */
export interface Pattern {
  readonly type: 'glob' | 'regex';
  readonly pattern: string;
}

/** Paths are relative to the root, in the encoding of `name.ts`. */
export interface Selection {
  /** Of an entry, for the questions below: its name alone where no rule looks at the rest. */
  pathOf(directory: string, name: string): string;
  /** Whether a change of this entry is reported, but for its size. The root itself never is. */
  admits(path: string, kind: 'file' | 'directory'): boolean;
  /** Of files. A size that is not known passes. */
  admitsSize(size: number | null): boolean;
  /**
   * Whether the directory may hold anything admitted; always so for every ancestor of an admitted path. What an
   * exclude matches is closed with all below it; so is what no include can match below.
   */
  descends(path: string): boolean;
}

export function compileSelection(rules: SelectionRules): Selection {
  const include = rules.include.map((pattern) => compilePattern(pattern, rules.caseSensitive));
  const exclude = rules.exclude.map((pattern) => compilePattern(pattern, rules.caseSensitive));
  const maxDepth = rules.maxDepth ?? Number.POSITIVE_INFINITY;
  const minFileSize = rules.minFileSize ?? 0;
  const maxFileSize = rules.maxFileSize ?? Number.POSITIVE_INFINITY;
  // Asked of every entry of every listing: what the rules do not mention costs nothing.
  const isBounded = rules.maxDepth !== null;
  const mayClose = !rules.hidden || exclude.length > 0;
  const isClosed = closedDirectories(
    (directory) =>
      (!rules.hidden && isHidden(directory)) || exclude.some((pattern) => pattern.coversBelow(directory)),
  );
  return {
    pathOf: looksAtPaths(rules) ? joinPath : (_directory, name) => name,
    admits: (path, kind) =>
      path !== '' &&
      rules.kinds.includes(kind) &&
      (rules.hidden || !isHidden(path)) &&
      (!isBounded || depthOf(path) <= maxDepth) &&
      (include.length === 0 || include.some((pattern) => pattern.matches(path, kind))) &&
      !exclude.some((pattern) => pattern.matches(path, kind)) &&
      !(mayClose && isClosed(parentPath(path))),
    admitsSize: (size) => size === null || (size >= minFileSize && size <= maxFileSize),
    descends: (path) =>
      path === '' ||
      ((!isBounded || depthOf(path) < maxDepth) &&
        (include.length === 0 || include.some((pattern) => pattern.mayMatchBelow(path))) &&
        !(mayClose && isClosed(path))),
  };
}

/** Whether any rule depends on where an entry is, or on its name. */
export function looksAtPaths({ include, exclude, hidden, maxDepth }: SelectionRules): boolean {
  return include.length > 0 || exclude.length > 0 || !hidden || maxDepth !== null;
}

/**
 * Identifies the scope: 16 hex digits, the same for the same rules in any order of keys, patterns and kinds (all
 * the lists are sets), different when anything in them differs.
 */
export function selectionDigest(rules: SelectionRules): string {
  return hash('sha256', canonicalJson(rules)).slice(0, 16);
}

/** Whether the directory or one above it is closed. Entries come directory by directory, so the last answer is kept. */
function closedDirectories(closes: (directory: string) => boolean): (directory: string) => boolean {
  let last = '';
  let lastClosed = false;
  const isClosed = (directory: string): boolean => {
    if (directory === '') return false;
    if (directory === last) return lastClosed;
    const closed = isClosed(parentPath(directory)) || closes(directory);
    last = directory;
    lastClosed = closed;
    return closed;
  };
  return isClosed;
}

function isHidden(path: string): boolean {
  return path.startsWith('.') || path.includes('/.');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).sort().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`,
  );
  return `{${members.sort().join()}}`;
}
