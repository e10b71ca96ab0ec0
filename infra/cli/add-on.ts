import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm run add-on`: builds ssh2's native add-on for the Node that runs this checkout. `npm ci` has built it for the one that
 * npm runs on, and under any other Node ssh2 leaves it out, as it does where no compiler is. A user's npm and Farwatch share
 * one Node, so tests and benchmarks run with what users have.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const isThere = "process.exitCode = require('ssh2/lib/protocol/crypto.js').bindingAvailable ? 0 : 1";

/** In a process of its own: an add-on that did not load does not load later either. */
function fits(): boolean {
  return spawnSync(process.execPath, ['-e', isThere], { cwd: root }).status === 0;
}

/** Where this Node has its headers: beside itself, or where the npm package `node` brings them. */
function home(): string | undefined {
  const beside = join(dirname(process.execPath), '..');
  const { platform, arch } = process;
  const packaged = ['node', 'node-bin'].map((name) => join('node_modules', `${name}-${platform}-${arch}`));
  return ['', ...packaged]
    .map((folder) => join(beside, folder))
    .find((folder) => existsSync(join(folder, 'include', 'node', 'node.h')));
}

function build(): void {
  const headers = home();
  const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
  spawnSync('npm', ['rebuild', 'ssh2', ...(headers === undefined ? [] : [`--nodedir=${headers}`])], {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (!fits()) {
  build();
  const isBuilt = fits();
  const outcome = isBuilt ? 'is built' : 'could not be built: SFTP does without, with a tenth more work';
  process.stdout.write(`ssh2's add-on for Node ${process.versions.node} ${outcome}\n`);
  process.exitCode = isBuilt ? 0 : 1;
}
