import { createRequire } from 'node:module';
import * as z from 'zod';

/** Of the package, from the checkout or from what is installed: there the code lies one folder deeper. */
export function version(): string {
  const require = createRequire(import.meta.url);
  const found: unknown = import.meta.url.endsWith('.ts')
    ? require('../../package.json')
    : require('../../../package.json');
  return z.object({ version: z.string() }).parse(found).version;
}
