import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../shared/changes/change.ts';
import { StateUnusable } from '../../shared/failure.ts';
import { openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import type { State } from '../../shared/state/state.ts';
import { changesIn, Home, type Running } from '../local/home.ts';
import { Mirror, sizes, type Tree, treeOnDisk } from '../local/mirror.ts';
import { serverEntry } from '../local/server-entry.ts';
import { Random } from '../random.ts';
import { giveToTestUser } from '../servers/account.ts';
import { startNpmSftp } from '../servers/npm-servers.ts';
import { buildTree } from '../tree-builder.ts';
import { Hand } from './hand.ts';

/** Where a process died, as the state tells afterwards. */
type Phase = 'start' | 'scanning' | 'reassembly' | 'publishing' | 'between scans';

interface Place {
  readonly home: Home;
  /** As the server shows it, and on the disk. */
  readonly root: string;
  readonly localRoot: string;
}

it('kill -9 at 20 random moments or more loses nothing: a local tree', async (t) => {
  const home = new Home(t);
  const root = home.directory('tree');
  home.configure(configOf({ protocol: 'local' }, root));
  const hits = ['start', 'scanning', 'reassembly'] as const;
  const phases = await surviveKills(
    t,
    { home, root, localRoot: root },
    { kills: 20, hits, seed: 20_261_121 },
  );
  for (const phase of hits) assert.ok(phases.includes(phase), `a kill hits: ${phase}`);
});

it('kill -9 at random moments loses nothing: an SFTP server', async (t) => {
  const home = new Home(t);
  const server = await startNpmSftp();
  t.after(() => server.stop());
  home.configure(configOf(serverEntry(home, server), server.root));
  await surviveKills(
    t,
    { home, root: server.root, localRoot: server.localRoot },
    { kills: 5, hits: [], seed: 7 },
  );
});

function configOf(server: object, root: string): object {
  return {
    servers: { server },
    watches: {
      tree: {
        server: 'server',
        root,
        every: '1s',
        initial: 'emit',
        deletes: { maxPercent: 100 },
        scale: { preset: 'small', taskDirectories: 20, taskBudget: '100ms' },
      },
    },
    outputs: [{ type: 'file', path: 'changes.ndjson' }, { type: 'stdout' }],
  };
}

interface Kills {
  readonly kills: number;
  /** Where one must hit: until then there are more, up to five times as many. A busy machine hits less well. */
  readonly hits: readonly Phase[];
  readonly seed: number;
}

/** After each kill, one whole run: then consumers of both outputs hold the tree. Returns where the kills hit. */
async function surviveKills(
  t: TestContext,
  { home, root, localRoot }: Place,
  { kills, hits, seed }: Kills,
): Promise<readonly Phase[]> {
  buildTree(localRoot, { files: 1_500, directories: 120, seed });
  const random = new Random(seed);
  const hand = new Hand(localRoot, seed);
  const phases: Phase[] = [];
  const printed: Change[] = [];
  let scans = 0;
  const isMissing = (phase: Phase) => !phases.includes(phase);
  for (let kill = 0; kill < kills || (hits.some(isMissing) && kill < 5 * kills); kill += 1) {
    hand.edit(40);
    giveToTestUser(localRoot);
    // Every third one is a daemon that has scanned before.
    const running = home.start('run', '--log-level', 'warn', ...(kill % 3 === 2 ? [] : ['--once']));
    await killAtRandom(running, home.path('farwatch.db'), kill, random, hand);
    giveToTestUser(localRoot);
    printed.push(...running.changes);
    phases.push(await phaseOf(home.path('farwatch.db'), scans));

    const run = await home.once();
    assert.equal(run.code, 0, run.stderr);
    scans = await scansIn(home.path('farwatch.db'));
    printed.push(...run.changes);
    const tree = treeOnDisk(localRoot, root);
    const filed = changesIn(readFileSync(home.path('changes.ndjson'), 'utf8'));
    for (const [output, changes] of Object.entries({ printed, filed })) {
      assertMirror(new Mirror().apply(changes).tree, tree, `${output}, kill ${kill + 1} at ${phases.at(-1)}`);
      assertOnce(changes);
    }
  }
  const counts = Object.entries(Object.groupBy(phases, (phase) => phase));
  t.diagnostic(`kills hit ${counts.map(([phase, hits]) => `${phase} ${hits.length}`).join(', ')}`);
  return phases;
}

/** In turn: whenever, as soon as a scan is open and a little later, as soon as its tasks are done. */
async function killAtRandom(
  running: Running,
  state: string,
  kill: number,
  random: Random,
  hand: Hand,
): Promise<void> {
  const over = running.ended.then(() => true);
  const editing = setInterval(() => hand.edit(1), 20);
  try {
    const moments: (() => Promise<unknown>)[] = [
      () => sleep(random.below(kill % 8 === 0 ? 300 : 1_500)),
      () => waitFor(over, () => phaseOf(state), ['scanning']).then(() => sleep(random.below(80))),
      () => waitFor(over, () => phaseOf(state), ['reassembly']),
      () => waitFor(over, () => phaseOf(state), ['scanning']).then(() => sleep(random.below(400))),
    ];
    await moments[kill % moments.length]?.();
    await running.kill();
  } finally {
    clearInterval(editing);
  }
}

async function waitFor(
  over: Promise<boolean>,
  phaseNow: () => Promise<Phase>,
  phases: readonly Phase[],
): Promise<void> {
  while (!phases.includes(await phaseNow())) {
    if (await Promise.race([over, sleep(1, false)])) return;
  }
}

/** `before`: the scans that were begun before the process was. */
async function phaseOf(file: string, before = 0): Promise<Phase> {
  const state = openMade(file);
  if (state === undefined) return 'start';
  try {
    const [record] = await state.watches();
    if (record === undefined || record.scan === before) return 'start';
    if (record.openScan !== null) {
      return (await state.tasks(record.key, record.openScan)).length > 0 ? 'scanning' : 'reassembly';
    }
    const { waiting } = await state.unpublished('file', { limit: 1 });
    return waiting > 0 ? 'publishing' : 'between scans';
  } finally {
    await state.close();
  }
}

/** Undefined before the process has made it: a file without tables is none yet. */
function openMade(file: string): State | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return openSqliteState(file, { create: false });
  } catch (error) {
    if (error instanceof StateUnusable && /there is no state yet/.test(error.message)) return undefined;
    throw error;
  }
}

async function scansIn(file: string): Promise<number> {
  const state = openSqliteState(file, { create: false });
  try {
    return (await state.watches())[0]?.scan ?? 0;
  } finally {
    await state.close();
  }
}

function assertMirror(mirror: Tree, tree: Tree, when: string): void {
  assert.deepEqual(sizes(mirror), sizes(tree), when);
  for (const [path, { modifiedAt }] of tree) {
    // SFTP says seconds.
    if (modifiedAt !== undefined) {
      assert.equal(mirror.get(path)?.modifiedAt?.slice(0, 19), modifiedAt.slice(0, 19), `${path}, ${when}`);
    }
  }
}

/** A change that is delivered again is the same change. */
function assertOnce(changes: readonly Change[]): void {
  const byId = new Map<string, string>();
  for (const change of changes) {
    const text = JSON.stringify(change);
    assert.equal(byId.get(change.id) ?? text, text, `${change.id} always says the same`);
    byId.set(change.id, text);
  }
}
