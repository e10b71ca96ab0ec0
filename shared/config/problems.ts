import { InvalidInput } from '../failure.ts';

/** One thing that is wrong, or doubtful, in the configuration. Never holds a value, which could be a secret. */
export interface Problem {
  /** The file as the user named it, or `environment FARWATCH_…`, which has line and column 0. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `watches.incoming.every`, `outputs[1].url`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly suggestion?: string | undefined;
}

export type KeyPath = readonly (string | number)[];

/** A problem by its place in the data; where that is in the file is found later. */
export interface Issue {
  readonly path: KeyPath;
  /** Whether the key is to be pointed at or what stands behind it. */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly expected?: string | undefined;
  readonly suggestion?: string | undefined;
}

/** All that is wrong at once, so that a user corrects a file in one go. */
export class InvalidConfig extends InvalidInput {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`the configuration cannot be used:\n${formatProblems(problems)}`, {
      advice: 'Correct what is listed and run `farwatch check` until it is silent.',
    });
    this.problems = problems;
  }
}

/** One line per problem, as compilers write them, so that editors and terminals link the place. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

function formatProblem({ file, line, column, key, message, expected, suggestion }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return [
    key === '' ? `${place}: ${message}` : `${place} ${key}: ${message}`,
    expected === undefined ? '' : `; expected ${expected}`,
    suggestion === undefined ? '' : `; did you mean "${suggestion}"?`,
  ].join('');
}

export function formatKey(path: KeyPath): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${legible(part)}`,
    )
    .join('');
}

/** In `{ password:hunter2 }` a space is missing, and the secret became part of a key. Line breaks must not pass either. */
function legible(part: string): string {
  return part.replace(/:[\s\S]*$/, ':…').replaceAll(/[\p{C}\u2028\u2029]/gu, '\u{fffd}');
}

export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
