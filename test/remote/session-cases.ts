import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteAuth, RemoteUnavailable } from '../../shared/failure.ts';
import type { ListRequest } from '../../shared/remote/remote.ts';
import {
  assertComplete,
  type Fixture,
  listComplete,
  namesOf,
  neverAborted,
  scratch,
  withSession,
  writeFiles,
} from './fixture.ts';

/** How sessions begin and end. The time-outs are against hanging, not assertions of speed. */
export function sessionCases(fixture: () => Fixture): void {
  describe('sessions', { timeout: 300_000 }, () => {
    it('says what the server is', async () => {
      await withSession(fixture().remote, async ({ capabilities }) => {
        assert.match(capabilities.software, /^[^\r\n]+$/);
        assert.ok(capabilities.inFlight >= 1);
        assert.equal(capabilities.exactTimes, fixture().features.exactTimes);
      });
    });

    it('answers a ping', async () => {
      await withSession(fixture().remote, (session) => session.ping(neverAborted()));
    });

    it('closes cleanly, more than once, also with listings under way', async (t) => {
      const { remote } = await scratch(fixture());
      // However long a busy server takes to say goodbye.
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const idle = await fixture().remote.connect(neverAborted());
      assert.deepEqual(await idle.close(), { clean: true });
      await idle.close();
      t.mock.timers.reset();
      await assert.rejects(idle.ping(neverAborted()), RemoteUnavailable);
      await assert.rejects(listComplete(idle, remote), RemoteUnavailable);

      const busy = await fixture().remote.connect(neverAborted());
      const listings = busy.list(repeat(remote), neverAborted());
      await listings.next();
      await listings.return();
      await busy.close();
    });

    it('does not connect once aborted', async () => {
      const reason = new Error('too late');
      await assert.rejects(fixture().remote.connect(AbortSignal.abort(reason)), (error) => error === reason);
    });

    it('throws RemoteUnavailable when the server ends the session, without a listing cut short', async (t) => {
      const { killSessions, remote } = fixture();
      if (killSessions === undefined) {
        t.skip('this remote has no sessions that a server could end');
        return;
      }
      const place = await scratch(fixture());
      const names = Array.from({ length: 500 }, (_, index) => `f${String(index).padStart(3, '0')}`);
      await mkdir(join(place.local, 'full'));
      await writeFiles(join(place.local, 'full'), names);
      const session = await remote.connect(neverAborted());
      let answered = 0;
      const walk = async (): Promise<void> => {
        for await (const listing of session.list(repeat(`${place.remote}/full`), neverAborted())) {
          answered += 1;
          if (answered === 5) await killSessions();
          if (listing.status === 'partial') continue;
          assertComplete(listing);
          assert.deepEqual(namesOf(listing), names);
        }
      };
      await assert.rejects(walk(), RemoteUnavailable);
      assert.ok(answered >= 5);
      await assert.rejects(session.ping(neverAborted()), RemoteUnavailable);
      await session.close();
      const again = await withSession(remote, (s) => listComplete(s, `${place.remote}/full`));
      assert.deepEqual(namesOf(again), names);
    });

    it('notices at the next use that the server ended an idle session', async (t) => {
      const { killSessions, remote } = fixture();
      if (killSessions === undefined) {
        t.skip('this remote has no sessions that a server could end');
        return;
      }
      const session = await remote.connect(neverAborted());
      await session.ping(neverAborted());
      await killSessions();
      // A server that is told by a signal takes a moment; a session that is never found dead runs into the time-out.
      const pingOn = async (): Promise<void> => {
        for (;;) {
          await session.ping(neverAborted());
          await sleep(10);
        }
      };
      await assert.rejects(pingOn(), RemoteUnavailable);
      await assert.rejects(listComplete(session, fixture().root), RemoteUnavailable);
      await session.close();
    });

    it('throws RemoteAuth for a wrong password', async (t) => {
      const { wrongLogin } = fixture();
      if (wrongLogin === undefined) {
        t.skip('this remote has no login');
        return;
      }
      await assert.rejects(wrongLogin.connect(neverAborted()), (error) => {
        assert.ok(error instanceof RemoteAuth, String(error));
        assert.equal(error.reason, 'login');
        assert.ok(error.advice);
        return true;
      });
    });

    it('throws RemoteUnavailable for a port where nobody listens', async (t) => {
      const { deadPort } = fixture();
      if (deadPort === undefined) {
        t.skip('this remote has no port');
        return;
      }
      await assert.rejects(deadPort.connect(neverAborted()), (error) => {
        assert.ok(error instanceof RemoteUnavailable, String(error));
        assert.equal(error.reason, 'refused');
        assert.ok(error.advice);
        return true;
      });
    });

    it('keeps two sessions apart', async () => {
      const { local, remote } = await scratch(fixture());
      await writeFiles(local, ['a']);
      await withSession(fixture().remote, (first) =>
        withSession(fixture().remote, async (second) => {
          const listings = await Promise.all([listComplete(first, remote), listComplete(second, remote)]);
          for (const listing of listings) assertComplete(listing);
          await first.close();
          assert.deepEqual(namesOf(await listComplete(second, remote)), ['a']);
        }),
      );
    });
  });
}

async function* repeat(path: string): AsyncGenerator<ListRequest, void, void> {
  for (;;) yield { path };
}
