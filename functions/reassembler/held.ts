import type { Chunk, DirectoryRecord, Snapshots, WatchKey } from '../../shared/state/state.ts';
import { hasSettled } from '../../shared/tree/diff.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import type { MissingEntry } from '../../shared/tree/judge.ts';
import type { MoveCandidate } from '../../shared/tree/moves.ts';
import { compileSelection, type Selection } from '../../shared/tree/selection.ts';
import { isPending, type SnapshotEntry } from '../../shared/tree/snapshot.ts';

/** A directory with entries that wait for the end of the scan, and the chunks that hold them. */
export interface HeldDirectory {
  readonly record: DirectoryRecord;
  readonly chunks: readonly Chunk[];
  /** Whether the directory itself is missing, or one above it. */
  readonly missing: boolean;
  /** Whether changes of the entry are reported: the rules of now admit it, and consumers can have known it before. */
  readonly admits: Selection['admits'];
}

export interface HeldChanges {
  readonly directories: ReadonlyMap<string, HeldDirectory>;
  readonly missing: readonly MissingEntry[];
  readonly appeared: readonly MoveCandidate[];
}

export interface HeldRules {
  readonly scan: number;
  readonly confirm: number;
  readonly settleMs: number;
  readonly selection: Selection;
  readonly now: number;
}

type Reading = Pick<Snapshots, 'heldDirectories' | 'directories' | 'chunkHeads' | 'chunks' | 'scopeRules'>;

/** Collects what is unresolved: from the snapshot alone, which is where it lives (protocol rule 7). */
export async function readHeld(key: WatchKey, state: Reading, rules: HeldRules): Promise<HeldChanges> {
  const directories = new Map<string, HeldDirectory>();
  const missing: MissingEntry[] = [];
  const appeared: MoveCandidate[] = [];
  const admitsIn = admission(state, rules);
  const reading = inAdvance(state.heldDirectories(key), async (record): Promise<HeldDirectory> => {
    const chunks = directories.has(record.path) ? [] : await pendingChunks(key, record, state);
    return { record, chunks, missing: false, admits: await admitsIn(record) };
  });
  for await (const held of reading) {
    const { record } = held;
    if (directories.has(record.path)) continue; // below a missing directory, read with it
    directories.set(record.path, held);
    for (const entry of entriesOf(held)) {
      const path = joinPath(record.path, entry.name);
      if (entry.seen === null) {
        const top = missingEntry(path, entry, held, rules);
        const subtree = entry.kind === 'directory' ? await readSubtree(key, path, state, admitsIn) : [];
        for (const each of subtree) directories.set(each.record.path, each);
        for (const each of missingSubtree(top, subtree, rules)) missing.push(each);
      } else if (held.admits(path, entry.kind) && isReleasable(entry, rules)) {
        appeared.push({ path, facts: entry.seen });
      }
    }
  }
  return { directories, missing, appeared };
}

/** Chunk by chunk, each decoded when it is its turn: together they may be a million. */
export function* entriesOf({ chunks }: HeldDirectory): Generator<SnapshotEntry, void, void> {
  for (const chunk of chunks) yield* chunk.entries;
}

/**
 * A directory that this scan did not list in full is still recorded under older rules (protocol rule 12): by them it says
 * which directories consumers know of. Of the files it holds they know, whichever rules admitted them.
 */
function admission(
  state: Reading,
  { selection }: HeldRules,
): (record: DirectoryRecord) => Promise<Selection['admits']> {
  const formers = new Map<string, Selection>();
  return async ({ scope }) => {
    const rules = formers.has(scope) ? undefined : await state.scopeRules(scope);
    if (rules !== undefined) formers.set(scope, compileSelection(rules));
    const former = formers.get(scope) ?? selection;
    return (path, kind) => selection.admits(path, kind) && (kind === 'file' || former.admits(path, kind));
  };
}

/** Whether the entry has settled and its creation is still to be reported. */
export function isReleasable(entry: SnapshotEntry, { now, settleMs }: HeldRules): boolean {
  return (
    isPending(entry) && entry.seen !== null && entry.reported === null && hasSettled(entry, now, settleMs)
  );
}

/** Chunks with a digest hold settled entries only. */
async function pendingChunks(
  key: WatchKey,
  record: DirectoryRecord,
  state: Reading,
): Promise<readonly Chunk[]> {
  const heads = await state.chunkHeads(key, record.path);
  const pending = heads.filter((head) => head.digest === null).map((head) => head.chunk);
  return state.chunks(key, record.path, pending);
}

function missingEntry(
  path: string,
  entry: SnapshotEntry,
  { record: parent, admits }: HeldDirectory,
  rules: HeldRules,
): MissingEntry {
  const replaced = entry.reported === null && entry.kind === 'directory';
  // An empty root may be a lost mount: it takes a second scan to believe it (protocol rule 14).
  const needed = parent.path === '' && parent.listed === 0 ? Math.max(2, rules.confirm) : rules.confirm;
  const shown = replaced || parent.provedBy === rules.scan;
  return {
    path,
    kind: entry.kind,
    reported: admits(path, entry.kind) ? entry.reported : null,
    shown,
    proved: shown,
    confirmed: replaced || entry.misses >= needed,
  };
}

/** The directories at and below a missing one. */
async function readSubtree(
  key: WatchKey,
  top: string,
  state: Reading,
  admitsIn: ReturnType<typeof admission>,
): Promise<readonly HeldDirectory[]> {
  const reading = inAdvance(state.directories(key, top), async (record): Promise<HeldDirectory> => {
    const heads = await state.chunkHeads(key, record.path);
    const all = heads.map((head) => head.chunk);
    const chunks = await state.chunks(key, record.path, all);
    return { record, chunks, missing: true, admits: await admitsIn(record) };
  });
  return Array.fromAsync(reading);
}

/**
 * Everything below a missing directory is missing, by the same proof. It proves nothing where another task of the scan
 * has listed and reported something there: the directory may have come back since its parent was listed.
 */
function* missingSubtree(
  top: MissingEntry,
  subtree: readonly HeldDirectory[],
  { scan }: HeldRules,
): Generator<MissingEntry, void, void> {
  const proved = top.proved && subtree.every(({ record }) => record.changedBy !== scan);
  yield { ...top, proved };
  for (const directory of subtree) {
    const { record, admits } = directory;
    for (const entry of entriesOf(directory)) {
      const path = joinPath(record.path, entry.name);
      const reported = admits(path, entry.kind) ? entry.reported : null;
      yield { ...top, path, kind: entry.kind, reported, proved };
    }
  }
}

const atOnce = 32;

/** What is read of the items, in their order, some at a time: one after another, the waits of a large subtree make hours. */
async function* inAdvance<Item, Read>(
  items: AsyncIterable<Item>,
  read: (item: Item) => Promise<Read>,
): AsyncGenerator<Read, void, void> {
  const started: Promise<Read>[] = [];
  for await (const item of items) {
    const reading = read(item);
    reading.catch(() => undefined); // met when its turn comes
    started.push(reading);
    const first = started.length < atOnce ? undefined : started.shift();
    if (first !== undefined) yield await first;
  }
  for (const reading of started) yield await reading;
}
