import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidInput } from '../failure.ts';
import { cautionIssues } from './cautions.ts';
import type { Config } from './config.ts';
import { consistencyIssues } from './consistency.ts';
import { type Data, isData } from './data.ts';
import { issuesOf, ownWordsOnly } from './issues.ts';
import type { Overridden } from './overrides.ts';
import { applyOverrides, environmentProblem } from './overrides.ts';
import type { Issue, Problem } from './problems.ts';
import { byPlace, formatKey, InvalidConfig } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema, EXTENSION, type ParsedConfig } from './schema.ts';
import type { Source } from './source.ts';
import { readSource } from './source.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** What works and should not stay so. */
  readonly warnings: readonly Problem[];
}

/** Throws InvalidConfig with everything that is wrong. */
export async function loadConfig(path: string, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  return parseConfig(readText(path), path, env);
}

/** `path` names the file in problems, and its directory is where relative paths begin. */
export function parseConfig(text: string, path: string, env: NodeJS.ProcessEnv): LoadedConfig {
  const { parsed, warnings } = readConfig(text, path, env);
  return { config: resolveConfig(parsed, dirname(resolve(path))), warnings };
}

/** A configuration without an error, as the file and the environment say it. */
export interface ReadConfig {
  readonly data: Data;
  readonly parsed: ParsedConfig;
  readonly warnings: readonly Problem[];
  /** Where in the file, or in which variable, an issue of the data is. */
  readonly locate: (issue: Issue) => Problem;
}

/** Throws InvalidConfig with everything that is wrong. */
export function readConfig(text: string, path: string, env: NodeJS.ProcessEnv): ReadConfig {
  const source = readSource(text, path);
  if (!source.usable) throw new InvalidConfig([...source.problems].sort(byPlace));
  if (!isData(source.data)) throw new InvalidConfig([shapeless(path, source.data)]);

  const overridden = applyOverrides(withoutExtensions(source.data), env, configSchema);
  const { data } = overridden;
  const locate = (issue: Issue) => place(issue, source, overridden);
  const parsed = configSchema.safeParse(data, ownWordsOnly);
  const issues = [
    ...(parsed.success ? [] : issuesOf(parsed.error, configSchema, data)),
    ...consistencyIssues(data),
  ];
  const problems = [...source.problems, ...overridden.problems, ...distinct(issues).map(locate)];
  if (!parsed.success || problems.length > 0 || !isData(data))
    throw new InvalidConfig(problems.sort(byPlace));
  return {
    data,
    parsed: parsed.data,
    warnings: cautionIssues(data).map(locate).sort(byPlace),
    locate,
  };
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new InvalidInput(`the configuration ${path} cannot be read (${code})`, {
      advice:
        code === 'ENOENT'
          ? 'Write one with `farwatch init`, or name yours with --config FILE.'
          : 'Check that it is a file that you may read.',
    });
  }
}

function shapeless(file: string, data: unknown): Problem {
  const message =
    data === null || data === undefined
      ? 'the file is empty; `farwatch init` writes one to begin with'
      : 'the file must be a map with the keys servers and watches';
  return { file, line: 1, column: 1, key: '', message };
}

function withoutExtensions(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([key]) => !EXTENSION.test(key)));
}

/** Watches that share a wrong default would each report it. */
function distinct(issues: readonly Issue[]): readonly Issue[] {
  const seen = new Map(
    issues.map((issue) => [JSON.stringify([formatKey(issue.path), issue.message]), issue]),
  );
  return [...seen.values()];
}

function place(issue: Issue, source: Source, { origins }: Overridden): Problem {
  const origin = origins.findLast(({ path }) => path.every((part, index) => issue.path[index] === part));
  return origin === undefined ? source.locate(issue) : environmentProblem(origin.variable, issue);
}
