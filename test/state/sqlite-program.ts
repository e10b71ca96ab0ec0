import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Failure } from '../../shared/failure.ts';
import { lockRunner, openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State } from '../../shared/state/state.ts';
import {
  begin,
  change,
  chunk,
  claimAt,
  enrolment,
  file as fileEntry,
  finish,
  listed,
  t0,
} from './samples.ts';

/**
 * A process of its own on a state file, for tests that start and kill it. What it prints has been acknowledged by
 * the state: lines are written synchronously, so that a kill takes none back.
 */
const [order = '', stateFile = '', name = 'incoming', count = '1'] = process.argv.slice(2);

const orders: Readonly<Record<string, () => Promise<void>>> = {
  /** Takes the runner lock and holds it until standard input ends. */
  async lock() {
    const unlock = lockRunner(stateFile);
    say('locked');
    await once(process.stdin.resume(), 'end');
    unlock();
  },
  /** Opens when told to, as an ordinary user even where the tests run as root. */
  async open() {
    say('ready');
    await once(process.stdin.resume(), 'end');
    await openSqliteState(stateFile, { create: true }).close();
  },
  async openUnprivileged() {
    if (process.getuid?.() === 0) process.seteuid?.(65_534);
    await openSqliteState(stateFile, { create: true }).close();
  },
  async lockUnprivileged() {
    if (process.getuid?.() === 0) process.seteuid?.(65_534);
    lockRunner(stateFile)();
  },
  /** Commits the root again and again; says each generation once it is acknowledged. */
  commits: () => withState(commitRoot),
  /** Makes whole scans of two tasks, the later task committing first. */
  scans: () => withState(makeScans),
};

try {
  await orders[order]?.();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(JSON.stringify({ name: error.name, message: error.message, advice: error.advice ?? null }));
  process.exitCode = 1;
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function withState(work: (state: State) => Promise<void>): Promise<void> {
  const state = openSqliteState(stateFile, { create: true });
  await work(state);
  await state.close();
}

async function commitRoot(state: State): Promise<void> {
  const key = `acme/${name}` as const;
  const { openScan } = await state.enroll(enrolment({ key }), t0);
  if (openScan === null) await begin(state, [{ subtrees: [''], except: [] }], key);
  const { fence } = await claimAt(state, 0, key);
  for (let left = Number(count); left > 0; left -= 1) {
    const expected = (await state.directory(key, ''))?.generation ?? 0;
    const generation = String(expected + 1);
    const heads = await state.chunkHeads(key, '');
    await state.commit(fence, [
      listed('', expected, {
        dropChunks: heads.map((head) => head.chunk),
        putChunks: [chunk(null, fileEntry(generation))],
        changes: [change(generation)],
      }),
    ]);
    say(generation);
  }
}

async function makeScans(state: State): Promise<void> {
  for (let left = Number(count); left > 0; left -= 1) {
    const { scan } = await begin(state, [
      { subtrees: ['a'], except: [] },
      { subtrees: ['b'], except: [] },
    ]);
    for (const place of [1, 0]) {
      const { fence } = await claimAt(state, place);
      const expected = (await state.directory('acme/incoming', ''))?.generation ?? 0;
      const changes = [change(`${scan}-${place}-a`), change(`${scan}-${place}-b`)];
      await state.commit(fence, [listed('', expected, { changes })]);
    }
    await finish(state);
  }
}
