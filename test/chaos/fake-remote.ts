import { RemoteUnavailable } from '../../shared/failure.ts';
import { Lister, type ReadDirectory } from '../../shared/remote/lister.ts';
import type { Capabilities, Known, ListRequest, Remote, Session } from '../../shared/remote/remote.ts';
import { digestListing } from '../../shared/tree/digest.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { type Listing, type Profile, profileName, type Unchanged } from '../../shared/tree/listing.ts';
import type { Probe } from '../../shared/tree/probe.ts';
import type { Edit, Node, World } from './world.ts';

/** How one request is answered. */
export interface Answer {
  readonly flaw: (typeof flaws)[number];
  /** Of a partial listing: a bit for each entry that it shows. Where it is even, an unchanged directory is called so. */
  readonly keep: number;
  /** The listing shows the tree before this is done, and arrives after it. */
  readonly edit: Edit | null;
  /** Turns of the event loop's microtasks until the listing is made, and again until it arrives. */
  readonly hops: number;
}

export const flaws = ['none', 'truncated', 'unproved', 'denied', 'not-found', 'lost', 'session'] as const;

const sound: Answer = { flaw: 'none', keep: 0, edit: null, hops: 0 };

export interface FakeOptions {
  readonly root: string;
  readonly inFlight: number;
  /** To the minute, as LIST says it; else to the second, as MLSD. */
  readonly coarse: boolean;
  /** Used up one by one; then every answer is sound. */
  readonly answers: Answer[];
  /** The root looks empty, as when a mount is lost. */
  readonly hollow: boolean;
  /** Directories that cannot be read. */
  readonly closed?: ReadonlySet<string>;
  /** Listings are made and arrive only when this resolves. */
  readonly gate: Promise<void> | undefined;
  readonly answered: () => void;
}

/** A server over a `World`, in memory, that fails as it is told. */
export class FakeRemote implements Remote {
  readonly #world: World;
  readonly #options: FakeOptions;

  constructor(world: World, options: FakeOptions) {
    this.#world = world;
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    return new FakeSession(this.#world, this.#options);
  }
}

class FakeSession implements Session {
  readonly capabilities: Capabilities;
  readonly #world: World;
  readonly #options: FakeOptions;
  readonly #profile: Profile;

  constructor(world: World, options: FakeOptions) {
    this.#world = world;
    this.#options = options;
    const command = options.coarse ? 'list' : 'mlsd';
    this.#profile = { command, zone: 'UTC', offsetMinutes: 0 };
    this.capabilities = {
      software: 'Fake',
      command,
      inFlight: options.inFlight,
      exactTimes: !options.coarse,
    };
  }

  async *list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing | Unchanged, void, void> {
    const lister = new Lister<Listing | Unchanged>(requests, {
      read: (request, outcome) => void this.#answer(request, outcome),
      window: { first: this.#options.inFlight, max: this.#options.inFlight },
    });
    yield* lister.run(signal);
  }

  async ping(): Promise<void> {}

  async close(): Promise<{ readonly clean: boolean }> {
    return { clean: true };
  }

  async #answer(
    { path, known }: ListRequest,
    { done, lost }: Parameters<ReadDirectory<Listing | Unchanged>>[1],
  ): Promise<void> {
    const { answers, gate, answered } = this.#options;
    const answer = answers.shift() ?? sound;
    for (let hop = 0; hop < answer.hops; hop += 1) await Promise.resolve();
    const listing = this.#listing(path, answer);
    if (answer.edit !== null) this.#world.edit(answer.edit);
    this.#world.clock += 1;
    for (let hop = 0; hop < answer.hops; hop += 1) await Promise.resolve();
    answered();
    if (gate !== undefined) await gate;
    if (answer.flaw === 'session') lost(new RemoteUnavailable('lost', 'connection reset'));
    else done(answer.keep % 2 === 0 ? this.#shortly(listing, known) : listing);
  }

  #listing(path: string, { flaw, keep }: Answer): Listing {
    const { root, hollow } = this.#options;
    const directory = path.slice(root.length + 1);
    const base = { path, profile: this.#profile };
    if (!this.#world.isDirectory(directory)) {
      return { ...base, status: 'partial', reason: 'not-found', detail: 'no such directory', entries: [] };
    }
    const all = hollow && directory === '' ? [] : this.#world.children(directory);
    const entries = all.map(([name, node]) => this.#entry(name, node));
    if (this.#options.closed?.has(directory)) {
      return { ...base, status: 'partial', reason: 'denied', detail: 'permission denied', entries: [] };
    }
    if (flaw === 'none' || flaw === 'session') {
      return { ...base, status: 'complete', entries, probe: probeOf(entries) };
    }
    const shown =
      flaw === 'denied' || flaw === 'not-found' ? [] : entries.filter((_, index) => (keep >> index) & 1);
    return { ...base, status: 'partial', reason: flaw, detail: 'as told', entries: shown };
  }

  #shortly(listing: Listing, known: Known | undefined): Listing | Unchanged {
    const isUnchanged =
      listing.status === 'complete' &&
      known?.unchangedSuffices === true &&
      known.profile === profileName(this.#profile) &&
      known.probe?.digest === listing.probe?.digest;
    if (!isUnchanged) return listing;
    const { path } = listing;
    const entries = [...listing.entries];
    const files = entries.flatMap(({ name, kind }) => (kind === 'file' ? [name] : []));
    return {
      status: 'unchanged',
      path,
      directories: entries.filter(({ kind }) => kind === 'directory'),
      fileCount: files.length,
      files: () => files,
    };
  }

  #entry(name: string, { kind, size, modifiedAt }: Node): Entry {
    const unitMs = this.#options.coarse ? 60_000 : 1_000;
    return {
      name,
      kind,
      size: kind === 'file' ? size : null,
      modifiedAt: Math.floor(modifiedAt / unitMs) * unitMs,
      precision: this.#options.coarse ? 'minute' : 'second',
    };
  }
}

function probeOf(entries: readonly Entry[]): Probe {
  return { digest: digestListing(entries).digest.slice(0, 24), since: null };
}
