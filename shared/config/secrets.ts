import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInput } from '../failure.ts';
import type { SecretReference } from './config.ts';
import { isSecretName } from './references.ts';

export interface SecretPlaces {
  readonly env: NodeJS.ProcessEnv;
  /** `secret:NAME` is the file NAME below it; absent: there are none. */
  readonly secretsDirectory?: string | undefined;
}

/** Values are read anew each time, so that a rotated secret is seen by the next session. */
export function secretReader(places: SecretPlaces): (reference: SecretReference) => Promise<string> {
  return async (reference) => readSecret(reference, places);
}

export function readSecret({ source, value }: SecretReference, places: SecretPlaces): string {
  switch (source) {
    case 'plain':
      return value;
    case 'env':
      return fromEnvironment(value, places.env);
    case 'file':
      return fromFile(value, `file:${value}`);
    case 'secret':
      return fromFile(secretPath(value, places.secretsDirectory), `secret:${value}`);
  }
}

function fromEnvironment(variable: string, env: NodeJS.ProcessEnv): string {
  const value = env[variable];
  if (value !== undefined && value !== '') return value;
  throw new InvalidInput(
    `the environment variable ${variable} ${value === undefined ? 'is not set' : 'is empty'}`,
    { advice: `Set ${variable} to the secret that the configuration looks for there.` },
  );
}

function secretPath(name: string, directory: string | undefined): string {
  if (directory === undefined) {
    throw new InvalidInput(`secret:${name} cannot be read: no directory of secrets was given`, {
      advice: 'Pass --secrets DIR with a directory that holds one file per secret.',
    });
  }
  if (!isSecretName(name)) {
    throw new InvalidInput('the name of a secret must stay below the directory of secrets', {
      advice: 'Use letters, digits and /_+=.@- without a part that is empty, . or ...',
    });
  }
  return join(directory, name);
}

/** Without the one line break at the end that editors and `echo` leave. */
function fromFile(path: string, what: string): string {
  try {
    const content = readFileSync(path, 'utf8');
    return content.replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new InvalidInput(`${what} cannot be read: ${path} (${code})`, {
      advice: 'Create the file with the secret as its content, readable by the user Farwatch runs as.',
    });
  }
}
