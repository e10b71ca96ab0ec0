import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Change } from '../../shared/changes/change.ts';
import type { WatchKey } from '../../shared/state/state.ts';
import { Mirror, sizes, summary, treeOnDisk } from '../local/mirror.ts';
import type { ContainerServer } from '../servers/containers/container-server.ts';
import { containerKinds } from '../servers/containers/container-server.ts';
import { serverForTests } from '../servers/containers/containers.ts';
import { changesIn, eventually, type QueueReader, ruleTarget } from './consumer.ts';
import { Deployed, serverEntry } from './deployed.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const skip = localStackMissing() ?? false;

/** Servers by the names of the configuration: one of each kind, and two that get hurt. */
const kinds = {
  openssh: 'openssh',
  vsftpd: 'vsftpd',
  proftpd: 'proftpd',
  'pure-ftpd': 'pure-ftpd',
  frail: 'openssh',
  doomed: 'openssh',
} as const;
type Name = keyof typeof kinds;

const names: readonly Name[] = ['openssh', 'vsftpd', 'proftpd', 'pure-ftpd', 'frail', 'doomed'];
const longAgo = new Date('2026-01-02T03:04:05Z');
const idle = { every: '365d' };
/** The scanner's time-out is at least 20 s, so a killed one's message comes back after two minutes. */
const brief = { taskBudget: '5s' };

suite('the deployed stack', { skip, timeout: 540_000 }, () => {
  const servers = new Map<Name, ContainerServer>();
  let localstack: LocalStack;
  let deployed: Deployed;
  let everything: QueueReader;
  let acme: QueueReader;
  let killed: Promise<void> | undefined;
  let current: Awaited<ReturnType<typeof config>>;

  const server = (name: Name): ContainerServer => {
    const found = servers.get(name);
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  };

  async function config() {
    const entries: [string, object][] = [];
    for (const name of names) {
      const limits = {
        connections: name === 'openssh' ? 3 : 1,
        ...(name === 'frail' ? { connectTimeout: '3s', responseTimeout: '3s', idleTimeout: '1s' } : {}),
        ...(name === 'doomed' ? { responseTimeout: '60s', idleTimeout: '1s' } : {}),
      };
      entries.push([name, await serverEntry(localstack, name, server(name), limits)]);
    }
    const root = (name: Name, below: string) => `${server(name).root}/${below}`;
    const watch = (name: Name, below: string, more: object = {}) => ({
      server: name,
      root: root(name, below),
      ...idle,
      scale: brief,
      ...more,
    });
    return {
      servers: Object.fromEntries(entries),
      watches: {
        ...Object.fromEntries(containerKinds.map((kind) => [`edits-${kind}`, watch(kind, 'edits')])),
        big: watch('openssh', 'big', {
          scale: { ...brief, inFlight: 2, taskDirectories: 5, workflowFrom: 20 },
          deletes: { maxPercent: 100 },
        }),
        mass: watch('openssh', 'mass', { deletes: { maxPercent: 20, minCount: 5 } }),
        'acme-in': watch('openssh', 'shared', { tenant: 'acme' }),
        'globex-in': watch('openssh', 'shared', { tenant: 'globex', include: ['**/*.csv'] }),
        ticked: watch('openssh', 'ticked', { every: '1m' }),
        frail: watch('frail', 'in'),
        doomed: watch('doomed', 'in'),
      },
    };
  }

  before(async () => {
    const started = names.map(async (name) => {
      const choice = serverForTests(kinds[name]);
      if (choice.missing !== undefined) throw new Error(choice.missing);
      servers.set(name, await choice.start());
    });
    const [running] = await Promise.all([startLocalStack(), ...started]);
    localstack = running;
    for (const kind of containerKinds) {
      await server(kind).write('edits/deep/kept.csv', 'kept', longAgo);
      await server(kind).write('edits/old.csv', 'old', longAgo);
      await server(kind).write('edits/gone.csv', 'gone', longAgo);
      await server(kind).write('edits/here.csv', 'moved about', new Date('2026-02-03T04:05:06Z'));
    }
    await server('openssh').many({ below: 'big', directories: 45, files: 3, modifiedAt: longAgo });
    // Only what looks like nothing else is taken for a move.
    for (const size of [1_001, 1_002, 1_003]) {
      await server('openssh').write(`big/unlike/${size}`, Buffer.alloc(size), longAgo);
    }
    await server('openssh').many({ below: 'mass', files: 20, modifiedAt: longAgo });
    await server('openssh').write('shared/a.csv', 'a', longAgo);
    await server('openssh').mkdir('ticked');
    await server('frail').many({ below: 'in', directories: 10, files: 2, modifiedAt: longAgo });
    await server('doomed').many({ below: 'in', directories: 3, files: 2, modifiedAt: longAgo });
    current = await config();
    deployed = await Deployed.deploy(localstack, current);
    const bus = deployed.outputs.BusName;
    everything = await ruleTarget(localstack, deployed.sqs, bus, 'everything', { source: ['farwatch'] });
    acme = await ruleTarget(localstack, deployed.sqs, bus, 'acme', {
      source: ['farwatch'],
      'detail-type': ['File Created'],
      detail: { tenant: ['acme'] },
    });
    await deployed.plan();
  });

  after(async () => {
    if (process.env['FARWATCH_TEST_LOCALSTACK_LOGS'] === '1') process.stderr.write(localstack.logs());
    deployed?.close();
    await localstack?.stop();
    await Promise.all([...servers.values()].map((each) => each.stop()));
  });

  const key = (watch: string): WatchKey =>
    watch === 'acme-in' ? 'acme/acme-in' : watch === 'globex-in' ? 'globex/globex-in' : `default/${watch}`;

  /** Changes of the scans from here on, as the rule's queue and as the changes queue have them. */
  async function published(watch: string, from: number, count: number) {
    const since = (changes: readonly Change[]) =>
      changes.filter((change) => change.watch === watch && change.scan >= from);
    return eventually(`${count} changes of ${watch} on bus and queue`, async () => {
      const bus = since(changesIn(await everything.events()));
      const queue = since(await deployed.changes.changes(watch));
      return bus.length >= count && queue.length >= count && { bus, queue };
    });
  }

  async function noticed(type: string, watch: string) {
    return eventually(`${type} of ${watch}`, async () =>
      (await everything.events()).find(
        (event) => event['detail-type'] === type && event.detail.watch === watch,
      ),
    );
  }

  test('the first scan of every watch is complete and silent', async () => {
    for (const watch of [
      ...containerKinds.map((kind) => `edits-${kind}`),
      'mass',
      'frail',
      'doomed',
      'acme-in',
    ]) {
      const { status, failure, partials } = await deployed.ended(key(watch), 1);
      assert.equal(status, 'complete', JSON.stringify({ watch, failure, partials }));
    }
    const baseline = await deployed.ended(key('big'), 1);
    assert.equal(baseline.counts.directories, 47);
    assert.equal(baseline.counts.files, 138);
    const types = (await everything.events()).map((event) => event['detail-type']);
    assert.deepEqual(new Set(types), new Set(['Scan Completed']));
    assert.deepEqual(await deployed.changes.read(), []);
  });

  test('a large scan is split, and its end is a workflow that ran once', async () => {
    const client = new SFNClient(localstack.clientConfig);
    const stateMachineArn = deployed.outputs.WorkflowArn;
    const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn }));
    const ofBig = executions.filter(({ name = '' }) => name.startsWith('big-'));
    assert.equal(ofBig.length, 1);
    const [{ executionArn = '' } = {}] = ofBig;
    const { status, input = '' } = await client.send(new DescribeExecutionCommand({ executionArn }));
    assert.equal(status, 'SUCCEEDED');
    assert.match(input, /"scan":1/);
    client.destroy();
  });

  test('a scanner is killed in the middle', async () => {
    await server('doomed').write('in/d000/new.csv', 'new');
    await server('doomed').pause();
    const scan = await deployed.begin(key('doomed'));
    const pids = await eventually('a scanner at work', async () => {
      const found = localstack.pids(deployed.outputs.ScannerFunctionName);
      return found.length > 0 && found;
    });
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await server('doomed').unpause();
    // Its message comes back after the visibility time-out: meanwhile the other tests go on.
    killed = deployed.ended(key('doomed'), scan, 300_000).then(({ status, failure }) => {
      assert.equal(status, 'complete', JSON.stringify(failure));
    });
    killed.catch(() => undefined);
  });

  test('a poisoned message is sent', async () => {
    await deployed.sqs.send(
      new SendMessageCommand({
        QueueUrl: deployed.outputs.TasksQueueUrl,
        MessageBody: '{"no":"task"}',
        MessageGroupId: 'poison',
        MessageDeduplicationId: 'poison',
      }),
    );
  });

  for (const kind of containerKinds) {
    test(`create, modify, delete and move arrive on bus and queue: ${kind}`, async () => {
      const watch = `edits-${kind}`;
      const home = server(kind);
      const before = treeOnDisk(`${home.localRoot}/edits`, `${home.root}/edits`);
      await home.write('edits/new dir/näw.csv', 'fresh');
      await home.write('edits/old.csv', 'longer than before');
      await home.remove('edits/gone.csv');
      await home.rename('edits/here.csv', 'edits/deep/there.csv');
      const from = await deployed.begin(key(watch));
      assert.equal((await deployed.ended(key(watch), from)).status, 'complete');
      const { bus, queue } = await published(watch, from, 5);
      const at = (path: string) => `${home.root}/edits/${path}`;
      const expected = [
        `created directory ${at('new dir')}`,
        `created file ${at('new dir/näw.csv')}`,
        `deleted file ${at('gone.csv')}`,
        `modified file ${at('old.csv')}`,
        `moved file ${at('here.csv')} -> ${at('deep/there.csv')}`,
      ].sort();
      for (const changes of [bus, queue]) {
        assert.deepEqual(summary(changes), expected);
        const mirror = new Mirror(before).apply(changes);
        assert.deepEqual(
          sizes(mirror.tree),
          sizes(treeOnDisk(`${home.localRoot}/edits`, `${home.root}/edits`)),
        );
      }
      const ids = (changes: readonly Change[]) => changes.map(({ id }) => id).sort();
      assert.deepEqual(ids(bus), ids(queue), 'one identity on all channels');
    });
  }

  test('two tenants with the same paths see only their own', async () => {
    await server('openssh').write('shared/b.csv', 'b');
    await server('openssh').write('shared/b.txt', 'b');
    const from = await deployed.begin(key('acme-in'));
    const other = await deployed.begin(key('globex-in'));
    await deployed.ended(key('acme-in'), from);
    await deployed.ended(key('globex-in'), other);
    const mine = await published('acme-in', from, 2);
    const theirs = await published('globex-in', other, 1);
    assert.deepEqual(new Set(mine.bus.map(({ tenant }) => tenant)), new Set(['acme']));
    assert.deepEqual(
      theirs.bus.map(({ tenant, path }) => [tenant, path]),
      [['globex', `${server('openssh').root}/shared/b.csv`]],
    );
    assert.equal(new Set([...mine.bus, ...theirs.bus].map(({ id }) => id)).size, 3);
    const filtered = await eventually('both files on the rule of one tenant', async () => {
      const events = await acme.events();
      return events.length >= 2 && events;
    });
    assert.deepEqual(new Set(filtered.map(({ detail }) => detail.tenant)), new Set(['acme']));
  });

  test('task messages that are doubled, late or of scans long over do no harm', async () => {
    const watch = 'edits-openssh';
    const send = (scan: number, task: string, group: string) =>
      deployed.sqs.send(
        new SendMessageCommand({
          QueueUrl: deployed.outputs.TasksQueueUrl,
          MessageBody: JSON.stringify({ tenant: 'default', watch, scan, task }),
          MessageGroupId: group,
          MessageDeduplicationId: `${scan}-${task}-${group}-${Math.random()}`,
        }),
      );
    await server('openssh').write('edits/once.csv', 'once');
    const { scan: last } = await deployed.record(key(watch));
    await send(last, '0000001', 'late');
    const scan = await deployed.begin(key(watch));
    // Side by side with the real one: the attempt that claims last is the one that may write (protocol rule 1).
    for (const group of ['a', 'b', 'c']) await send(scan, '0000001', group);
    assert.equal((await deployed.ended(key(watch), scan)).status, 'complete');
    const { bus } = await published(watch, scan, 1);
    assert.equal(new Set(bus.map(({ id }) => id)).size, 1);
    assert.deepEqual(summary(bus).at(0), `created file ${server('openssh').root}/edits/once.csv`);
    const next = await deployed.scan(key(watch));
    assert.deepEqual([next.status, next.counts.changes], ['complete', 0]);
  });

  test('a large tree that changes: held changes are judged by the workflow', async () => {
    const home = server('openssh');
    const before = treeOnDisk(`${home.localRoot}/big`, `${home.root}/big`);
    for (let index = 10; index < 20; index += 1) await home.remove(`big/d0${index}`);
    await home.rename('big/unlike', 'big/renamed');
    await home.write('big/d001/added', 'added');
    const from = await deployed.begin(key('big'));
    const { status, counts } = await deployed.ended(key('big'), from);
    assert.equal(status, 'complete');
    const { bus, queue } = await published('big', from, counts.changes);
    for (const changes of [bus, queue]) {
      const mirror = new Mirror(before).apply(changes);
      assert.deepEqual(sizes(mirror.tree), sizes(treeOnDisk(`${home.localRoot}/big`, `${home.root}/big`)));
    }
    assert.equal(bus.filter(({ type }) => type === 'moved').length, 3);
  });

  test('a mass deletion is held until it is approved', async () => {
    const home = server('openssh');
    for (let index = 0; index < 10; index += 1) await home.remove(`mass/f000${index}`);
    const from = await deployed.begin(key('mass'));
    assert.equal((await deployed.ended(key('mass'), from)).counts.changes, 0);
    await noticed('Watch Suspended', 'mass');
    const { hold } = await deployed.record(key('mass'));
    assert.equal(hold?.count, 10);
    await deployed.state.decideHold(key('mass'), hold.digest, 'approved');
    const approved = await deployed.begin(key('mass'));
    await deployed.ended(key('mass'), approved);
    const { bus } = await published('mass', from, 10);
    assert.deepEqual(
      new Set(bus.map(({ type, scan }) => `${type} ${scan}`)),
      new Set([`deleted ${approved}`]),
    );
    await noticed('Watch Resumed', 'mass');
  });

  test('pause and resume', async () => {
    await deployed.state.setPaused(key('mass'), true);
    const { scan } = await deployed.record(key('mass'));
    await deployed.state.setNextDue(key('mass'), 0);
    await deployed.plan();
    assert.equal((await deployed.record(key('mass'))).scan, scan);
    await deployed.state.setPaused(key('mass'), false);
    assert.equal(await deployed.begin(key('mass')), scan + 1);
    await deployed.ended(key('mass'), scan + 1);
  });

  test('a server that falls silent in mid-listing, and one that cannot be reached', async () => {
    const home = server('frail');
    await home.remove('in/d000');
    await home.pause();
    const silent = await deployed.begin(key('frail'));
    const first = await deployed.ended(key('frail'), silent, 120_000);
    assert.deepEqual([first.status, first.failure?.error], ['incomplete', 'RemoteUnavailable']);
    await home.unpause();
    await home.disconnect();
    const away = await deployed.begin(key('frail'));
    const second = await deployed.ended(key('frail'), away, 120_000);
    assert.deepEqual([second.status, second.failure?.error], ['incomplete', 'RemoteUnavailable']);
    await noticed('Server Unreachable', 'frail');
    await home.reconnect();
    const back = await deployed.begin(key('frail'));
    assert.equal((await deployed.ended(key('frail'), back, 120_000)).status, 'complete');
    const { bus } = await published('frail', silent, 3);
    assert.deepEqual(new Set(bus.map(({ type, scan }) => `${type} ${scan}`)), new Set([`deleted ${back}`]));
  });

  test("the schedule's own tick begins what is due", async () => {
    const { scan } = await deployed.record(key('ticked'));
    await eventually(
      'a scan that nobody asked for',
      async () => (await deployed.record(key('ticked'))).scan > scan,
      130_000,
    );
  });

  test('the poisoned message has reached the dead letters, and the metric of their alarm moves', async () => {
    const QueueUrl = deployed.outputs.TasksDeadLetterQueueUrl;
    await eventually(
      'the message among the dead letters',
      async () => {
        const AttributeNames = ['ApproximateNumberOfMessages' as const];
        const { Attributes } = await deployed.sqs.send(
          new GetQueueAttributesCommand({ QueueUrl, AttributeNames }),
        );
        return Attributes?.['ApproximateNumberOfMessages'] === '1';
      },
      180_000,
    );
    const cloudwatch = new CloudWatchClient(localstack.clientConfig);
    await eventually(
      'the metric',
      async () => {
        const { Datapoints = [] } = await cloudwatch.send(
          new GetMetricStatisticsCommand({
            Namespace: 'AWS/SQS',
            MetricName: 'ApproximateNumberOfMessagesVisible',
            Dimensions: [{ Name: 'QueueName', Value: QueueUrl.split('/').at(-1) }],
            StartTime: new Date(Date.now() - 3_600_000),
            EndTime: new Date(Date.now() + 60_000),
            Period: 60,
            Statistics: ['Maximum'],
          }),
        );
        return Datapoints.some(({ Maximum = 0 }) => Maximum >= 1);
      },
      120_000,
    );
    cloudwatch.destroy();
  });

  test('the task of the killed scanner was done by another', async () => {
    await killed;
    const { bus } = await published('doomed', 2, 1);
    assert.deepEqual(summary(bus), [`created file ${server('doomed').root}/in/d000/new.csv`]);
  });

  test('a configuration is deployed over it: a watch leaves, another is renamed and keeps its memory', async () => {
    const { epoch } = await deployed.record(key('mass'));
    const { mass, 'acme-in': _gone, ...rest } = current.watches;
    await deployed.redeploy({ ...current, watches: { ...rest, 'mass-2': { ...mass, was: 'mass' } } });
    await deployed.plan();
    const renamed = await deployed.record('default/mass-2');
    assert.equal(renamed.epoch, epoch);
    assert.equal((await deployed.record(key('acme-in'))).active, false);
    const { status, counts } = await deployed.scan('default/mass-2');
    assert.deepEqual([status, counts.changes], ['complete', 0]);
  });
});
