import type * as z from 'zod';
import { isData, valueAt } from './data.ts';
import { placeAt } from './keys.ts';
import { nearest } from './nearest.ts';
import type { Issue, KeyPath } from './problems.ts';

type ZodIssue = z.core.$ZodIssue;

/** Parse options under which only a schema's own words are messages; issuesOf finds the words for the rest. */
export const ownWordsOnly: z.core.ParseContext<z.core.$ZodIssue> = { error: () => '' };

/** What zod found, in the words of somebody who writes YAML. */
export function issuesOf(error: z.core.$ZodError, schema: z.core.$ZodType, data: unknown): readonly Issue[] {
  return error.issues.flatMap((issue) => translate(issue, [], schema, data));
}

function translate(
  issue: ZodIssue,
  above: KeyPath,
  schema: z.core.$ZodType,
  data: unknown,
): readonly Issue[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, schema, data));
  }
  const value = valueAt(data, path);
  if (issue.code === 'invalid_union' && value !== undefined) {
    const branch = likeliest(issue.errors, value);
    if (branch !== undefined) return branch.flatMap((inner) => translate(inner, path, schema, data));
  }
  if (value === undefined && issue.code !== 'custom' && issue.message === '') {
    return [missing(issue, path, schema, data)];
  }
  const at = value === undefined ? 'key' : 'value';
  return [{ path, at, ...describe(issue, value) }];
}

/** The variant that the user meant: the one whose kind of value fits. */
function likeliest(
  branches: readonly (readonly ZodIssue[])[],
  value: unknown,
): readonly ZodIssue[] | undefined {
  const otherKind = ({ code, path }: ZodIssue) =>
    path.length === 0 && (code === 'invalid_type' || (code === 'invalid_value' && typeof value !== 'string'));
  return branches.find((issues) => !issues.some(otherKind));
}

function unknownKey(path: KeyPath, key: string, schema: z.core.$ZodType, data: unknown): Issue {
  const { keys, others, discriminator } = placeAt(schema, path, data);
  const elsewhere = [...others].filter(([, known]) => known.includes(key)).map(([variant]) => variant);
  if (elsewhere.length > 0 && discriminator !== undefined) {
    const chosen = String(valueAt(data, [...path, discriminator]));
    const message = `not a key of ${discriminator} ${chosen}, only of ${elsewhere.join(', ')}`;
    return { path: [...path, key], at: 'key', message };
  }
  if (key.includes(':')) {
    return { path: [...path, key], at: 'key', message: 'a space is missing after the colon' };
  }
  const suggestion = nearest(key, keys);
  return {
    path: [...path, key],
    at: 'key',
    message: 'unknown key',
    expected: suggestion === undefined && keys.length > 0 ? `one of ${keys.join(', ')}` : undefined,
    suggestion,
  };
}

function missing(issue: ZodIssue, path: KeyPath, schema: z.core.$ZodType, data: unknown): Issue {
  const { description } = placeAt(schema, path, data);
  const choices = choicesOf(issue);
  const expected = choices.length > 0 ? oneOf(choices) : inSentence(description);
  return { path, at: 'key', message: 'this key is missing', expected };
}

/** A description, as it reads in the middle of a sentence; `TCP` and `SHA256` keep their capitals. */
function inSentence(description: string | undefined): string | undefined {
  return description?.replace(/\.$/, '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
}

function describe(issue: ZodIssue, value: unknown): Pick<Issue, 'message' | 'expected' | 'suggestion'> {
  if (issue.message !== '') return { message: issue.message, suggestion: suggestionOf(issue) };
  const choices = choicesOf(issue);
  if (choices.length > 0) {
    const suggestion = typeof value === 'string' ? nearest(value, choices) : undefined;
    return { message: 'not one of the choices', expected: oneOf(choices), suggestion };
  }
  if (issue.code === 'invalid_type') {
    const quotes = issue.expected === 'string' && isPlainScalar(value) ? '; put it in quotes' : '';
    return { message: `this is ${kindOf(value)}`, expected: `${kindNamed(issue.expected)}${quotes}` };
  }
  if (issue.code === 'too_small') {
    return { message: issue.origin === 'array' ? 'must not be empty' : `must be at least ${issue.minimum}` };
  }
  if (issue.code === 'too_big') return { message: `must be at most ${issue.maximum}` };
  return { message: `this is ${kindOf(value)}, which does not fit here` };
}

function choicesOf(issue: ZodIssue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  // zod gives the choices of a discriminator, though its types do not say so.
  const options: unknown = issue.code === 'invalid_union' && 'options' in issue ? issue.options : undefined;
  return Array.isArray(options) ? options.map(String) : [];
}

function oneOf(choices: readonly string[]): string {
  return choices.length === 1 ? String(choices[0]) : `one of ${choices.join(', ')}`;
}

function suggestionOf(issue: ZodIssue): string | undefined {
  const found: unknown = issue.code === 'custom' ? issue.params?.['suggestion'] : undefined;
  return typeof found === 'string' ? found : undefined;
}

function isPlainScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (isData(value)) return 'a map';
  return kindNamed(Number.isInteger(value) ? 'int' : typeof value);
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function kindNamed(kind: string): string {
  return KINDS[kind] ?? kind;
}
