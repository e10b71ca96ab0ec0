import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { RemoteProtocol, RemoteUnavailable } from '../../../shared/failure.ts';
import type { Session } from '../../../shared/remote/remote.ts';
import { SftpRemote } from '../../../shared/remote/sftp/sftp-remote.ts';
import type { Listing } from '../../../shared/tree/listing.ts';
import { packet, replyType, requestType, uint32 } from '../../servers/sftp-wire.ts';
import { assertComplete, listAll, listOne, namesOf, neverAborted } from '../fixture.ts';
import { MemoryKnownHosts } from '../server-fixture.ts';
import {
  attrs,
  handle,
  names,
  type OddEntry,
  type OddRequest,
  type OddServer,
  oddPassword,
  pages,
  startOddServer,
  status,
} from './odd-server.ts';

const file = 0o100644;
const openSsh = 'OpenSSH_9.2p1';

async function openSession(t: TestContext, server: OddServer): Promise<Session> {
  const session = await new SftpRemote(
    server.config,
    { password: oddPassword },
    new MemoryKnownHosts(),
  ).connect(neverAborted());
  t.after(async () => {
    await session.close();
    await server.close();
  });
  return session;
}

async function listOdd(t: TestContext, server: OddServer): Promise<Listing> {
  return listOne(await openSession(t, server), '/odd');
}

function partial(listing: Listing): string {
  return listing.status === 'partial' ? listing.reason : 'complete';
}

describe('SFTP servers that go their own way', { timeout: 300_000 }, () => {
  it('asks by LSTAT where a listing leaves the type out', async (t) => {
    const modes = new Map([
      ['/odd/file', file],
      ['/odd/directory', 0o040755],
      ['/odd/link', 0o120777],
      ['/odd/pipe', 0o010644],
    ]);
    const untyped = ['.', '..', 'file', 'directory', 'link', 'pipe', 'gone'].map((name) => ({ name }));
    const answer = pages(
      [[...untyped, { name: 'bits', mode: 0o644 }, { name: 'known', mode: file }]],
      (request) => {
        if (request.type !== requestType.lstat) return false;
        const mode = request.text === '/odd/bits' ? file : modes.get(request.text);
        request.reply(mode === undefined ? status(request, 'noSuchFile') : attrs(request, mode));
        return true;
      },
    );
    const listing = await listOdd(t, await startOddServer({ answer }));
    assertComplete(listing);
    assert.deepEqual(Object.fromEntries([...listing.entries].map(({ name, kind }) => [name, kind])), {
      file: 'file',
      directory: 'directory',
      link: 'link',
      pipe: 'other',
      bits: 'file',
      known: 'file',
    });
    assert.deepEqual(new Set([...listing.entries].map(({ precision }) => precision)), new Set(['none']));
  });

  it('calls a directory partial if nothing says what an entry is', async (t) => {
    const answer = pages([[{ name: 'known', mode: file }, { name: 'riddle' }]], (request) => {
      if (request.type !== requestType.lstat) return false;
      request.reply(attrs(request));
      return true;
    });
    const listing = await listOdd(t, await startOddServer({ answer }));
    assert.deepEqual([partial(listing), namesOf(listing)], ['malformed', ['known']]);
  });

  for (const name of ['', 'a/b', '/', 'nul\0', '../escape']) {
    it(`does not take ${JSON.stringify(name)} for a name`, async (t) => {
      const answer = pages([
        [
          { name: 'good', mode: file },
          { name, mode: file },
        ],
      ]);
      const listing = await listOdd(t, await startOddServer({ answer }));
      assert.deepEqual([partial(listing), namesOf(listing)], ['malformed', ['good']]);
    });
  }

  it('calls a directory partial if a name comes twice', async (t) => {
    const twin = { name: 'twin', mode: file };
    const listing = await listOdd(t, await startOddServer({ answer: pages([[twin], [twin]]) }));
    assert.deepEqual([partial(listing), namesOf(listing)], ['malformed', ['twin']]);
  });

  it('finds a name that comes twice among very many', async (t) => {
    const many = Array.from({ length: 70 }, (_, page) =>
      Array.from({ length: 1_000 }, (_, at) => ({ name: `${at}-${page}`, mode: file })),
    );
    assertComplete(await listOdd(t, await startOddServer({ answer: pages(many) })));
    const twins = [...many, [{ name: '500-69', mode: file }]];
    const listing = await listOdd(t, await startOddServer({ answer: pages(twins) }));
    assert.equal(partial(listing), 'malformed');
    assert.equal(new Set(namesOf(listing)).size, 70_000);
    assert.equal(listing.entries.length, 70_000);
  });

  it('notices a server that begins again at the end of a very large directory', async (t) => {
    let read = 0;
    const answer = pages([], (request) => {
      if (request.type !== requestType.readdir) return false;
      const page = read++ % 70;
      const entries = Array.from({ length: 1_000 }, (_, at) => ({ name: `${at}-${page}`, mode: file }));
      request.reply(names(request, ...entries));
      return true;
    });
    assert.equal(partial(await listOdd(t, await startOddServer({ answer }))), 'malformed');
  });

  it('gives pages without end up, empty ones and repeated ones', async (t) => {
    const endless = (page: readonly OddEntry[]) =>
      pages([], (request) => {
        if (request.type !== requestType.readdir) return false;
        request.reply(names(request, ...page));
        return true;
      });
    for (const page of [[], [{ name: 'same', mode: file }]]) {
      assert.equal(partial(await listOdd(t, await startOddServer({ answer: endless(page) }))), 'malformed');
    }
  });

  it('waits for entries that the end of the directory has overtaken', async (t) => {
    let held: OddRequest | undefined;
    const answer = pages([], (request) => {
      if (request.type !== requestType.readdir) return false;
      if (held === undefined) held = request;
      else {
        request.reply(status(request, 'eof'));
        held.reply(names(held, { name: 'late', mode: file }));
      }
      return true;
    });
    const listing = await listOdd(t, await startOddServer({ ident: openSsh, answer }));
    assertComplete(listing);
    assert.deepEqual(namesOf(listing), ['late']);
  });

  for (const [ident, most] of [
    ['Odd_1.0', 1],
    [openSsh, 64],
  ] as const) {
    it(`has ${most} READDIR under way at most with ${ident}`, async (t) => {
      let underWay = 0;
      let seen = 0;
      let page = 0;
      const answer = pages([], (request) => {
        if (request.type !== requestType.readdir) return false;
        underWay += 1;
        seen = Math.max(seen, underWay);
        setTimeout(() => {
          underWay -= 1;
          page += 1;
          request.reply(
            page > 200 ? status(request, 'eof') : names(request, { name: `f${page}`, mode: file }),
          );
        }, 5);
        return true;
      });
      const listing = await listOdd(t, await startOddServer({ ident, answer }));
      assertComplete(listing);
      assert.equal(listing.entries.length, 200);
      assert.equal(seen, most);
    });
  }

  it('lists all directories on a server that permits four open handles', async (t) => {
    let open = 0;
    let refusals = 0;
    const pending = new Set<string>();
    const answer = pages([], (request) => {
      if (request.type === requestType.opendir) {
        if (open >= 4) {
          refusals += 1;
          request.reply(status(request, 'failure'));
        } else {
          open += 1;
          pending.add(request.text);
          request.reply(handle(request));
        }
      } else if (request.type === requestType.readdir) {
        const first = pending.delete(request.text);
        setTimeout(
          () => request.reply(first ? names(request, { name: 'a', mode: file }) : status(request, 'eof')),
          2,
        );
      } else if (request.type === requestType.close) {
        open -= 1;
        request.reply(status(request, 'ok'));
      } else request.reply(attrs(request, 0o040755));
      return true;
    });
    const session = await openSession(t, await startOddServer({ answer }));
    const paths = Array.from({ length: 60 }, (_, index) => `/d${index}`);
    for (const listing of (await listAll(session, paths)).values()) {
      assertComplete(listing);
      assert.deepEqual(namesOf(listing), ['a']);
    }
    assert.ok(refusals > 0);
    // Answered in order, so after it the last CLOSE has arrived.
    await session.ping(neverAborted());
    assert.equal(open, 0, 'every handle is closed');
  });

  it('answers a directory that stays refused once, partial, beside the others', async (t) => {
    const answer = pages([[{ name: 'a', mode: file }]], (request) => {
      if (request.type === requestType.opendir && request.text === '/bad')
        request.reply(status(request, 'failure'));
      else if (request.type === requestType.lstat) request.reply(attrs(request, 0o040755));
      else return false;
      return true;
    });
    const session = await openSession(t, await startOddServer({ answer }));
    const listings = await listAll(session, ['/bad', '/good']);
    const outcomes = Object.fromEntries([...listings].map(([path, listing]) => [path, partial(listing)]));
    assert.deepEqual(outcomes, { '/bad': 'refused', '/good': 'complete' });
  });

  it('keeps what came before a READDIR failed, as partial', async (t) => {
    for (const [code, reason] of [
      ['failure', 'refused'],
      ['permissionDenied', 'denied'],
    ] as const) {
      let reads = 0;
      const answer = pages([], (request) => {
        if (request.type !== requestType.readdir) return false;
        reads += 1;
        request.reply(reads === 1 ? names(request, { name: 'first', mode: file }) : status(request, code));
        return true;
      });
      const listing = await listOdd(t, await startOddServer({ answer }));
      assert.deepEqual([partial(listing), namesOf(listing)], [reason, ['first']]);
    }
  });

  it('ends the session over replies that make no sense', async (t) => {
    const replies = [
      (request: OddRequest) => packet(replyType.name, uint32(request.id), uint32(1_000)),
      (request: OddRequest) => packet(replyType.status, uint32(request.id + 1_000), uint32(1)),
      () => packet(77, uint32(1)),
      () => Buffer.from('a login script prints this\n'),
    ];
    for (const reply of replies) {
      const answer = pages([], (request) => {
        if (request.type !== requestType.readdir) return false;
        request.reply(reply(request));
        return true;
      });
      const session = await openSession(t, await startOddServer({ answer }));
      await assert.rejects(listOne(session, '/odd'), RemoteProtocol);
      await assert.rejects(session.ping(neverAborted()), RemoteProtocol);
      await session.close();
    }
  });

  it('speaks version 3 and no other', async (t) => {
    const server = await startOddServer({ version: 2 });
    t.after(() => server.close());
    await assert.rejects(
      new SftpRemote(server.config, { password: oddPassword }, new MemoryKnownHosts()).connect(
        neverAborted(),
      ),
      RemoteProtocol,
    );
  });

  it('gives a server up that falls silent, and says so', async (t) => {
    const answer = pages([], (request) => request.type === requestType.readdir);
    const server = await startOddServer({ answer, config: { responseTimeoutMs: 3_000 } });
    const session = await openSession(t, server);
    await assert.rejects(
      listOne(session, '/odd'),
      (error) => error instanceof RemoteUnavailable && error.reason === 'silent',
    );
    assert.deepEqual(await session.close(), { clean: false });
  });
});
