import type { Change, Notice } from './change.ts';

/**
 * The port to whoever wants the changes. Called by the publisher with changes in log order, at most `maxBatch` a
 * call, one `send` at a time per channel; a `notify` may come beside it. Resolves only when the receiver has them for good: the output's position
 * in the change log advances next. Throws PublishFailed (worth another try; `failed` may name only some).
 * A repeat after a crash is normal and harmless: changes keep their ids.
 */
export interface Channel {
  readonly maxBatch: number;
  send(changes: readonly Change[], signal: AbortSignal): Promise<void>;
  notify(notice: Notice, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
