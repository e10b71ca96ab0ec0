import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Known, ListRequest } from '../../../shared/remote/remote.ts';
import { SftpRemote } from '../../../shared/remote/sftp/sftp-remote.ts';
import { digestListing } from '../../../shared/tree/digest.ts';
import { type Listing, profileName, type Unchanged } from '../../../shared/tree/listing.ts';
import { assertComplete, neverAborted } from '../fixture.ts';
import { MemoryKnownHosts } from '../server-fixture.ts';
import { type OddEntry, oddPassword, pages, startOddServer } from './odd-server.ts';

const file = 0o100644;
const directory = 0o040755;
const content: readonly OddEntry[] = [
  { name: '.', mode: directory },
  { name: '..', mode: directory },
  { name: 'b', mode: file },
  { name: 'd', mode: directory },
  { name: 'a', mode: file },
  { name: 'l', mode: 0o120777 },
];

/** A server with one directory, which shows whatever was put into it last. */
async function serverOf(t: TestContext, first: readonly (readonly OddEntry[])[]) {
  const shown = [...first];
  const server = await startOddServer({ answer: pages(shown) });
  const { config } = server;
  const session = await new SftpRemote(config, { password: oddPassword }, new MemoryKnownHosts()).connect(
    neverAborted(),
  );
  t.after(async () => {
    await session.close();
    await server.close();
  });
  return {
    put(...now: readonly (readonly OddEntry[])[]) {
      shown.splice(0, shown.length, ...now);
    },
    async list(known?: Known): Promise<Listing | Unchanged> {
      async function* requests(): AsyncGenerator<ListRequest, void, void> {
        yield known === undefined ? { path: '/odd' } : { path: '/odd', known };
      }
      for await (const answer of session.list(requests(), neverAborted())) return answer;
      return assert.fail('no answer');
    },
  };
}

function knownBy(listing: Listing | Unchanged): Known {
  assertComplete(listing);
  return {
    probe: listing.probe ?? null,
    profile: profileName(listing.profile),
    entries: listing.entries.length,
    unchangedSuffices: true,
  };
}

describe('a directory of which a look is known', { timeout: 300_000 }, () => {
  it('is unchanged if it shows the same in the same order', async (t) => {
    const server = await serverOf(t, [content]);
    const answer = await server.list(knownBy(await server.list()));
    assert.ok(answer.status === 'unchanged', JSON.stringify(answer));
    assert.deepEqual(answer.directories, [{ name: 'd', modifiedAt: null }]);
    assert.deepEqual([answer.fileCount, answer.files()], [2, ['b', 'a']]);
  });

  it('is listed if it shows anything else, and has the digest of what it holds', async (t) => {
    const server = await serverOf(t, [content]);
    const first = await server.list();
    const known = knownBy(first);
    assertComplete(first);
    const digest = digestListing(first.entries).digest;
    const others: readonly (readonly [boolean, ...(readonly OddEntry[])[]])[] = [
      [true, content.toReversed()],
      [true, content.slice(0, 3), content.slice(3)],
      [false, content.slice(0, -1)],
      [false, [...content, { name: 'c', mode: file }]],
      [false, content.with(2, { name: 'b', mode: directory })],
      [false, content.with(2, { name: 'B', mode: file })],
      [false, content.with(5, { name: 'l', mode: 0o010644 })],
      // The same letters, other names.
      [false, content.with(2, { name: 'bd', mode: file }).with(3, { name: 'e', mode: directory })],
    ];
    for (const [isSame, ...pages] of others) {
      server.put(...pages);
      const answer = await server.list(known);
      assertComplete(answer);
      assert.equal(digestListing(answer.entries).digest === digest, isSame, JSON.stringify(pages));
      assert.notEqual(answer.probe?.digest, known.probe?.digest);
      assert.equal((await server.list(knownBy(answer))).status, 'unchanged');
    }
  });

  it('is listed where a look will not do', async (t) => {
    const server = await serverOf(t, [content]);
    const known = knownBy(await server.list());
    const { probe } = known;
    assert.ok(probe);
    for (const other of [
      { ...known, unchangedSuffices: false },
      { ...known, profile: 'mlsd UTC +0' },
      { ...known, probe: null },
      { ...known, probe: { ...probe, since: 1 } },
    ]) {
      assertComplete(await server.list(other));
    }
  });

  it('is listed again and again if its entries do not say what they are', async (t) => {
    const server = await serverOf(t, [content.slice(0, 3)]);
    server.put([...content, { name: 'who knows' }]);
    const answer = await server.list();
    // LSTAT fails at this server.
    assert.equal(answer.status, 'partial');
    server.put(content, []);
    const complete = await server.list();
    assertComplete(complete);
    server.put([...content, { name: 'who knows' }]);
    assert.equal((await server.list(knownBy(complete))).status, 'partial');
  });

  it('is listed again and again if it is large', async (t) => {
    const many = Array.from({ length: 30 }, (_, page) =>
      Array.from({ length: 100 }, (_each, index) => ({
        name: `${page}-${index}-${'x'.repeat(40)}`,
        mode: file,
      })),
    );
    const server = await serverOf(t, many);
    for (const answer of [await server.list(), await server.list()]) {
      assertComplete(answer);
      assert.deepEqual([answer.entries.length, answer.probe], [3_000, undefined]);
      assert.deepEqual(
        [...answer.entries].map(({ name }) => name),
        many
          .flat()
          .map(({ name }) => name)
          .toSorted(),
      );
    }
  });

  it('is partial if a server names an entry twice, whatever is known', async (t) => {
    const server = await serverOf(t, [content]);
    const known = knownBy(await server.list());
    server.put([...content, { name: 'a', mode: file }]);
    const answer = await server.list(known);
    assert.equal(answer.status === 'partial' ? answer.reason : answer.status, 'malformed');
    server.put(content, content);
    assert.equal((await server.list(known)).status, 'partial');
  });
});
