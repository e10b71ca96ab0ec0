import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListRequest } from '../../shared/remote/remote.ts';
import {
  assertComplete,
  type Fixture,
  listComplete,
  namesOf,
  neverAborted,
  requestsFor,
  scratch,
  withSession,
  writeFiles,
} from './fixture.ts';

/** Many directories at a time: every request answered once, no deadlock, back-pressure, abort. */
export function streamCases(fixture: () => Fixture): void {
  describe('streams', { timeout: 300_000 }, () => {
    it('lists 3,000 entries of one directory', async () => {
      const { local, remote } = await scratch(fixture());
      const names = Array.from({ length: 3_000 }, (_, index) => `file-${String(index).padStart(5, '0')}.dat`);
      for (const name of names) await writeFile(join(local, name), '');
      const listing = await withSession(fixture().remote, (s) => listComplete(s, remote));
      assert.deepEqual(namesOf(listing), names);
    });

    it('walks 300 directories whose requests arrive while results are consumed', async () => {
      const { local, remote } = await scratch(fixture());
      const expected = await makeTree(local, remote);
      const queue = new RequestQueue();
      const seen = new Map<string, readonly string[]>();
      await withSession(fixture().remote, async (session) => {
        queue.push(remote);
        for await (const listing of session.list(queue, neverAborted())) {
          assertComplete(listing);
          assert.ok(!seen.has(listing.path), `${listing.path} is answered once`);
          seen.set(listing.path, namesOf(listing));
          for (const entry of listing.entries) {
            if (entry.kind === 'directory') queue.push(`${listing.path}/${entry.name}`);
          }
          if (queue.pushed === seen.size) queue.end();
        }
      });
      assert.deepEqual(seen, expected);
    });

    it('yields an answer although the next request has not come', async () => {
      const { local, remote } = await scratch(fixture());
      await mkdir(join(local, 'one'));
      await mkdir(join(local, 'two'));
      const queue = new RequestQueue();
      await withSession(fixture().remote, async (session) => {
        const listings = session.list(queue, neverAborted());
        for (const name of ['one', 'two']) {
          queue.push(`${remote}/${name}`);
          const { value } = await listings.next();
          assert.equal(value?.path, `${remote}/${name}`);
        }
        queue.end();
        assert.equal((await listings.next()).done, true);
      });
    });

    it('takes no more requests than it can use', async () => {
      const { remote } = await scratch(fixture());
      let taken = 0;
      async function* endless(): AsyncGenerator<ListRequest, void, void> {
        for (;;) {
          taken += 1;
          yield { path: remote };
        }
      }
      await withSession(fixture().remote, async (session) => {
        const listings = session.list(endless(), neverAborted());
        await listings.next();
        await sleep(200);
        assert.ok(taken <= 2 * session.capabilities.inFlight + 1, `${taken} requests taken`);
        await listings.return();
      });
    });

    it('answers nothing when nothing is asked, and lists again on the same session', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['a']);
      await withSession(fixture().remote, async (session) => {
        for await (const listing of session.list(requestsFor([]), neverAborted())) assert.fail(listing.path);
        assert.deepEqual(namesOf(await listComplete(session, remote)), ['a']);
        await writeFiles(local, ['b']);
        assert.deepEqual(namesOf(await listComplete(session, remote)), ['a', 'b']);
      });
    });

    it('answers the same path as often as it is asked', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['a']);
      await withSession(fixture().remote, async (session) => {
        let answers = 0;
        for await (const listing of session.list(requestsFor([remote, remote, remote]), neverAborted())) {
          assertComplete(listing);
          answers += 1;
        }
        assert.equal(answers, 3);
      });
    });

    it('throws the reason of an abort at once, even while it waits for requests', async () => {
      const { remote } = await scratch(fixture());
      const abort = new AbortController();
      const queue = new RequestQueue();
      const reason = new Error('enough');
      const session = await fixture().remote.connect(neverAborted());
      queue.push(remote);
      const listings = session.list(queue, abort.signal);
      await listings.next();
      const waiting = listings.next();
      abort.abort(reason);
      await assert.rejects(waiting, (error) => error === reason);
      await session.close();
    });

    it('passes on what the source of requests throws', async () => {
      const { remote } = await scratch(fixture());
      async function* failing(): AsyncGenerator<ListRequest, void, void> {
        yield { path: remote };
        throw new RangeError('no more');
      }
      const session = await fixture().remote.connect(neverAborted());
      await assert.rejects(async () => {
        for await (const listing of session.list(failing(), neverAborted())) assertComplete(listing);
      }, RangeError);
      await session.close();
    });
  });
}

/** Requests that arrive over time; `next` waits for the next push. */
class RequestQueue implements AsyncIterable<ListRequest> {
  pushed = 0;
  #paths: string[] = [];
  #ended = false;
  #wake = Promise.withResolvers<void>();

  push(path: string): void {
    this.pushed += 1;
    this.#paths.push(path);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ListRequest, void, void> {
    for (;;) {
      const path = this.#paths.shift();
      if (path !== undefined) yield { path };
      else if (this.#ended) return;
      else {
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
      }
    }
  }
}

/** 1 + 20 + 280 directories; returns every path with its names. */
async function makeTree(local: string, remote: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const expected = new Map<string, readonly string[]>();
  const fill = async (path: string, children: readonly string[]): Promise<void> => {
    const files = ['x.csv', 'y.csv'];
    await writeFiles(join(local, path), files);
    for (const child of children) await mkdir(join(local, path, child));
    expected.set(path === '' ? remote : `${remote}/${path}`, [...files, ...children].sort());
  };
  const outer = Array.from({ length: 20 }, (_, index) => `outer-${index}`);
  const inner = Array.from({ length: 14 }, (_, index) => `inner-${index}`);
  await fill('', outer);
  for (const first of outer) {
    await fill(first, inner);
    for (const second of inner) await fill(`${first}/${second}`, []);
  }
  return expected;
}
