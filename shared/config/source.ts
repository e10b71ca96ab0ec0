import type { Document, Node, Pair, ParsedNode, YAMLError, YAMLMap } from 'yaml';
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Issue, KeyPath, Problem } from './problems.ts';
import { formatKey } from './problems.ts';

/** A file's data, with the way back from a path in it to a line and column. */
export interface Source {
  readonly data: unknown;
  /** What is wrong with it as YAML; `usable` says whether the data mean anything nevertheless. */
  readonly problems: readonly Problem[];
  readonly usable: boolean;
  readonly locate: (issue: Issue) => Problem;
}

const MAX_CHARACTERS = 4_000_000;
/**
 * Nodes that the aliases of a file may amount to, as `yaml` counts them. Nested ones grow exponentially ("billion
 * laughs"); no honest file comes near it.
 */
const MAX_ALIASES = 10_000;

export function readSource(text: string, file: string): Source {
  const lines = new LineCounter();
  const at = (offset: number, message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), key: '', message };
  };
  const unusable = (message: string): Source => unusableSource(at(0, message));
  if (text.length > MAX_CHARACTERS) return unusable('the file is too large for a configuration');
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      merge: true,
      prettyErrors: false,
      logLevel: 'error',
    });
    const faults = [...document.errors, ...document.warnings];
    const late = lateFaults(document);
    const problems = [
      ...distinct(faults.map((fault) => at(fault.pos[0], syntaxMessage(fault)))),
      ...late.map(({ offset, message }) => at(offset, message)),
    ];
    // A key given twice leaves data that can be judged further; anything else would only breed false problems.
    const usable = late.length === 0 && faults.every(({ code }) => code === 'DUPLICATE_KEY');
    const data: unknown = usable ? document.toJS({ maxAliasCount: MAX_ALIASES }) : undefined;
    return { data, problems, usable, locate: (issue) => locate(document, issue, at) };
  } catch (error) {
    // `yaml` throws for what its composer cannot hold: excessive aliases (ReferenceError), endless nesting (RangeError).
    return unusable(
      error instanceof ReferenceError
        ? 'its aliases (*name) multiply beyond all measure; write the values out'
        : 'cannot be read as YAML: it is nested too deeply',
    );
  }
}

/** One slip makes the parser stumble on for the rest of the line. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  const first = new Map(
    [...problems].reverse().map((problem) => [`${problem.line} ${problem.message}`, problem]),
  );
  return [...first.values()].reverse().slice(0, 20);
}

function unusableSource(problem: Problem): Source {
  return {
    data: undefined,
    problems: [problem],
    usable: false,
    locate: (issue) => ({ ...problem, key: formatKey(issue.path), message: issue.message }),
  };
}

/** Own words, for those of the library quote the file, which may hold a password. */
const SYNTAX: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'the indentation does not fit the lines around it, or a closing bracket is missing',
  BAD_SCALAR_START: 'a value that begins with @ or ` must stand in quotes',
  BAD_DQ_ESCAPE: 'unknown escape in double quotes; use single quotes to have \\ as it is',
  BLOCK_AS_IMPLICIT_KEY: 'a ": " within a value: put the value in quotes, or begin a new line',
  DUPLICATE_KEY: 'this key stands twice in the same place',
  MISSING_CHAR: 'a closing quote or bracket, or a colon, is missing',
  MULTIPLE_DOCS: 'a configuration is one document; remove the line ---',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line; is a colon missing?',
  TAB_AS_INDENT: 'tabs cannot indent YAML; use spaces',
  TAG_RESOLVE_FAILED: 'tags are not understood here; put a value that begins with ! in quotes',
};

function syntaxMessage(fault: YAMLError): string {
  return SYNTAX[fault.code] ?? 'this is not valid YAML';
}

/** What `yaml` notices only on conversion, without saying where. */
function lateFaults(document: Document.Parsed): { offset: number; message: string }[] {
  const faults: { offset: number; message: string }[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
      if (isAlias(node) && !anchors.has(node.source)) {
        const message = 'no such anchor above this alias; put a value that begins with * in quotes';
        faults.push({ offset: start(node), message });
      }
    },
    Pair(_key, pair) {
      if (isCollection(pair.key)) {
        faults.push({ offset: start(pair.key), message: 'a key must be plain text; is a quote missing?' });
      }
      if (!isMergeKey(pair)) return;
      const sources = isSeq(pair.value) ? pair.value.items : [pair.value];
      for (const source of sources) {
        const target = isAlias(source) ? source.resolve(document) : source;
        if (!isMap(target) && (!isAlias(source) || target !== undefined)) {
          const message = 'a merge key (<<) takes a map, an alias of a map, or a list of them';
          faults.push({ offset: start(pair.key), message });
        }
      }
    },
  });
  return faults;
}

function locate(
  document: Document.Parsed,
  issue: Issue,
  at: (offset: number, message: string) => Problem,
): Problem {
  const offset = find(document, issue.path, issue.at);
  return {
    ...at(offset, issue.message),
    key: formatKey(issue.path),
    expected: issue.expected,
    suggestion: issue.suggestion,
  };
}

/** The offset of a path's key or value; of the nearest key above it where the path is not there. */
function find(document: Document.Parsed, path: KeyPath, what: Issue['at']): number {
  let key: unknown;
  let value: unknown = document.contents;
  for (const part of path) {
    const node: unknown = isAlias(value) ? value.resolve(document) : value;
    if (isMap(node)) {
      const pair = pairOf(document, node, String(part));
      if (pair === undefined) return start(key);
      key = pair.key;
      value = pair.value;
    } else if (isSeq(node) && node.items[Number(part)] !== undefined) {
      key = node.items[Number(part)];
      value = key;
    } else {
      return start(key);
    }
  }
  const absent = isScalar(value) && value.value === null;
  return what === 'key' || value === null || absent ? start(key ?? value) : start(value);
}

function pairOf(document: Document.Parsed, map: YAMLMap, name: string, depth = 0): Pair | undefined {
  const own = map.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === name);
  if (own !== undefined || depth > 100) return own;
  for (const pair of map.items.filter(isMergeKey)) {
    for (const source of isSeq(pair.value) ? pair.value.items : [pair.value]) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      const found = isMap(merged) ? pairOf(document, merged, name, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && (pair.key.value === '<<' || typeof pair.key.value === 'symbol');
}

function start(node: unknown): number {
  return hasRange(node) ? node.range[0] : 0;
}

function hasRange(node: unknown): node is Node & Pick<ParsedNode, 'range'> {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
