import { isCollection, isScalar, parseDocument } from 'yaml';
import type * as z from 'zod';
import { isData, valueAt, withValue } from './data.ts';
import { placeAt } from './keys.ts';
import { nearest, squash } from './nearest.ts';
import type { KeyPath, Problem } from './problems.ts';
import { formatKey } from './problems.ts';

export interface Overridden {
  readonly data: unknown;
  /** Which variable set what, to say where a bad value comes from. */
  readonly origins: readonly { readonly path: KeyPath; readonly variable: string }[];
  readonly problems: readonly Problem[];
}

const PREFIX = 'FARWATCH_';
/** Variables of the command line and of the tests. */
const RESERVED = /^FARWATCH_(CONFIG|STATE|LOG_LEVEL|TEST_.*)$/;

/**
 * `FARWATCH_SERVERS__PARTNER_A__HOST=…` sets servers.partner-a.host: `__` goes one level down; capitals, dashes, dots
 * and underscores do not count. Overrides set keys of things that the file names; they cannot name new ones.
 */
export function applyOverrides(data: unknown, env: NodeJS.ProcessEnv, schema: z.core.$ZodType): Overridden {
  const values = Object.entries(env)
    .filter(([variable, value]) => variable.startsWith(PREFIX) && value !== undefined)
    .filter(([variable]) => !RESERVED.test(variable))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  // `password: env:FARWATCH_PASSWORD` is a good name for a secret and no override.
  const secrets = referencedVariables([data, ...values.map(([, value]) => value)]);
  const result = {
    data,
    origins: [] as { path: KeyPath; variable: string }[],
    problems: [] as Problem[],
  };
  for (const [variable, value] of values) {
    if (secrets.has(variable)) continue;
    const target = resolve(variable, result.data, schema);
    if ('message' in target) {
      result.problems.push(environmentProblem(variable, target));
    } else {
      result.data = withValue(result.data, target.path, scalar(value ?? ''));
      result.origins.push({ path: target.path, variable });
    }
  }
  return result;
}

export function environmentProblem(
  variable: string,
  issue: Pick<Problem, 'message' | 'expected' | 'suggestion'> & { readonly path: KeyPath },
): Problem {
  return {
    file: `environment ${variable}`,
    line: 0,
    column: 0,
    key: formatKey(issue.path),
    message: issue.message,
    expected: issue.expected,
    suggestion: issue.suggestion,
  };
}

interface Unresolved {
  readonly path: KeyPath;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly suggestion?: string | undefined;
}

function resolve(variable: string, data: unknown, schema: z.core.$ZodType): { path: KeyPath } | Unresolved {
  let path: KeyPath = [];
  for (const part of variable.slice(PREFIX.length).split('__')) {
    const here = valueAt(data, path);
    if (here !== undefined && here !== null && !isData(here) && !Array.isArray(here)) {
      return { path, message: 'the file has a value here, not a map, so that nothing below it can be set' };
    }
    const found = step(part, path, here, data, schema);
    if ('message' in found) return { path, ...found };
    path = [...path, found.part];
  }
  return { path };
}

function step(
  part: string,
  path: KeyPath,
  here: unknown,
  data: unknown,
  schema: z.core.$ZodType,
): { part: string | number } | Omit<Unresolved, 'path'> {
  if (Array.isArray(here)) {
    const index = /^\d{1,6}$/.test(part) ? Number(part) : Number.NaN;
    if (index < here.length) return { part: index };
    return { message: `no item ${part}`, expected: `a number from 0 to ${here.length - 1}` };
  }
  const place = placeAt(schema, path, data);
  const names = place.open && isData(here) ? Object.keys(here) : [];
  const matches = [
    ...place.keys.filter((key) => squash(key) === squash(part)),
    ...names.filter((name) => underscored(name) === underscored(part)),
  ];
  const [only, another] = matches;
  if (only !== undefined && another === undefined) return { part: only };
  if (only !== undefined) return { message: `ambiguous: ${part} may be ${matches.join(' or ')}` };
  const choices = [...place.keys, ...names];
  const suggestion = nearest(part, choices);
  return {
    message: choices.length === 0 ? 'there is nothing below this key' : `nothing here is called ${part}`,
    expected: suggestion === undefined && choices.length > 0 ? `one of ${choices.join(', ')}` : undefined,
    suggestion,
  };
}

function underscored(name: string): string {
  return name.toLowerCase().replaceAll(/[-.]/g, '_');
}

/**
 * `5` is a number, `true` a boolean, `[a, b]` a list; what YAML would read otherwise than as it stands (`p@ss: w`,
 * `a #b`) is text, for variables are not written with YAML's quoting in mind.
 */
function scalar(value: string): unknown {
  try {
    const document = parseDocument(value, { logLevel: 'silent', prettyErrors: false });
    const node = document.contents;
    const clean =
      document.errors.length + document.warnings.length === 0 &&
      document.commentBefore === null &&
      document.comment === null &&
      node?.comment === undefined &&
      node?.tag === undefined;
    if (!clean) return value;
    const flow = isCollection(node) && node.flow === true;
    const simple = isScalar(node) && node.type !== 'BLOCK_LITERAL' && node.type !== 'BLOCK_FOLDED';
    if (simple && typeof node.value === 'string' && node.type === 'PLAIN') return value;
    return flow || simple ? document.toJS({ maxAliasCount: 0 }) : value;
  } catch {
    return value;
  }
}

function referencedVariables(root: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<unknown>();
  const pending: unknown[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === 'string') {
      const variable = /^env:(.*)$/.exec(value)?.[1];
      if (variable !== undefined) found.add(variable);
    } else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value);
      pending.push(...Object.values(value).filter((item) => item !== undefined));
    }
  }
  return found;
}
