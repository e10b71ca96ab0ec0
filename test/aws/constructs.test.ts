import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { z } from 'zod';
import { environment as planner } from '../../functions/planner/environment.ts';
import { environment as publisher } from '../../functions/publisher/environment.ts';
import { environment as reassembler } from '../../functions/reassembler/environment.ts';
import { environment as scanner } from '../../functions/scanner/environment.ts';
import { createTable, expiryAttribute } from '../../shared/state/dynamodb/table-definition.ts';
import { deployment, resources } from './deployment.ts';

const { template } = deployment();

test('the table is the one that the tests of the state run on, and outlives the stack', () => {
  const [table] = resources(template, /DynamoDB::Table/);
  const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, BillingMode } =
    table?.[1].Properties ?? {};
  const { AttributeDefinitions: attributes, ...rest } = createTable;
  assert.deepEqual({ KeySchema, GlobalSecondaryIndexes, BillingMode }, rest);
  assert.deepEqual(new Set(z.array(z.unknown()).parse(AttributeDefinitions)), new Set(attributes));
  template.hasResource('AWS::DynamoDB::Table', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      TimeToLiveSpecification: { AttributeName: expiryAttribute, Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      DeletionProtectionEnabled: true,
    },
  });
  deployment({ deletionProtection: false }).template.hasResourceProperties('AWS::DynamoDB::Table', {
    DeletionProtectionEnabled: false,
  });
});

test('every queue has dead letters kept for two weeks after five tries', () => {
  const queues = resources(deployment({ fifo: true }).template, /SQS::Queue$/);
  const main = queues.filter(([, { Properties }]) => 'RedrivePolicy' in Properties);
  assert.equal(queues.length, 2 * main.length);
  for (const [id, { Properties }] of queues) {
    assert.equal(Properties['MessageRetentionPeriod'], 14 * 24 * 3600, id);
    assert.equal(Properties['SqsManagedSseEnabled'], true, id);
  }
  for (const [id, { Properties }] of main) {
    const { maxReceiveCount } = z.object({ maxReceiveCount: z.int() }).parse(Properties['RedrivePolicy']);
    assert.equal(maxReceiveCount, 5, id);
  }
});

test('FIFO queues limit neither throughput nor repeats beyond a group', () => {
  const fifo = resources(deployment({ fifo: true }).template, /SQS::Queue$/).filter(
    ([, { Properties }]) => Properties['FifoQueue'] === true,
  );
  assert.equal(fifo.length, 6, 'tasks, wakes and changes with their dead letters');
  for (const [id, { Properties }] of fifo) {
    assert.equal(Properties['DeduplicationScope'], 'messageGroup', id);
    assert.equal(Properties['FifoThroughputLimit'], 'perMessageGroupId', id);
  }
});

test('the scanner may take twice the largest budget of a task, and its messages stay away six times as long', () => {
  template.hasResourceProperties('AWS::Lambda::Function', { Description: 'Farwatch: scanner', Timeout: 90 });
  assert.equal(visibility(template, 'WatchTasksQueue588660C5'), 540);
  assert.equal(visibility(template, 'WatchFeedWakesQueue5EBDD72D'), 360);
});

test('a consumer of the changes queue has the time that it asks for', () => {
  const { template: patient } = deployment({ consumerTime: Duration.minutes(30) });
  assert.equal(visibility(template, 'WatchFeedChangesQueueEDC313F9'), 360);
  assert.equal(visibility(patient, 'WatchFeedChangesQueueEDC313F9'), 1800);
});

function visibility(of: Template, id: string): unknown {
  return resources(of, /SQS::Queue$/).find(([known]) => known === id)?.[1].Properties['VisibilityTimeout'];
}

test('as many scanners at once as there are sessions, each with one task', () => {
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    BatchSize: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 6 },
    EventSourceArn: { 'Fn::GetAtt': ['WatchTasksQueue588660C5', 'Arn'] },
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    BatchSize: 10,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    EventSourceArn: { 'Fn::GetAtt': ['WatchFeedWakesQueue5EBDD72D', 'Arn'] },
  });
});

test('functions are of one kind, and each writes JSON to a log that ends', () => {
  const functions = resources(template, /Lambda::Function$/);
  assert.equal(functions.length, 4);
  for (const [id, { Properties }] of functions) {
    assert.equal(Properties['Runtime'], 'nodejs24.x', id);
    assert.deepEqual(Properties['Architectures'], ['arm64'], id);
    assert.deepEqual(
      Properties['TracingConfig'],
      { Mode: id.startsWith('WatchPlanner') ? 'PassThrough' : 'Active' },
      id,
    );
    const logging = z.object({ LogFormat: z.literal('JSON'), LogGroup: z.object({ Ref: z.string() }) });
    assert.ok(logging.safeParse(Properties['LoggingConfig']).success, id);
  }
  const logs = resources(template, /Logs::LogGroup/);
  assert.deepEqual(
    logs.map(([, { Properties }]) => Properties['RetentionInDays']),
    [30, 30, 30, 30],
  );
});

test('every function is told what it parses', () => {
  const schemas = { planner, scanner, reassembler, publisher };
  for (const [variant, fifo] of [
    [template, false],
    [deployment({ fifo: true }).template, true],
  ] as const) {
    for (const [name, schema] of Object.entries(schemas)) {
      const [one] = resources(variant, /Lambda::Function$/).filter(
        ([, { Properties }]) => Properties['Description'] === `Farwatch: ${name}`,
      );
      const { Variables } = z
        .object({ Variables: z.record(z.string(), z.unknown()) })
        .parse(one?.[1].Properties['Environment']);
      const told = Object.keys(Variables).filter((key) => !key.startsWith('POWERTOOLS_'));
      const wanted = Object.entries(schema.shape)
        .filter(([, field]) => fifo || !(field instanceof z.ZodOptional))
        .map(([key]) => key);
      assert.deepEqual(told.sort(), wanted.sort(), name);
    }
  }
});

test('the bus can replay what it carried', () => {
  template.hasResourceProperties('AWS::Events::Archive', {
    EventPattern: { source: ['farwatch'] },
    RetentionDays: 30,
  });
});

test('the planner ticks every minute and trims every night, and a missed tick is not made up for', () => {
  const target = { RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } };
  template.hasResourceProperties('AWS::Events::Rule', {
    ScheduleExpression: 'rate(1 minute)',
    Targets: [Match.objectLike({ ...target, Input: Match.absent() })],
  });
  template.hasResourceProperties('AWS::Events::Rule', {
    ScheduleExpression: 'cron(17 3 * * ? *)',
    Targets: [Match.objectLike({ ...target, Input: '{"trim":true}' })],
  });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
});

test('the scanner has one address of its own where that is asked for, and nobody else is in the VPC', () => {
  const { template: fixed } = deployment({ fixedIp: true });
  template.resourceCountIs('AWS::EC2::VPC', 0);
  fixed.resourceCountIs('AWS::EC2::NatGateway', 1);
  fixed.resourceCountIs('AWS::EC2::EIP', 1);
  fixed.hasResourceProperties('AWS::EC2::NatGateway', {
    AllocationId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^WatchEgressAddress'), 'AllocationId'] },
  });
  fixed.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
  const inside = resources(fixed, /Lambda::Function$/).filter(
    ([, { Properties }]) => 'VpcConfig' in Properties,
  );
  assert.deepEqual(
    inside.map(([, { Properties }]) => Properties['Description']),
    ['Farwatch: scanner'],
  );
  fixed.resourcePropertiesCountIs('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.anyValue() }, 0);
});
