import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameFromBytes } from '../../shared/tree/name.ts';
import type { Edit } from '../random-edits.ts';
import { giveToTestUser } from '../servers/account.ts';
import { type ServerKind, serverKinds, skipReason } from '../servers/server-kinds.ts';
import type { ServerFacts } from '../servers/test-server.ts';
import { writeSparse } from '../sparse-file.ts';
import { buildTree, randomEdits } from '../tree-builder.ts';
import { Home } from './home.ts';
import { Mirror, sizes, summary, treeOfSnapshot, treeOnDisk } from './mirror.ts';
import { serverEntry } from './server-entry.ts';

const files = 10_000;
const directories = 200;
const longAgo = Date.UTC(2024, 4, 17, 11, 22, 33) / 1000;

const awkward = [
  'two  blanks ',
  '"quoted"',
  "it's",
  'a -> b',
  'glob[1]*?',
  'back\\slash',
  'tab\there',
  '-dash',
  '.hidden',
  '漢字 😀',
  '-rw-r--r-- 1 a b 3 Jan 1 2020 fake',
].map((name) => Buffer.from(name));
const beyondListings = [
  Buffer.from('new\nline'),
  Buffer.from('latin\xe9', 'latin1'),
  Buffer.from([0x66, 0xff]),
];

/** A watched tree of one kind of server, and a Farwatch that scans it when it is told. */
interface Place {
  readonly home: Home;
  readonly root: string;
  readonly localRoot: string;
  readonly names: readonly Buffer[];
}

describe('exactly the edits, file by file', { concurrency: 2 }, () => {
  for (const kind of serverKinds) {
    it(kind.name, { skip: skipReason(kind) }, async (t) => {
      await watchesExactly(await remotePlace(t, kind));
    });
  }

  it('local', async (t) => {
    const home = new Home(t);
    const localRoot = home.directory('tree');
    home.configure(configOf({ protocol: 'local' }, localRoot));
    await watchesExactly({ home, root: localRoot, localRoot, names: [...awkward, ...beyondListings] });
  });
});

describe('exactly the edits, however the unchanged is told', { concurrency: 3 }, () => {
  const kindOf = (name: string) => serverKinds.filter((kind) => kind.name === name);
  for (const kind of ['Pure-FTPd (ftp)', 'ProFTPD (ftp)'].flatMap(kindOf)) {
    it(`${kind.name}, by looks that are trusted`, { skip: skipReason(kind) }, async (t) => {
      await watchesExactly(await remotePlace(t, kind), 64_000);
    });
  }
  for (const kind of kindOf('vsftpd (ftp)')) {
    it(`${kind.name}, by listings alone`, { skip: skipReason(kind) }, async (t) => {
      await watchesExactly(await remotePlace(t, kind, { probe: 'off' }));
    });
  }
});

describe('initial: emit', () => {
  it('reports the whole tree, once', async (t) => {
    const home = new Home(t);
    const root = home.directory('tree');
    const tree = buildTree(root, { files: 300, directories: 20, seed: 5 });
    home.configure(configOf({ protocol: 'local' }, root, { initial: 'emit' }));
    const first = await home.once();
    assert.equal(first.code, 0, first.stderr);
    const expected = [
      ...tree.files.map((path) => `created file ${root}/${path}`),
      ...tree.directories.map((path) => `created directory ${root}/${path}`),
    ];
    assert.deepEqual(summary(first.changes), expected.sort());
    assert.deepEqual(sizes(new Mirror().apply(first.changes).tree), sizes(treeOnDisk(root)));
    assert.equal((await home.once()).stdout, '');
  });
});

async function remotePlace(
  t: TestContext,
  kind: ServerKind,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Place> {
  const home = new Home(t);
  const server = await kind.start();
  t.after(() => server.stop());
  home.configure(configOf(serverEntry(home, server, overrides), server.root));
  return { home, root: server.root, localRoot: server.localRoot, names: namesFor(server.facts) };
}

function namesFor({ newlineInName }: ServerFacts): readonly Buffer[] {
  if (newlineInName === 'exact') return [...awkward, ...beyondListings];
  // A server that leaves out line breaks leaves out all controls: nobody can see those files.
  return newlineInName === 'omitted' ? awkward.filter((name) => !name.includes('\t')) : awkward;
}

function configOf(server: object, root: string, watch: object = {}): object {
  return {
    servers: { server },
    watches: { tree: { server: 'server', root, ...watch } },
    outputs: [{ type: 'stdout' }],
  };
}

/** `restMs`: how long the tree rests before the edits, so that looks come to be trusted. */
async function watchesExactly({ home, root, localRoot, names }: Place, restMs = 0): Promise<void> {
  const seed = 20_261_121;
  mkdirSync(join(localRoot, 'bulk'));
  buildTree(join(localRoot, 'bulk'), { files, directories, seed });
  plant(localRoot, names);
  giveToTestUser(localRoot);
  const baseline = treeOnDisk(localRoot, root);

  await silent(home, 'the baseline');
  await silent(home, 'nothing changed');
  if (restMs > 0) {
    await sleep(restMs);
    await silent(home, 'still nothing');
    await silent(home, 'nor now');
  }

  const edits = randomEdits(join(localRoot, 'bulk'), { seed, count: 60 });
  const planted = editPlanted(localRoot, names);
  giveToTestUser(localRoot);
  const { code, stderr, changes } = await home.once();
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const at = root === '/' ? '' : root;
  const expected = [...lines(edits, `${at}/bulk`), ...lines(planted, `${at}/planted`)].sort();
  assert.deepEqual(summary(changes), expected);
  assert.equal(new Set(changes.map((change) => change.id)).size, changes.length);

  await silent(home, 'everything is reported');
  const now = sizes(treeOnDisk(localRoot, root));
  const snapshot = await home.snapshot('tree');
  assert.deepEqual(sizes(treeOfSnapshot(snapshot.values())), now);
  assert.deepEqual(sizes(new Mirror(baseline).apply(changes).tree), now);
}

async function silent(home: Home, why: string): Promise<void> {
  const { code, stdout, stderr } = await home.once();
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' }, why);
}

/** As `summary` says it. */
function lines(edits: readonly Edit[], at: string): readonly string[] {
  return edits.map((edit) => {
    const from = edit.type === 'moved' ? `${at}/${edit.from} -> ` : '';
    return `${edit.type} ${edit.kind} ${from}${at}/${edit.path}`;
  });
}

/** Sizes from here on are those of no other file of the tree. */
const ownSizes = 5_000_000;

/** What `randomEdits` does not do. */
function plant(localRoot: string, names: readonly Buffer[]): void {
  mkdirSync(join(localRoot, 'planted'));
  mkdirSync(join(localRoot, 'planted', 'becomes-file'));
  writeSparse(join(localRoot, 'planted', 'becomes-file', 'inside'), ownSizes, longAgo);
  writeSparse(join(localRoot, 'planted', 'becomes-directory'), ownSizes + 1, longAgo);
  writeSparse(join(localRoot, 'planted', 'twin-1'), ownSizes + 2, longAgo);
  writeSparse(join(localRoot, 'planted', 'twin-2'), ownSizes + 2, longAgo);
  mkdirSync(join(localRoot, 'planted', 'awkward'));
  for (const [index, name] of names.entries()) {
    for (const [state, offset] of [
      ['stays', 0],
      ['goes', 100],
      ['grows', 200],
    ] as const) {
      writeSparse(awkwardPath(localRoot, name, state), ownSizes + 1_000 + offset + index, longAgo);
    }
  }
}

function awkwardPath(localRoot: string, name: Buffer, state: string): Buffer {
  return Buffer.concat([Buffer.from(`${localRoot}/planted/awkward/`), name, Buffer.from(`.${state}`)]);
}

/** Changes of kind, look-alikes that no move can be told from, and names that break naive clients. */
function editPlanted(localRoot: string, names: readonly Buffer[]): readonly Edit[] {
  const planted = (name: string) => join(localRoot, 'planted', name);
  rmSync(planted('becomes-file'), { recursive: true });
  writeSparse(planted('becomes-file'), ownSizes + 3, longAgo);
  unlinkSync(planted('becomes-directory'));
  mkdirSync(planted('becomes-directory'));
  writeSparse(planted('becomes-directory/inside'), ownSizes + 4, longAgo);
  for (const twin of [1, 2]) renameSync(planted(`twin-${twin}`), planted(`was-twin-${twin}`));
  return [
    { type: 'deleted', kind: 'file', path: 'becomes-file/inside' },
    { type: 'deleted', kind: 'directory', path: 'becomes-file' },
    { type: 'created', kind: 'file', path: 'becomes-file' },
    { type: 'deleted', kind: 'file', path: 'becomes-directory' },
    { type: 'created', kind: 'directory', path: 'becomes-directory' },
    { type: 'created', kind: 'file', path: 'becomes-directory/inside' },
    ...[1, 2].flatMap((twin): Edit[] => [
      { type: 'deleted', kind: 'file', path: `twin-${twin}` },
      { type: 'created', kind: 'file', path: `was-twin-${twin}` },
    ]),
    ...names.flatMap((name, index) => editAwkward(localRoot, name, index)),
  ];
}

function editAwkward(localRoot: string, name: Buffer, index: number): readonly Edit[] {
  const at = (state: string) => awkwardPath(localRoot, name, state);
  const path = (state: string) => `awkward/${nameFromBytes(name)}.${state}`;
  unlinkSync(at('goes'));
  writeSparse(at('grows'), ownSizes + 2_000 + index, longAgo);
  writeSparse(at('comes'), ownSizes + 3_000 + index, longAgo);
  return [
    { type: 'deleted', kind: 'file', path: path('goes') },
    { type: 'modified', kind: 'file', path: path('grows') },
    { type: 'created', kind: 'file', path: path('comes') },
  ];
}
