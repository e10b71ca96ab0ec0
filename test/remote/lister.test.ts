import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lister, type ReadDirectory } from '../../shared/remote/lister.ts';
import type { ListRequest } from '../../shared/remote/remote.ts';

function list(requests: AsyncIterable<ListRequest>, read: ReadDirectory, signal: AbortSignal) {
  const lister = new Lister(requests, { read, window: { first: 2, max: 2 } });
  return Array.fromAsync(lister.run(signal));
}

/** What ends a run while it asks for more must be seen before it waits: nobody would wake it. */
describe('a run of listings ends', () => {
  it('when it is aborted in the middle of asking for a request', { timeout: 60_000 }, async () => {
    const abort = new AbortController();
    const reason = new Error('time is up');
    const aborting: AsyncIterable<ListRequest> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          abort.abort(reason);
          return new Promise(() => {});
        },
      }),
    };
    await assert.rejects(
      list(aborting, () => {}, abort.signal),
      reason,
    );
  });
});
