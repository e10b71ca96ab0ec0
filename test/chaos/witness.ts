import assert from 'node:assert/strict';
import type { Change } from '../../shared/changes/change.ts';
import type { DirectoryCommit, DirectoryRecord, State, WatchKey } from '../../shared/state/state.ts';
import { type Facts, isBelow, joinPath, precisionMs } from '../../shared/tree/entry.ts';
import type { Selection } from '../../shared/tree/selection.ts';
import { keyOf, stateOf, type World } from './world.ts';

interface Known {
  readonly path: string;
  readonly kind: 'file' | 'directory';
  readonly facts: Facts;
}

/** A stub may be written by the very commit that lists its directory. */
type Before = Pick<DirectoryRecord, 'stub' | 'scope'>;

/** An entry that becomes known, or is known no more; `maySilently`: the rules changed, or it is of the baseline. */
interface Passage {
  readonly known: Known;
  readonly maySilently: boolean;
}

type Entries = ReadonlyMap<string, Known>;

/**
 * Stands between the engine and the state and judges every commit the moment it takes effect: the changes that it
 * logs are exactly what it changes in what consumers know, each was true at some moment since the last report of its
 * path, no id repeats, sequences increase.
 */
export class Witness {
  readonly state: State;
  /** In the order of commits. */
  readonly changes: Change[] = [];
  /** Entries were forgotten, or known without a word, because the rules changed. */
  rescoped = false;
  readonly #real: State;
  readonly #world: World;
  readonly #watch: { readonly key: WatchKey; readonly root: string };
  readonly #selectionOf: (scope: string) => Selection;
  readonly #current: () => Selection;
  /** What consumers know, by directory. */
  readonly #known = new Map<string, Entries>();
  readonly #ids = new Set<string>();
  readonly #sequences = new Map<string, string>();
  /** Steps of the world at which a path was last reported. */
  readonly #reportedAt = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    real: State,
    world: World,
    watch: { readonly key: WatchKey; readonly root: string },
    selectionOf: (scope: string) => Selection,
    current: () => Selection,
  ) {
    this.#real = real;
    this.#world = world;
    this.#watch = watch;
    this.#selectionOf = selectionOf;
    this.#current = current;
    this.state = this.#watched();
  }

  /** What a consumer that missed nothing knows. */
  get known(): Entries {
    return new Map([...this.#known.values()].flatMap((entries) => [...entries]));
  }

  /** One call at a time, so that a commit and the looks before and after it are one moment. */
  #watched(): State {
    return new Proxy(this.#real, {
      get: (target, name, receiver) => {
        const method: unknown = Reflect.get(target, name, receiver);
        if (typeof method !== 'function') return method;
        if (name === 'commit') {
          return (...[fence, commits]: Parameters<State['commit']>) =>
            this.#inTurn(() => this.#commit(fence, commits));
        }
        if (name === 'directories' || name === 'heldDirectories') {
          return async function* (this: Witness, ...args: unknown[]) {
            yield* await this.#inTurn(() => Array.fromAsync(Reflect.apply(method, target, args)));
          }.bind(this);
        }
        return (...args: unknown[]) => this.#inTurn(async () => Reflect.apply(method, target, args));
      },
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #commit(...[fence, commits]: Parameters<State['commit']>): Promise<void> {
    const before = new Map<string, Before | undefined>();
    for (const { path, stubs } of commits) {
      const record = await this.#real.directory(this.#watch.key, path);
      before.set(path, record ?? before.get(path));
      for (const { path: found, stub } of stubs) before.set(found, { stub, scope: '' });
    }
    const scope = (await this.#real.scan(fence.watch, fence.scan))?.scope ?? '';
    await this.#real.commit(fence, commits);
    const gone = new Map<string, Passage>();
    const came = new Map<string, Passage>();
    for (const commit of commits) await this.#compare(commit, before.get(commit.path), scope, gone, came);
    this.#judge(
      commits.flatMap((commit) => commit.changes),
      gone,
      came,
    );
    this.#world.step += 1;
  }

  /** Collects how one directory's known entries change; an altered one is gone and came. */
  async #compare(
    commit: DirectoryCommit,
    before: Before | undefined,
    scope: string,
    gone: Map<string, Passage>,
    came: Map<string, Passage>,
  ): Promise<void> {
    const { path, record, forget } = commit;
    const old = this.#known.get(path) ?? new Map();
    const now = await this.#read(path);
    const former =
      before === undefined || ['', scope].includes(before.scope)
        ? undefined
        : this.#selectionOf(before.scope);
    for (const [key, known] of old) {
      const still = now.get(key);
      if (still !== undefined && sameLook(known.facts, still.facts)) continue;
      // A scan that is ended under new rules is judged by them.
      const standing = [this.#selectionOf(scope), this.#current()];
      const maySilently = !standing.every((selection) => selection.admits(known.path, known.kind));
      gone.set(key, { known, maySilently });
    }
    for (const [key, known] of now) {
      const standing = old.get(key);
      if (standing !== undefined && sameLook(standing.facts, known.facts)) continue;
      const maySilently = before?.stub === 'baseline' || former?.admits(known.path, known.kind) === false;
      came.set(key, { known, maySilently });
    }
    if (record === null) this.#known.delete(path);
    else this.#known.set(path, now);
    for (const subtree of forget) {
      for (const directory of [...this.#known.keys()]) {
        if (directory === subtree || isBelow(directory, subtree)) {
          this.rescoped = true;
          this.#known.delete(directory);
        }
      }
    }
  }

  async #read(path: string): Promise<Entries> {
    const record = await this.#real.directory(this.#watch.key, path);
    if (record === undefined) return new Map();
    const selection = this.#selectionOf(record.scope);
    const heads = await this.#real.chunkHeads(this.#watch.key, path);
    const chunks = await this.#real.chunks(
      this.#watch.key,
      path,
      heads.map(({ chunk }) => chunk),
    );
    const known = chunks
      .flatMap(({ entries }) => entries)
      .flatMap(({ name, kind, reported }): Known[] => {
        const at = joinPath(path, name);
        // A partial listing under new rules takes in files, and leaves it to a complete one to tell of directories.
        const isKnown = reported !== null && (kind === 'file' || selection.admits(at, kind));
        return isKnown ? [{ path: at, kind, facts: reported }] : [];
      });
    return new Map(known.map((entry) => [keyOf(entry.path, entry.kind), entry]));
  }

  #judge(changes: readonly Change[], gone: Map<string, Passage>, came: Map<string, Passage>): void {
    for (const change of changes) {
      const text = `${change.type} ${change.kind} ${change.path} (${change.sequence})`;
      this.changes.push(change);
      assert.ok(!this.#ids.has(change.id), `${text}: its id is new`);
      this.#ids.add(change.id);
      const path = this.#relative(change.path);
      const key = keyOf(path, change.kind);
      if (change.type === 'moved') {
        const from = this.#relative(change.from ?? '');
        assert.ok(gone.delete(from), `${text}: ${from} was known and goes with it`);
        this.#truth(text, from, 'file', null, change.sequence);
      }
      if (change.type === 'deleted' || change.type === 'modified') {
        const known = gone.get(key)?.known;
        assert.ok(known, `${text}: it was known, and is so no more`);
        if (change.kind === 'file') assert.equal(change.old?.size, known.facts.size, `${text}: old`);
        gone.delete(key);
      } else if (change.type === 'created') {
        assert.equal(change.old, null, `${text}: nothing was known`);
        assert.ok(!gone.has(key), `${text}: it was not known`);
      }
      if (change.type !== 'deleted') {
        const entry = came.get(key);
        assert.ok(entry, `${text}: it is known from now on`);
        if (change.kind === 'file') assert.equal(change.new?.size, entry.known.facts.size, `${text}: new`);
        came.delete(key);
      }
      const state = change.type === 'deleted' ? null : stateOf(change.new?.size ?? null);
      this.#truth(text, path, change.kind, state, change.sequence);
    }
    assert.deepEqual(untold(gone), [], 'nothing is forgotten without a word');
    assert.deepEqual(untold(came), [], 'nothing is taken for known without a word');
    if (gone.size + came.size > 0) this.rescoped = true;
  }

  #truth(text: string, path: string, kind: Known['kind'], state: string | null, sequence: string): void {
    const key = keyOf(path, kind);
    const since = this.#reportedAt.get(key) ?? 0;
    assert.ok(this.#world.wasEver(path, kind, state, since), `${text}: it was so since the last report`);
    this.#reportedAt.set(key, this.#world.step + 1);
    assert.ok(sequence > (this.#sequences.get(path) ?? ''), `${text}: above ${this.#sequences.get(path)}`);
    this.#sequences.set(path, sequence);
  }

  #relative(path: string): string {
    return path.slice(this.#watch.root.length + 1);
  }
}

function untold(passages: ReadonlyMap<string, Passage>): readonly string[] {
  return [...passages].flatMap(([key, { maySilently }]) => (maySilently ? [] : [key]));
}

/** Differences of representation alone are no change: equal sizes, and times that overlap. */
export function sameLook(a: Facts, b: Facts): boolean {
  if (a.size !== b.size) return false;
  if (a.modifiedAt === null || b.modifiedAt === null || a.size === null) return true;
  const [aEnd, bEnd] = [a.modifiedAt + precisionMs[a.precision], b.modifiedAt + precisionMs[b.precision]];
  return a.modifiedAt < bEnd && b.modifiedAt < aEnd;
}
