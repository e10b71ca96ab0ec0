import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { startWorkflow } from '../../functions/reassembler/start-workflow.ts';
import type { WorkflowInput } from '../../functions/reassembler/workflow.ts';
import { eventually } from './consumer.ts';
import { type LocalStack, localStackMissing, startLocalStack } from './localstack.ts';

const skip = localStackMissing() ?? false;
const hour = 3_600_000;

/** Ends at once, or runs until it is stopped, as the scan's number says. */
const ends = 1;
const runs = 2;
const definition = {
  StartAt: 'Way',
  States: {
    Way: {
      Type: 'Choice',
      Choices: [{ Variable: '$.scan', NumericEquals: ends, Next: 'Done' }],
      Default: 'Run',
    },
    Run: { Type: 'Wait', Seconds: 600, Next: 'Done' },
    Done: { Type: 'Succeed' },
  },
};

suite('starting the scan workflow', { skip, timeout: 300_000 }, () => {
  let localstack: LocalStack;
  let client: SFNClient;
  let workflow: string;

  before(async () => {
    localstack = await startLocalStack();
    client = new SFNClient(localstack.clientConfig);
    const { stateMachineArn = '' } = await client.send(
      new CreateStateMachineCommand({
        name: 'scan-workflow',
        definition: JSON.stringify(definition),
        roleArn: 'arn:aws:iam::000000000000:role/workflow',
      }),
    );
    workflow = stateMachineArn;
  });

  after(async () => {
    client?.destroy();
    await localstack?.stop();
  });

  const start = (name: string, scan: number, now: number, more: Partial<WorkflowInput> = {}) =>
    startWorkflow(
      client,
      workflow,
      name,
      {
        tenant: 'acme',
        watch: 'incoming',
        scan,
        unfinished: [],
        changes: 0,
        total: null,
        done: false,
        ...more,
      },
      now,
    );

  /** Names of the executions made for one scan, the first one first. */
  async function executions(name: string): Promise<readonly string[]> {
    const { executions: all = [] } = await client.send(
      new ListExecutionsCommand({ stateMachineArn: workflow }),
    );
    return all.flatMap((execution) => (execution.name?.startsWith(name) ? [execution.name] : [])).toSorted();
  }

  const arn = (name: string) => `${workflow.replace(':stateMachine:', ':execution:')}:${name}`;

  async function reaches(name: string, wanted: string): Promise<void> {
    await eventually(`${wanted} of ${name}`, async () => {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn: arn(name) }));
      return status === wanted;
    });
  }

  async function fail(name: string): Promise<void> {
    await client.send(new StopExecutionCommand({ executionArn: arn(name), error: 'StateUnusable' }));
    await reaches(name, 'ABORTED');
  }

  test('a running one is not started again, whatever it was started with', async () => {
    await Promise.all([start('running', runs, Date.now()), start('running', runs, Date.now())]);
    await start('running', runs, Date.now(), { unfinished: ['/a'] });
    await start('running', runs, Date.now() + 3 * hour);
    assert.deepEqual(await executions('running'), ['running']);
  });

  test('one that did its work is not started again', async () => {
    await start('done', ends, Date.now());
    await reaches('done', 'SUCCEEDED');
    await start('done', ends, Date.now());
    await start('done', ends, Date.now() + 3 * hour);
    assert.deepEqual(await executions('done'), ['done']);
  });

  test('a failed one gets a successor, and that one no more than one an hour', async () => {
    const now = Date.now();
    const successor = (at: number) => `failed-${Math.floor(at / hour)}`;
    await start('failed', runs, now);
    await fail('failed');
    await start('failed', runs, now);
    await start('failed', runs, now);
    assert.deepEqual(await executions('failed'), ['failed', successor(now)]);
    await fail(successor(now));
    await start('failed', runs, now);
    assert.deepEqual(await executions('failed'), ['failed', successor(now)]);
    await start('failed', runs, now + hour);
    assert.deepEqual(await executions('failed'), ['failed', successor(now), successor(now + hour)]);
  });

  test('a successor that runs for hours is let run', async () => {
    const now = Date.now();
    const successor = (at: number) => `slow-${Math.floor(at / hour)}`;
    await start('slow', runs, now);
    await fail('slow');
    await start('slow', runs, now + hour);
    await start('slow', runs, now + 3 * hour);
    assert.deepEqual(await executions('slow'), ['slow', successor(now + hour)]);
    await fail(successor(now + hour));
    await start('slow', runs, now + 3 * hour);
    assert.deepEqual(await executions('slow'), ['slow', successor(now + hour), successor(now + 3 * hour)]);
  });

  test('a workflow that is not there is an error', async () => {
    const elsewhere = `${workflow}-gone`;
    const input = {
      tenant: 'acme',
      watch: 'incoming',
      scan: 1,
      unfinished: [],
      changes: 0,
      total: null,
      done: false,
    };
    await assert.rejects(startWorkflow(client, elsewhere, 'x', input, Date.now()), {
      name: 'StateMachineDoesNotExist',
    });
  });
});
