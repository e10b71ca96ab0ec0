import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  type Effort,
  perChangedDirectory,
  perPublishing,
  perScan,
  perTask,
  perTick,
} from '../../shared/cost/coefficients.ts';
import { firstScanEffort, plannedTasks, scanEffort, type WatchEstimate } from '../../shared/cost/estimate.ts';
import { Deployment, type Measured } from '../bench/cost/deployment.ts';
import { startSmallAws } from '../bench/cost/small-aws.ts';
import { allPurposes, readUnitsOf, requestsTo, sumOf, tasksOf, writeUnitsOf } from '../bench/cost/usage.ts';
import { type InProcessSftp, startInProcessSftp } from '../servers/in-process-sftp.ts';
import { dynamoLocalMissing } from '../state/dynamodb-local.ts';
import { type BuiltTree, buildTree } from '../tree-builder.ts';

const missing = dynamoLocalMissing();
const login = { username: 'user', password: 'word' };
const shape = { files: 600, directories: 410, seed: 7 };

/** Two watches of one tree: what the second takes beyond the first is what another task takes. */
const watches = { one: 10_000, two: 200 } as const;
type Name = keyof typeof watches;

suite('what the estimate says of scans is what they take', { skip: missing ?? false }, () => {
  let directory: string;
  let tree: BuiltTree;
  let server: InProcessSftp;
  let aws: Awaited<ReturnType<typeof startSmallAws>>;
  let deployment: Deployment;
  const scan = (name: Name) => deployment.measure(() => deployment.scan(`default/${name}`));

  const estimate = (name: Name): WatchEstimate => ({
    ...shape,
    pathBytes: tree.directories.reduce((sum, path) => sum + Buffer.byteLength(path), 0) / shape.directories,
    protocol: 'sftp',
    connections: 4,
    taskDirectories: watches[name],
    scansPerMonth: 1,
    changesPerScan: 0,
    roundTripMs: 0,
  });

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'farwatch-cost-tree-'));
    tree = buildTree(directory, shape);
    server = await startInProcessSftp({ directory, ...login });
    aws = await startSmallAws();
    const watch = (name: Name) => ({
      server: 'far',
      root: '/',
      every: '365d',
      scale: { taskDirectories: watches[name] },
    });
    deployment = await Deployment.start({
      endpoint: aws.endpoint,
      secrets: { far: login.password },
      scanners: 4,
      configuration: {
        servers: {
          far: {
            protocol: 'sftp',
            host: '127.0.0.1',
            port: server.port,
            username: login.username,
            auth: { password: 'secret:far' },
            hostKey: server.hostKey,
            connections: 4,
          },
        },
        watches: { one: watch('one'), two: watch('two') },
      },
    });
  });
  after(async () => {
    await deployment.stop();
    await aws.stop();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('first scans', async () => {
    const both = await scan('one'); // the first look of the planner begins them all
    const { readUnits, writeUnits } = firstScanEffort(shape);
    within(0.4, writeUnitsOf(both, 'changes') / 2, writeUnits, 'write units');
    assert.ok(readUnitsOf(both) / 2 < 2.5 * readUnits, `${readUnitsOf(both)} read units`);
  });

  test('a look of the planner', async () => {
    const look = await deployment.measure(() => deployment.tick());
    assert.equal(readUnitsOf(look), perTick.readUnits);
    assert.equal(writeUnitsOf(look, ...allPurposes), 0);
  });

  test('a warm scan of one task', async () => {
    const warm = await scan('one');
    assert.deepEqual([tasksOf(warm), plannedTasks(estimate('one'))], [1, 1]);
    like(warm, scanEffort(estimate('one')), 1);
    assert.equal(
      sumOf(toldOf(warm), ({ entries }) => entries),
      1,
    );
  });

  test('a warm scan of several tasks', async () => {
    const warm = await scan('two');
    assert.equal(plannedTasks(estimate('two')), 2);
    assert.ok(tasksOf(warm) >= 2, 'two are planned, and work is handed on to idle sessions');
    like(warm, scanEffort(estimate('one')), tasksOf(warm));
  });

  test('a scan with changes', async () => {
    // Each in a directory of its own.
    const byDirectory = new Map(tree.files.map((path) => [path.slice(0, path.lastIndexOf('/')), path]));
    const changed = [...byDirectory.values()].slice(0, 60);
    for (const path of changed) writeFileSync(join(directory, path), 'changed');
    const changing = await scan('one');
    const before = scanEffort(estimate('one'));
    const digests = before.readUnits - perScan.readUnits - perTask.readUnits;
    within(0.3, writeUnitsOf(changing, 'changes'), changed.length * perChangedDirectory.writeUnits, 'writes');
    const reads = before.readUnits + digests + changed.length * perChangedDirectory.readUnits;
    within(0.3, readsOf(changing, /^(planner|scanner)/) - perTick.readUnits, reads, 'reads');
    const runs = changing.invocations.filter((each) => each.function === 'publisher').length;
    within(0.6, readsOf(changing, /^publisher/), runs * perPublishing.readUnits, 'reads of the publisher');
    assert.equal(
      sumOf(toldOf(changing), ({ entries }) => entries),
      changed.length + 1,
    );
  });
});

function toldOf({ requests }: Measured) {
  return requests.filter(({ service }) => service === 'EventBridge');
}

function readsOf({ requests }: Measured, caller: RegExp): number {
  return readUnitsOf({ requests: requests.filter((each) => caller.test(each.caller)) });
}

/** The estimate for one task, and what more tasks take. The planner's look is the deployment's, not the scan's. */
function like(measured: Measured, { readUnits, writeUnits, fifoRequests }: Effort, tasks: number): void {
  const more = tasks - 1;
  const fifo = [...requestsTo('tasks.fifo', measured), ...requestsTo('wakes.fifo', measured)];
  const read = readUnitsOf(measured) - perTick.readUnits;
  within(0.15, read, readUnits + more * perTask.readUnits, 'read units');
  const written = writeUnitsOf(measured, ...allPurposes);
  within(0.15, written, writeUnits + more * perTask.writeUnits, 'write units');
  within(0.3, fifo.length, fifoRequests + more * perTask.fifoRequests, 'FIFO requests');
}

function within(tolerance: number, measured: number, said: number, what: string): void {
  const off = Math.abs(measured - said) / Math.max(measured, said);
  assert.ok(off <= tolerance, `${what}: measured ${measured}, said ${said}`);
}
