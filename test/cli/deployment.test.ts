import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { linesOf } from '../local/home.ts';
import { summary } from '../local/mirror.ts';
import { type DynamoLocal, dynamoLocalMissing, startDynamoLocal } from '../state/dynamodb-local.ts';
import { Deployed } from './deployed.ts';
import { scanInto } from './engine.ts';

const skip = dynamoLocalMissing() ?? false;

describe('commands on a deployment', { skip, concurrency: 2 }, () => {
  let dynamo: DynamoLocal;
  before(async () => {
    dynamo = await startDynamoLocal();
  });
  after(() => dynamo.stop());

  /** A deployment that watches a directory with three files, and its configuration. */
  async function watching(t: TestContext, watch: object = {}) {
    const deployed = await Deployed.start(t, dynamo);
    const root = deployed.home.directory('desk');
    // Of different sizes, so that every move is unique.
    for (const [index, name] of ['a', 'b', 'c.tmp'].entries()) {
      writeFileSync(join(root, name), name.repeat(index + 10));
    }
    const config = {
      servers: { disk: { protocol: 'local' } },
      watches: { desk: { server: 'disk', root, every: '1h', exclude: ['*.tmp'], ...watch } },
    };
    await scanInto(deployed.state, config);
    const { home, state, aws } = deployed;
    return { deployed, home, state, aws, root, config, scan: () => scanInto(deployed.state, config) };
  }

  it('status, snapshot and changes say what they say of one machine', async (t) => {
    const { deployed, home, root, config, scan } = await watching(t);
    home.configure({ ...config, outputs: [{ type: 'file', path: 'changes.ndjson' }] });
    await home.once();
    writeFileSync(join(root, 'd'), 'new');
    rmSync(join(root, 'a'));
    renameSync(join(root, 'b'), join(root, 'e'));
    await Promise.all([scan(), home.once()]);
    const here = {
      snapshot: await home.farwatch('snapshot', 'desk'),
      changes: await home.farwatch('changes', 'desk'),
      status: await home.farwatch('status'),
    };
    rmSync(home.path('farwatch.yaml')); // a deployment is known without
    const there = {
      snapshot: await deployed.farwatch('snapshot', 'desk'),
      changes: await deployed.farwatch('changes', 'desk'),
      status: await deployed.farwatch('status'),
    };
    for (const ended of Object.values(there)) assert.equal(ended.code, 0, ended.stderr);
    assert.equal(there.snapshot.stdout, here.snapshot.stdout);
    assert.equal(linesOf(there.snapshot.stdout).length, 2);
    assert.deepEqual(summary(there.changes.changes), summary(here.changes.changes));
    assert.equal(there.changes.changes.length, 3);
    assert.equal(timeless(there.status.stdout), timeless(here.status.stdout));
    const [first] = there.changes.changes;
    const rest = await deployed.farwatch('changes', 'desk', '--since', first?.id ?? '');
    assert.deepEqual(rest.changes, there.changes.changes.slice(1));
    assert.match(rest.stderr, /^cursor: \S+$/m);
  });

  it('scan calls the planner once the watch is due', async (t) => {
    const { deployed, state, aws } = await watching(t);
    assert.deepEqual(await state.due(Date.now(), 10), []);
    const { code, stderr } = await deployed.farwatch('scan', 'desk');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^scan: desk: the planner begins/);
    assert.deepEqual(aws.calls, [{ name: 'Farwatch-planner', type: 'Event', payload: '{}' }]);
    assert.deepEqual(await state.due(Date.now(), 10), ['default/desk']);
  });

  it('pause only writes, scan waits for resume, and resume calls the planner', async (t) => {
    const { deployed, state, aws } = await watching(t);
    assert.equal((await deployed.farwatch('pause', 'desk')).code, 0);
    assert.match((await deployed.farwatch('status')).stdout, /\(paused\)/);
    assert.match((await deployed.farwatch('scan', 'desk')).stderr, /paused/);
    assert.deepEqual(aws.calls, []);
    const { code, stderr } = await deployed.farwatch('resume', 'desk');
    assert.equal(code, 0, stderr);
    assert.equal(aws.calls.length, 1);
    assert.deepEqual(await state.due(Date.now(), 10), ['default/desk']);
  });

  it('approve and reject answer held deletions', async (t) => {
    const { deployed, state, aws, root, scan } = await watching(t, {
      deletes: { minCount: 1, maxPercent: 1 },
    });
    assert.equal((await deployed.farwatch('approve', 'desk')).code, 2);
    rmSync(join(root, 'a'));
    await scan();
    const held = await deployed.farwatch('status');
    assert.equal(held.code, 1);
    assert.match(held.stdout, /1 deletions .* are held/);
    const approved = await deployed.farwatch('approve', 'desk');
    assert.equal(approved.code, 0, approved.stderr);
    assert.match(approved.stderr, /approved: 1 deletions, set \w+\n {2}a\n/);
    assert.equal((await state.watch('default/desk'))?.hold?.decision, 'approved');
    assert.equal(aws.calls.length, 1);
    await scan();
    assert.deepEqual(summary((await deployed.farwatch('changes', 'desk')).changes), [
      `deleted file ${root}/a`,
    ]);
    rmSync(join(root, 'b'));
    await scan();
    assert.equal((await deployed.farwatch('reject', 'desk')).code, 0);
    assert.equal((await state.watch('default/desk'))?.hold, null);
    assert.equal(aws.calls.length, 1, 'a rejection leaves nothing to be scanned');
  });

  it('an order stands where the planner may not be called', async (t) => {
    const { deployed, state, aws } = await watching(t);
    aws.denyCalls();
    const { code, stderr } = await deployed.farwatch('scan', 'desk');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /within a minute .*lambda:InvokeFunction/);
    assert.deepEqual(await state.due(Date.now(), 10), ['default/desk']);
  });

  it('a refused login is shown', async (t) => {
    const { deployed, state } = await watching(t);
    const record = { failures: 1, retryAt: 0, error: 'RemoteAuth', message: 'go away', credentials: 'x' };
    await state.setServer('local:disk', record);
    const { code, stdout } = await deployed.farwatch('status');
    assert.equal(code, 1);
    assert.match(stdout, /login refused: go away/);
  });

  it('a watch is found by its name, or by tenant and name', async (t) => {
    const deployed = await Deployed.start(t, dynamo);
    const none = await deployed.farwatch('changes', 'desk');
    assert.equal(none.code, 2);
    assert.match(none.stderr, /enrols/);
    const root = deployed.home.directory('desk');
    const tree = (tenant: string) => ({
      key: `${tenant}/desk` as const,
      was: null,
      server: 'disk',
      root,
      identity: JSON.stringify(['local', root]),
      initial: 'baseline' as const,
    });
    for (const tenant of ['acme', 'globex', 'gone']) await deployed.state.enroll(tree(tenant), Date.now());
    await deployed.state.retire(['acme/desk', 'globex/desk']);
    const several = await deployed.farwatch('pause', 'desk');
    assert.equal(several.code, 2);
    assert.match(several.stderr, /several tenants .*\n.*acme\/desk, globex\/desk/);
    const unknown = await deployed.farwatch('pause', 'tray');
    assert.match(unknown.stderr, /no watch "tray"\n.*It has: acme\/desk, globex\/desk\./);
    assert.equal((await deployed.farwatch('pause', 'globex/desk')).code, 0);
    assert.equal((await deployed.state.watch('globex/desk'))?.paused, true);
    assert.equal((await deployed.state.watch('acme/desk'))?.paused, false);
    assert.equal((await deployed.farwatch('snapshot', 'gone/desk')).code, 0);
    const gone = await deployed.farwatch('scan', 'gone/desk');
    assert.equal(gone.code, 2);
    assert.match(gone.stderr, /no more/);
    deployed.home.configure({
      servers: { disk: { protocol: 'local' } },
      watches: { desk: { server: 'disk', root, tenant: 'acme' } },
    });
    assert.equal((await deployed.farwatch('pause', 'desk', '--config', 'farwatch.yaml')).code, 0);
    assert.equal((await deployed.state.watch('acme/desk'))?.paused, true);
  });
});

/** Times, durations and epochs differ between two scans of the same. */
function timeless(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME').replace(/[\d.]+ s$/gm, 'SECONDS');
}
