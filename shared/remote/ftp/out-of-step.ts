import type { Reply } from './reply-reader.ts';

/** A reply to nothing that was asked, or to something else, or none to what was sent before another was answered. */
export class OutOfStep extends Error {
  constructor({ message }: Pick<Reply, 'message'>) {
    super(`out of step: ${message.slice(0, 100)}`);
  }
}
