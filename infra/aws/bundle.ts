import { writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';

export type FunctionName = 'planner' | 'scanner' | 'reassembler' | 'publisher';

/** Of the checkout, or `dist` of the installed package; there the files end in `.js`. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const extension = extname(import.meta.filename);

/** One function with all that it needs, and beside it the configuration that it reads. */
export function bundledCode(name: FunctionName, configuration: string): Code {
  return Code.fromAsset(join(root, 'functions', name), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('unused'),
      // CDK bundles a source only once in a process unless these options differ.
      environment: { configuration },
      local: {
        tryBundle(directory: string): boolean {
          writeBundle(name, configuration, directory);
          return true;
        },
      },
    },
  });
}

export function writeBundle(name: FunctionName, configuration: string, directory: string): void {
  buildSync({
    absWorkingDir: root,
    entryPoints: [`functions/${name}/handler${extension}`],
    outfile: join(directory, 'index.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    // basic-ftp and ssh2 are CommonJS, whose `require` has no place in an ESM bundle.
    format: 'cjs',
    mainFields: ['module', 'main'],
    // Optional native add-ons of ssh2, built for the machine that installed them.
    external: ['*.node', 'cpu-features'],
    legalComments: 'none',
    tsconfigRaw: '{}',
    logLevel: 'warning',
  });
  writeFileSync(join(directory, 'farwatch.json'), configuration);
}
