import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RemoteUnavailable } from '../../../shared/failure.ts';
import { openRemote } from '../../../shared/remote/open.ts';
import type { Remote } from '../../../shared/remote/remote.ts';
import { listAll, listComplete, namesOf, neverAborted, withSession } from '../../remote/fixture.ts';
import { MemoryKnownHosts } from '../../remote/server-fixture.ts';
import { skipReason } from '../server-kinds.ts';
import { type ContainerOptions, type ContainerServer, containerKinds } from './container-server.ts';
import { serverForTests, startContainer } from './containers.ts';
import { enginesMissing, imageOf, ownerLabel } from './engine.ts';
import { type Limits, parsedConfig } from './parsed-config.ts';
import { processMissing, startProcess } from './process-server.ts';

const knownHosts = new MemoryKnownHosts();
/** An image that is missing is built first. */
const patience = { timeout: 600_000 };

function remoteOf(server: ContainerServer, limits: Partial<Limits> = {}): Promise<Remote> {
  const config = parsedConfig(server, limits);
  return openRemote(config, async ({ value }) => value, knownHosts);
}

async function namesAt(
  server: ContainerServer,
  directory: string,
  limits: Partial<Limits> = {},
): Promise<readonly string[]> {
  const path = directory === '' ? server.root : `${server.root}/${directory}`;
  return withSession(await remoteOf(server, limits), async (session) =>
    namesOf(await listComplete(session, path)),
  );
}

/** What every server must do, in a container or not. */
function serverCases(start: (options: ContainerOptions) => Promise<ContainerServer>): void {
  let running: ContainerServer | undefined;
  const server = (): ContainerServer => {
    assert.ok(running, 'it did not start');
    return running;
  };
  before(async () => {
    running = await start({});
  }, patience);
  after(() => running?.stop());

  it('shows the tree exactly', async () => {
    const modifiedAt = new Date('2024-03-04T05:06:07Z');
    await server().write('exact/report 1.csv', 'twelve bytes', modifiedAt);
    await server().mkdir('exact/empty');
    const paths = await server().many({ below: 'exact/many', directories: 3, files: 100, modifiedAt });
    const directories = ['', '/empty', '/many', '/many/d000', '/many/d001', '/many/d002'];
    const wanted = directories.map((directory) => `${server().root}/exact${directory}`);
    await withSession(await remoteOf(server()), async (session) => {
      const listings = await listAll(session, wanted);
      for (const [path, { status }] of listings) assert.equal(status, 'complete', path);
      const listed = wanted.flatMap((path) =>
        [...(listings.get(path)?.entries ?? [])]
          .filter(({ kind }) => kind === 'file')
          .map(({ name }) => `${path.slice(server().root.length + 1)}/${name}`),
      );
      assert.deepEqual(listed.sort(), ['exact/report 1.csv', ...paths].sort());
      const report = listings.get(`${server().root}/exact`)?.entries.find(({ kind }) => kind === 'file');
      assert.equal(report?.size, 12);
      // LIST says the day alone where a file is older than half a year.
      const exact = session.capabilities.exactTimes;
      assert.equal(report?.modifiedAt, exact ? modifiedAt.getTime() : Date.parse('2024-03-04T00:00:00Z'));
    });
  });

  it('shows an edit to a session that is open', async () => {
    await server().write('edited/a', 'a');
    const path = `${server().root}/edited`;
    await withSession(await remoteOf(server()), async (session) => {
      assert.deepEqual(namesOf(await listComplete(session, path)), ['a']);
      await server().write('edited/b', 'longer', new Date('2024-01-01T00:00:00Z'));
      await server().rename('edited/a', 'edited/c');
      assert.deepEqual(namesOf(await listComplete(session, path)), ['b', 'c']);
      await server().remove('edited/c');
      const [entry, ...others] = (await listComplete(session, path)).entries;
      assert.deepEqual(others, []);
      assert.deepEqual([entry?.name, entry?.size], ['b', 6]);
    });
  });

  it('is silent while it is paused, and answers again', async () => {
    await server().write('paused/a', 'a');
    const responseTimeoutMs = 3_000;
    const session = await (await remoteOf(server(), { responseTimeoutMs })).connect(neverAborted());
    await listComplete(session, `${server().root}/paused`);
    await server().pause();
    const asked = performance.now();
    await assert.rejects(listComplete(session, `${server().root}/paused`), silent);
    const waited = performance.now() - asked;
    assert.ok(waited >= responseTimeoutMs - 50 && waited < responseTimeoutMs + 20_000, `${waited} ms`);
    await session.close();
    await server().unpause();
    assert.deepEqual(await namesAt(server(), 'paused'), ['a']);
  });

  it('is cut off the network, and comes back at the same address', async () => {
    await server().write('cut/a', 'a');
    await server().disconnect();
    await assert.rejects(namesAt(server(), 'cut', { connectTimeoutMs: 10_000 }), RemoteUnavailable);
    await server().reconnect();
    assert.deepEqual(await namesAt(server(), 'cut'), ['a']);
  });

  it('leaves nothing behind', async () => {
    await server().pause();
    await server().stop();
    assert.equal(existsSync(server().localRoot), false);
    await assert.rejects(namesAt(server(), ''), RemoteUnavailable);
  });
}

function silent(error: unknown): boolean {
  assert.ok(error instanceof RemoteUnavailable, String(error));
  assert.equal(error.reason, 'silent');
  return true;
}

const skip = skipReason({ name: 'servers in containers', available: enginesMissing });

for (const kind of containerKinds) {
  describe(`${kind} in a container`, { ...patience, skip }, () => {
    serverCases((options) => startContainer(kind, options));
  });
  describe(`${kind} as a process, with a container's ways`, {
    ...patience,
    skip: processMissing(kind),
  }, () => {
    serverCases((options) => startProcess(kind, options));
  });
}

describe('containers', { ...patience, skip }, () => {
  for (const kind of containerKinds.filter((each) => each !== 'openssh')) {
    it(`${kind} takes explicit TLS, with a certificate that is verified`, async (t) => {
      const server = await startContainer(kind, { tls: true });
      t.after(() => server.stop());
      assert.equal(server.protocol, 'ftps');
      await server.write('a', 'a');
      assert.deepEqual(await namesAt(server, ''), ['a']);
    });
  }

  it('keep to their number of sessions', async (t) => {
    const server = await startContainer('proftpd', { connections: 1 });
    t.after(() => server.stop());
    const remote = await remoteOf(server);
    await withSession(remote, async () => {
      await assert.rejects(remote.connect(neverAborted()), (error) => {
        return error instanceof RemoteUnavailable && error.reason === 'busy';
      });
    });
  });

  it('show the times of their zone', async (t) => {
    const server = await startContainer('vsftpd', { timezone: 'Asia/Kolkata' });
    t.after(() => server.stop());
    const yesterday = new Date(Math.floor(Date.now() / 60_000 - 24 * 60) * 60_000);
    await server.write('a', 'a', yesterday);
    await withSession(await remoteOf(server), async (session) => {
      const [entry] = (await listComplete(session, server.root)).entries;
      assert.equal(entry?.modifiedAt, yesterday.getTime());
    });
  });

  it('die with their test', async (t) => {
    const { pid, localRoot, end } = await startedElsewhere();
    t.after(end);
    assert.equal(ownedBy(pid).length, 1);
    end();
    while (existsSync(localRoot)) await sleep(50);
    assert.deepEqual(ownedBy(pid), []);
  });

  it('are swept away by the next test where even their watchdogs died', async (t) => {
    const nobody = 2 ** 22 + 1;
    const labels = ['--label', `${ownerLabel}=${hostname()}:${nobody}`];
    docker('run', '--detach', ...labels, await imageOf('openssh'));
    assert.equal(ownedBy(nobody).length, 1);
    const { end } = await startedElsewhere();
    t.after(end);
    assert.deepEqual(ownedBy(nobody), []);
  });
});

it('suites are given a container where an engine runs', { ...patience, skip }, async (t) => {
  const choice = serverForTests('openssh');
  assert.ok(choice.missing === undefined);
  const server = await choice.start();
  t.after(() => server.stop());
  assert.equal(server.runsAs, 'container');
});

/** A server of a process of its own; `end` kills that without a chance to clean up. */
async function startedElsewhere(): Promise<{ pid: number; localRoot: string; end: () => void }> {
  const script = `
    import { startContainer } from ${JSON.stringify(new URL('containers.ts', import.meta.url).href)};
    const server = await startContainer('openssh');
    console.log(JSON.stringify([process.pid, server.localRoot]));
    setInterval(() => undefined, 1000);`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', script];
  const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await Promise.race([once(owner.stdout, 'data'), once(owner, 'exit')]);
  const [pid, localRoot] = z.tuple([z.number(), z.string()]).parse(JSON.parse(String(line)));
  return { pid, localRoot, end: () => owner.kill('SIGKILL') };
}

function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8' });
}

function ownedBy(pid: number): readonly string[] {
  const filter = `label=${ownerLabel}=${hostname()}:${pid}`;
  return docker('ps', '--all', '--quiet', '--filter', filter).split('\n').filter(Boolean);
}
