import assert from 'node:assert/strict';
import type { Known, ListRequest, Session } from '../../shared/remote/remote.ts';
import { digestListing } from '../../shared/tree/digest.ts';
import { type Listing, profileName, type Unchanged } from '../../shared/tree/listing.ts';
import { neverAborted } from './fixture.ts';

/** What a scan keeps of a directory from one look to the next. */
interface Kept extends Known {
  readonly digest: string;
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
  async look(): Promise<ReadonlyMap<string, Seen>> {
    const kept = new Map<string, Kept>();
    const seen = new Map<string, Seen>();
    for (let level: readonly string[] = [this.#root]; level.length > 0; ) {
      const next: string[] = [];
      for await (const answer of this.#session.list(this.#requests(level), neverAborted())) {
        const { path } = answer;
        const now = keep(answer, this.#kept.get(path));
        if (answer.status === 'unchanged') this.unchanged += 1;
        const directories = directoriesIn(answer);
        kept.set(path, now);
        seen.set(path, { digest: now.digest, directories, files: filesIn(answer) });
        next.push(...directories.map((name) => `${path}/${name}`));
      }
      level = next;
    }
    this.#kept = kept;
    return seen;
  }

  async *#requests(paths: readonly string[]): AsyncGenerator<ListRequest, void, void> {
    for (const path of paths) {
      const known = this.#tells ? this.#kept.get(path) : undefined;
      yield known === undefined ? { path } : { path, known };
    }
  }
}

function keep(answer: Listing | Unchanged, before: Kept | undefined): Kept {
  if (answer.status === 'unchanged') return before ?? assert.fail(`${answer.path} is known to nobody`);
  assert.equal(answer.status, 'complete', JSON.stringify(answer));
  const { digest } = digestListing(answer.entries);
  const probe =
    (answer.status === 'complete' ? answer.probe : undefined) ??
    (before?.digest === digest ? before.probe : null);
  const profile = profileName(answer.profile);
  return { digest, probe, profile, entries: answer.entries.length, unchangedSuffices: true };
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
