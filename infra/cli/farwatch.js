#!/usr/bin/env node
// Starts Farwatch under Node 24 whatever Node the shell has: plain JavaScript, since an old Node must be able to read it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = [24, 9];
const flags = [
  // node:sqlite still says that it is experimental; nobody who runs Farwatch can do anything about it.
  '--disable-warning=ExperimentalWarning',
  // A scan makes much short-lived garbage; a young generation that grows with it takes 100 MB more and saves no time.
  '--max-semi-space-size=4',
  // Nor does it need an old generation that triples before anybody looks what of it is garbage. Below 40 MB looking costs
  // more than it brings: a sixth of the processor time of a scan.
  '--heap-growing-percent=40',
  '--initial-old-space-size=40',
];
// One heap of C for all threads: one each takes some megabytes more, and only one of them does much. It is read when a
// process starts; the commands that this one will start have nothing to do with it.
const ownVariables = { MALLOC_ARENA_MAX: '1', FARWATCH_LAUNCHED: '1' };
const environment =
  process.env.MALLOC_ARENA_MAX === undefined ? { ...process.env, ...ownVariables } : process.env;
const inCheckout = fileURLToPath(new URL('./main.ts', import.meta.url));
const installed = fileURLToPath(new URL('../../dist/infra/cli/main.js', import.meta.url));
const main = existsSync(inCheckout) ? inCheckout : installed;
const args = [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < needed[0] || (major === needed[0] && minor < needed[1])) startOtherNode();
else if (process.platform === 'win32' || flags.every((flag) => process.execArgv.includes(flag)))
  await begin();
else {
  process.removeAllListeners('warning'); // execve warns that it is experimental
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...args], environment);
}

async function begin() {
  if (process.env.FARWATCH_LAUNCHED) for (const name of Object.keys(ownVariables)) delete process.env[name];
  keepCompiled();
  await import(pathToFileURL(main).href);
}

/** What Node has compiled once it need not compile again: a quarter of the time that a start takes, or more. */
function keepCompiled() {
  try {
    // Not in the folder for temporary files, which is Node's own choice: what lies there others may have put there.
    const { CACHE_DIRECTORY, XDG_CACHE_HOME } = process.env;
    module.enableCompileCache(
      join(CACHE_DIRECTORY || XDG_CACHE_HOME || join(homedir(), '.cache'), 'farwatch'),
    );
  } catch {
    // No home, no cache.
  }
}

function startOtherNode() {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `farwatch: needs Node ${needed.join('.')} or newer, this is ${process.versions.node}.\n` +
        '  Update Node, or put one beside Farwatch: npm install node@24\n',
    );
    process.exit(2);
  }
  // Over the channel the child sees when this process is killed, and ends with it.
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: environment });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

/** The npm package `node` brings a Node of its own; npx and npm scripts find it first, a plain shell does not. */
function findNode() {
  for (const from of [import.meta.url, pathToFileURL(`${process.cwd()}/`)]) {
    try {
      return module.createRequire(from).resolve('node/bin/node');
    } catch {
      // not there: look further
    }
  }
  return undefined;
}
