import { createRequire } from 'node:module';
import type { SingleBar } from 'cli-progress';
import { escapeControls } from '../../shared/changes/stdout-readable.ts';

export interface ScanProgress {
  readonly watch: string;
  /** Directories known from the last scan; null before the first. */
  readonly expected: number | null;
  readonly directories: number;
  readonly files: number;
  readonly startedAt: number;
}

/** One line at the foot of the terminal while scans run. */
export interface Progress {
  scanStarted(watch: string, expectedDirectories: number | null): void;
  /** What has been listed since the last call. */
  advanced(watch: string, directories: number, files: number): void;
  scanFinished(watch: string, isComplete: boolean): void;
  /**
   * Clears the line, runs `print`, which may write to the same terminal, and draws it again; when `print` returns
   * a promise, once that has settled.
   */
  suspend<T>(print: () => T): T;
  close(): void;
}

/** Does nothing unless `stream`, standard error, is a terminal. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? new TerminalProgress(stream) : silent;
}

const silent: Progress = {
  scanStarted: () => undefined,
  advanced: () => undefined,
  scanFinished: () => undefined,
  suspend: (print) => print(),
  close: () => undefined,
};

class TerminalProgress implements Progress {
  readonly #scans = new Map<string, ScanProgress>();
  readonly #line: SingleBar;
  #suspensions = 0;
  #drawn = false;

  constructor(stream: NodeJS.WriteStream) {
    // Loaded here, since without a terminal nothing needs it.
    const { SingleBar: Line }: typeof import('cli-progress') = createRequire(import.meta.url)('cli-progress');
    this.#line = new Line({
      stream,
      clearOnComplete: true,
      // Cut to the width by cli-progress; its other way switches the terminal's wrapping off, and a killed process
      // would leave it so.
      linewrap: true,
      fps: 5,
      format: (_options, { maxWidth }) => progressLine([...this.#scans.values()], Date.now(), maxWidth),
    });
  }

  scanStarted(watch: string, expectedDirectories: number | null): void {
    const startedAt = Date.now();
    this.#scans.set(watch, { watch, expected: expectedDirectories, directories: 0, files: 0, startedAt });
    this.#draw();
  }

  advanced(watch: string, directories: number, files: number): void {
    const scan = this.#scans.get(watch);
    if (scan === undefined) return;
    const more = { directories: scan.directories + directories, files: scan.files + files };
    this.#scans.set(watch, { ...scan, ...more });
  }

  scanFinished(watch: string): void {
    this.#scans.delete(watch);
    if (this.#scans.size === 0) this.#clear();
  }

  suspend<T>(print: () => T): T {
    this.#suspensions += 1;
    this.#clear();
    let result: T;
    try {
      result = print();
    } catch (error) {
      this.#resume();
      throw error;
    }
    if (result instanceof Promise) {
      const resume = () => this.#resume();
      result.then(resume, resume);
    } else this.#resume();
    return result;
  }

  close(): void {
    this.#scans.clear();
    this.#clear();
  }

  #resume(): void {
    this.#suspensions -= 1;
    this.#draw();
  }

  #draw(): void {
    if (this.#drawn || this.#suspensions > 0 || this.#scans.size === 0) return;
    this.#drawn = true;
    this.#line.start(1, 0);
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#line.stop();
  }
}

/** At most `width - 1` characters: a full last column makes some terminals go to the next line. */
export function progressLine(scans: readonly ScanProgress[], now: number, width: number): string {
  const sum = (value: (scan: ScanProgress) => number) =>
    scans.reduce((total, scan) => total + value(scan), 0);
  const directories = sum((scan) => scan.directories);
  const files = sum((scan) => scan.files);
  const began = Math.min(...scans.map((scan) => scan.startedAt));
  const perSecond = now > began ? Math.round((files * 1_000) / (now - began)) : 0;
  const known = scans.every((scan) => scan.expected !== null) ? sum((scan) => scan.expected ?? 0) : 0;
  // A tree that grew has more than it had last time: then there is nothing left to measure it by.
  const measurable = known > 0 && directories <= known;
  const line = [
    scans.map((scan) => escapeControls(scan.watch)).join(', '),
    ...(measurable ? [bar(directories / known)] : []),
    `${count(directories)}${measurable ? ` of ${count(known)}` : ''} directories`,
    `${count(files)} files`,
    `${count(perSecond)}/s`,
  ].join('  ');
  return line.length < width ? line : `${line.slice(0, Math.max(0, width - 2))}…`;
}

const barWidth = 20;

function bar(share: number): string {
  const done = Math.floor(share * barWidth);
  return `[${'='.repeat(done)}${' '.repeat(barWidth - done)}]`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
