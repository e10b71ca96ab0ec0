import { hash } from 'node:crypto';
import type { WatchConfig } from '../../shared/config/config.ts';
import { nextDue } from '../../shared/config/schedule.ts';
import type { DirectoryRecord, ScanRecord, WatchRecord } from '../../shared/state/state.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import { unchangedSuffices } from './unchanged.ts';

/** Servers that keep no times of directories show one of long ago: 1970 (object stores), 1980 (FAT). */
const earliestTime = Date.UTC(1980, 0, 3);
/** Clocks and time zones of servers may be off by so much. */
const clockErrorMs = 48 * 3_600_000;

/**
 * Which directories an adaptive watch leaves alone in this scan: leaves in which nothing has changed for `maxStaleness` and
 * whose own time, in the listing of the directory above, is older than that. Each has a moment of its own, again and again
 * after the same time, and the first scan after it looks at the directory; so the looks are spread over all scans and nothing needs to
 * be written down.
 */
export class Pace {
  readonly #scan: ScanRecord;
  readonly #before: number;
  readonly #periodMs: number;
  readonly #oldestNews: number;
  /** In scans before this one nothing has changed that matters here. */
  readonly #coldBefore: number;
  readonly #old = new Set<string>();

  private constructor(maxStalenessMs: number, intervalMs: number, scan: ScanRecord, before: number) {
    this.#scan = scan;
    this.#before = before;
    // The scan after the moment may come as late as an interval.
    this.#periodMs = maxStalenessMs - intervalMs;
    this.#oldestNews = scan.startedAt - maxStalenessMs - clockErrorMs;
    this.#coldBefore = scan.scan - Math.ceil(maxStalenessMs / intervalMs);
  }

  /** Undefined where every directory is looked at: the last scan has looked at too little, or the scans are too far between. */
  static of(watch: WatchConfig, scan: ScanRecord, record: WatchRecord | undefined): Pace | undefined {
    const last = record?.lastScan;
    if (watch.maxStalenessMs === null || last?.status !== 'complete') return undefined;
    const intervalMs =
      'every' in watch.schedule ? watch.schedule.every : nextDue(watch, scan.startedAt) - scan.startedAt;
    if (watch.maxStalenessMs <= intervalMs) return undefined;
    return new Pace(watch.maxStalenessMs, intervalMs, scan, last.startedAt);
  }

  /** Told of the directories in every listing. */
  listed(path: string, { modifiedAt }: Pick<Entry, 'modifiedAt'>): void {
    if (modifiedAt === null || modifiedAt < earliestTime) return;
    if (modifiedAt < this.#oldestNews) this.#old.add(path);
  }

  /** Asked for the second time, a directory does not rest. */
  rests(record: DirectoryRecord, now: number): boolean {
    return (
      this.#old.delete(record.path) &&
      record.leaf &&
      (record.changedBy === 0 || record.changedBy < this.#coldBefore) &&
      unchangedSuffices(record, this.#scan.scope, now) &&
      this.#turnsUntil(this.#before, record.path) === this.#turnsUntil(this.#scan.startedAt, record.path)
    );
  }

  #turnsUntil(moment: number, path: string): number {
    const offset = Number.parseInt(hash('sha1', path).slice(0, 10), 16) % this.#periodMs;
    return Math.floor((moment - offset) / this.#periodMs);
  }
}
