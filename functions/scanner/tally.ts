import {
  noCounts,
  type Partial,
  type ScanCounts,
  type ScanFailure,
  type TaskResult,
} from '../../shared/state/state.ts';
import type { PartialListing } from '../../shared/tree/listing.ts';

const mostPartials = 100;

/** What a task has to say of its work at its end. */
export class Tally {
  #counts: ScanCounts;
  readonly #partials: Partial[] = [];

  /**
   * `attempt`: from 1. What an attempt before this one has committed died with its counts; the end of the scan must not
   * take the tree for what it was.
   */
  constructor(attempt: number) {
    this.#counts = attempt > 1 ? { ...noCounts, changedDirectories: 1 } : noCounts;
  }

  get directories(): number {
    return this.#counts.directories;
  }

  passed(files: number): void {
    const { directories } = this.#counts;
    this.#counts = { ...this.#counts, directories: directories + 1, files: this.#counts.files + files };
  }

  partial(path: string, { reason, detail }: PartialListing): void {
    this.#counts = { ...this.#counts, partialDirectories: this.#counts.partialDirectories + 1 };
    this.#partials.push({ path, reason, detail });
  }

  committed(directories: number, changes: number): void {
    this.#counts = {
      ...this.#counts,
      changedDirectories: this.#counts.changedDirectories + directories,
      changes: this.#counts.changes + changes,
    };
  }

  result(children: TaskResult['children']): TaskResult {
    return { counts: this.#counts, partials: this.#partials, failure: null, children };
  }

  /** What was not listed is unfinished; nothing follows from it. */
  givenUp(rest: readonly string[], failure: ScanFailure): TaskResult {
    const unfinished = rest.map((path) => ({ path, reason: failure.error, detail: failure.message }));
    const partialDirectories = this.#counts.partialDirectories + Math.max(1, rest.length);
    return {
      counts: { ...this.#counts, partialDirectories },
      partials: [...this.#partials, ...unfinished].slice(0, mostPartials),
      failure,
      children: [],
    };
  }
}
