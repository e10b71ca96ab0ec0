import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Where LocalStack is installed: in the checkout, ignored by git. */
const home = join(repository, '.scratch/localstack');

export const installation = {
  home,
  python: join(home, 'venv/bin/python'),
  /** What LocalStack would download otherwise: Java and DynamoDB Local. */
  libraries: join(home, 'lib'),
  /** Says what is installed, once all of it is. */
  stamp: join(home, 'installed'),
} as const;

export function isInstalled(recipe: string): boolean {
  return existsSync(installation.stamp) && readFileSync(installation.stamp, 'utf8') === recipe;
}
