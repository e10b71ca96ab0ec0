import { PublishFailed } from '../failure.ts';
import type { Change, Notice } from './change.ts';
import type { Channel } from './channel.ts';
import { ndjson } from './ndjson.ts';
import { readableChange, readableNotice } from './stdout-readable.ts';

/** Takes the progress line off the terminal while `print` runs. */
export type Suspend = (print: () => Promise<void>) => Promise<void>;

export interface StdoutOptions {
  readonly maxBatch: number;
  readonly stdout: NodeJS.WriteStream;
  readonly suspend?: Suspend;
}

/** NDJSON; on a terminal, lines for people. */
export class StdoutChannel implements Channel {
  readonly maxBatch: number;
  readonly #stdout: NodeJS.WriteStream;
  readonly #suspend: Suspend;
  readonly #colours: boolean;

  constructor({ maxBatch, stdout, suspend }: StdoutOptions) {
    this.maxBatch = maxBatch;
    this.#stdout = stdout;
    this.#suspend = suspend ?? ((print) => print());
    // hasColors() heeds NO_COLOR, FORCE_COLOR and TERM=dumb.
    this.#colours = stdout.isTTY && stdout.hasColors();
    // Every failed write is an 'error' event as well as an argument of its callback, and unheard it ends the process.
    stdout.on('error', () => undefined);
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const text = this.#stdout.isTTY
      ? changes.map((change) => `${readableChange(change, this.#colours)}\n`).join('')
      : ndjson(changes);
    await this.#print(text, idsOf(changes), signal);
  }

  async notify(notice: Notice, signal: AbortSignal): Promise<void> {
    const text = this.#stdout.isTTY ? `${readableNotice(notice, this.#colours)}\n` : ndjson([notice]);
    await this.#print(text, [], signal);
  }

  /** Standard output belongs to the process: it stays open. */
  async close(): Promise<void> {}

  async #print(text: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#suspend(() => this.#write(text, ids, signal));
  }

  /** A reader that stands still must not keep the process from ending: an abort stops the waiting. */
  #write(text: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () =>
        reject(
          new PublishFailed('stopped before standard output had taken the changes', ids, {
            cause: signal.reason,
            advice: 'Start again: these changes are delivered then.',
          }),
        );
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#stdout.write(text, (error) => {
        signal.removeEventListener('abort', onAbort);
        if (error) reject(writeFailed(error, ids));
        else resolve();
      });
    });
  }
}

/**
 * Whether whoever read our standard output has gone away (`farwatch run | head`): nothing will ever be taken
 * again, so the process should end as if asked to. The changes wait for the next run.
 */
export function isReaderGone(error: unknown): boolean {
  return error instanceof PublishFailed && error.cause instanceof Error && goneErrors.has(error.cause);
}

const goneErrors = new WeakSet<Error>();

function writeFailed(error: Error, ids: readonly string[]): PublishFailed {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ERR_STREAM_WRITE_AFTER_END') {
    goneErrors.add(error);
    return new PublishFailed('whoever read standard output has gone away', ids, {
      cause: error,
      advice:
        'Start Farwatch again with a reader that stays: the changes it did not take are delivered then.',
    });
  }
  return new PublishFailed(`standard output cannot be written: ${error.message}`, ids, {
    cause: error,
    advice: 'Check where standard output goes: a full disk, or a device that refuses.',
  });
}

function idsOf(changes: readonly Change[]): readonly string[] {
  return changes.map((change) => change.id);
}
