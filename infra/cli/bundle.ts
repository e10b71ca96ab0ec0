import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as z from 'zod';

/**
 * The last step of `npm run build`: makes a few files of the compiled command line and of the libraries that it loads
 * each time. Hundreds of small modules cost a fifth of the time that a start takes, and 13 MB.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'dist', 'infra', 'cli');
/** The others are loaded where they lie: those that are seldom needed, and ssh2 with its native add-on. */
const inlined: ReadonlySet<string> = new Set([
  'basic-ftp',
  'bytes',
  'commander',
  'croner',
  'fastest-levenshtein',
  'minimatch',
  'ms',
  'p-queue',
  'p-retry',
  'pino',
  'yaml',
  'zod',
]);

const { dependencies } = z
  .object({ dependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
const compiled = readdirSync(folder);
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [join(folder, 'main.js')],
  outdir: folder,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // Names stay as they are: shorter ones would want `keepNames`, which is a call for each function that is made.
  minifyIdentifiers: false,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: [
    ...Object.keys(dependencies).filter((name) => !inlined.has(name)),
    // What lies beside @aws-sdk without being named in package.json.
    '@aws-sdk/*',
    '@smithy/*',
  ],
  // basic-ftp and pino are CommonJS.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
});
const outputs = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of compiled) if (!outputs.has(name)) rmSync(join(folder, name), { recursive: true });
writeFileSync(join(folder, 'LICENSES'), licences(Object.keys(metafile.inputs)));

/** Of all packages that the inputs came from: their terms ask for it. */
function licences(inputs: readonly string[]): string {
  const packages = new Set(
    inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  return [...packages].sort().map(licence).join('\n\n');
}

function licence(path: string): string {
  const file = readdirSync(join(root, path)).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${path} has no file with its licence`);
  return `${path.replace(/.*node_modules\//, '')}\n\n${readFileSync(join(root, path, file), 'utf8').trim()}\n`;
}
