import assert from 'node:assert/strict';
import type { Known, ListRequest, Session } from '../../shared/remote/remote.ts';
import { digestListing } from '../../shared/tree/digest.ts';
import { type Listing, profileName, type Unchanged } from '../../shared/tree/listing.ts';
import { neverAborted } from './fixture.ts';

/** What a scan keeps of a directory from one look to the next. */
interface Kept extends Known {
  readonly digest: string;
  readonly hasDirectories: boolean;
}

/** What a scan takes from an answer, whatever the answer is. */
export interface Seen {
  readonly digest: string;
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** Walks the tree as a scan does, and keeps what a scan keeps. */
export class Watcher {
  readonly #session: Session;
  readonly #root: string;
  readonly #tells: boolean;
  #kept = new Map<string, Kept>();
  unchanged = 0;

  /** `tells`: whether the session is told what is known of a directory. */
  constructor(session: Session, root: string, tells = true) {
    this.#session = session;
    this.#root = root;
    this.#tells = tells;
  }

  /** By path. */
  async look(signal: AbortSignal = neverAborted()): Promise<ReadonlyMap<string, Seen>> {
    const kept = new Map<string, Kept>();
    const seen = new Map<string, Seen>();
    const walk = new Walk(this.#root, (path) => this.#request(path));
    for await (const answer of this.#session.list(walk.requests(), signal)) {
      const { path } = answer;
      const now = keep(answer, this.#kept.get(path));
      if (answer.status === 'unchanged') this.unchanged += 1;
      const directories = directoriesIn(answer);
      kept.set(path, now);
      seen.set(path, { digest: now.digest, directories, files: filesIn(answer) });
      walk.answered(directories.map((name) => `${path}/${name}`));
    }
    this.#kept = kept;
    return seen;
  }

  #request(path: string): ListRequest {
    const known = this.#tells ? this.#kept.get(path) : undefined;
    const wholeSubtree = known === undefined || known.hasDirectories;
    return known === undefined ? { path, wholeSubtree } : { path, known, wholeSubtree };
  }
}

/** Depth first, each directory once the one above it is answered. */
export class Walk {
  readonly #queue: string[];
  readonly #request: (path: string) => ListRequest;
  #open = 0;
  #wake = Promise.withResolvers<void>();

  constructor(root: string, request: (path: string) => ListRequest) {
    this.#queue = [root];
    this.#request = request;
  }

  async *requests(): AsyncGenerator<ListRequest, void, void> {
    for (;;) {
      const path = this.#queue.pop();
      if (path !== undefined) {
        this.#open += 1;
        yield this.#request(path);
      } else if (this.#open === 0) return;
      else {
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
      }
    }
  }

  answered(below: readonly string[]): void {
    this.#queue.push(...below.toSorted().toReversed());
    this.#open -= 1;
    this.#wake.resolve();
  }
}

function keep(answer: Listing | Unchanged, before: Kept | undefined): Kept {
  if (answer.status === 'unchanged') return before ?? assert.fail(`${answer.path} is known to nobody`);
  const digest = `${answer.status} ${digestListing(answer.entries).digest}`;
  const probe =
    (answer.status === 'complete' ? answer.probe : undefined) ??
    (before?.digest === digest ? before.probe : null);
  const profile = profileName(answer.profile);
  const entries = answer.entries.length;
  const hasDirectories = directoriesIn(answer).length > 0;
  return { digest, probe, profile, entries, unchangedSuffices: true, hasDirectories };
}

function directoriesIn(answer: Listing | Unchanged): readonly string[] {
  const directories =
    answer.status === 'unchanged'
      ? answer.directories
      : [...answer.entries].filter(({ kind }) => kind === 'directory');
  return directories.map(({ name }) => name).toSorted();
}

function filesIn(answer: Listing | Unchanged): readonly string[] {
  if (answer.status !== 'unchanged')
    return [...answer.entries].flatMap(({ name, kind }) => (kind === 'file' ? [name] : [])).toSorted();
  assert.equal(answer.files().length, answer.fileCount);
  return answer.files().toSorted();
}
