import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Template } from 'aws-cdk-lib/assertions';
import { build } from 'esbuild';
import { z } from 'zod';
import { deployment, resources } from './deployment.ts';

const { template } = deployment();
const names = ['planner', 'scanner', 'reassembler', 'publisher'] as const;
const oneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const statements = z.object({
  PolicyDocument: z.object({
    Statement: z.array(
      z.object({
        Effect: z.string(),
        Action: oneOrMore,
        Resource: z.preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(z.unknown())),
      }),
    ),
  }),
});

/** Rights that AWS offers for everything or not at all. */
const unscopable = /^xray:/;
const unscopableInVpc = /^(xray:|ec2:Describe)/;

test('every statement names its resources, but where AWS knows none', () => {
  for (const [of, exempt] of [
    [template, unscopable],
    [deployment({ fifo: true, alarms: { email: 'ops@acme.example' } }).template, unscopable],
    [deployment({ fixedIp: true }).template, unscopableInVpc],
  ] as const) {
    const open = allStatements(of).filter(({ Resource }) => Resource.includes('*'));
    assert.ok(open.length > 0);
    const actions = open.flatMap(({ Action }) => Action);
    assert.deepEqual(
      actions.filter((action) => !exempt.test(action)),
      [],
    );
    assert.deepEqual(
      allStatements(of).filter(({ Action }) =>
        Action.some((action) => action.includes('*') && action !== 'sqs:*'),
      ),
      [],
    );
  }
});

test('there are no policies but our own: those of AWS are for every log and every interface', () => {
  const roles = resources(deployment({ fixedIp: true }).template, /IAM::Role/);
  assert.deepEqual(
    roles.filter(([, { Properties }]) => 'ManagedPolicyArns' in Properties),
    [],
  );
});

const use = 'BatchGetItem BatchWriteItem ConditionCheckItem DeleteItem GetItem PutItem Query UpdateItem';

for (const [name, rights] of [
  [
    'planner',
    `dynamodb  StateTable            ${use}
     dynamodb  StateTable/index/due  Query
     events    FeedBus               PutEvents
     logs      PlannerLog            CreateLogStream PutLogEvents
     sqs       FeedWakesQueue        SendMessage
     sqs       TasksQueue            SendMessage
     states    WorkflowStateMachine  StartExecution
     states    execution:WorkflowStateMachine:*  DescribeExecution
     xray      *                     PutTelemetryRecords PutTraceSegments`,
  ],
  [
    'scanner',
    `dynamodb  StateTable            ${use}
     events    FeedBus               PutEvents
     logs      ScannerLog            CreateLogStream PutLogEvents
     secretsmanager  secret:farwatch/old-ftp-??????               GetSecretValue
     secretsmanager  secret:farwatch/partner-a/key-??????         GetSecretValue
     secretsmanager  secret:farwatch/partner-a/passphrase-??????  GetSecretValue
     sqs       FeedWakesQueue        SendMessage
     sqs       TasksQueue            ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage SendMessage
     states    WorkflowStateMachine  StartExecution
     states    execution:WorkflowStateMachine:*  DescribeExecution
     xray      *                     PutTelemetryRecords PutTraceSegments`,
  ],
  [
    'reassembler',
    `dynamodb  StateTable            ${use}
     events    FeedBus               PutEvents
     logs      ReassemblerLog        CreateLogStream PutLogEvents
     sqs       FeedWakesQueue        SendMessage
     xray      *                     PutTelemetryRecords PutTraceSegments`,
  ],
  [
    'publisher',
    `dynamodb  StateTable            ${use}
     events    FeedBus               PutEvents
     logs      PublisherLog          CreateLogStream PutLogEvents
     sqs       FeedChangesQueue      SendMessage
     sqs       FeedWakesQueue        DeleteMessage GetQueueAttributes ReceiveMessage SendMessage
     xray      *                     PutTelemetryRecords PutTraceSegments`,
  ],
] as const) {
  test(`what the ${name} may do`, () => {
    const expected = rights.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, '  '));
    assert.deepEqual(rightsOf(name), expected);
  });
}

/** Actions that an SDK command needs; transactions have none of their own. */
const needed: Readonly<Record<string, readonly string[]>> = {
  BatchGetItem: ['dynamodb:BatchGetItem'],
  BatchWriteItem: ['dynamodb:BatchWriteItem'],
  ChangeMessageVisibility: ['sqs:ChangeMessageVisibility'],
  DeleteItem: ['dynamodb:DeleteItem'],
  DescribeExecution: ['states:DescribeExecution'],
  GetItem: ['dynamodb:GetItem'],
  GetSecretValue: ['secretsmanager:GetSecretValue'],
  PutEvents: ['events:PutEvents'],
  PutItem: ['dynamodb:PutItem'],
  Query: ['dynamodb:Query'],
  SendMessage: ['sqs:SendMessage'],
  SendMessageBatch: ['sqs:SendMessage'],
  StartExecution: ['states:StartExecution'],
  TransactWriteItems: ['dynamodb:ConditionCheckItem'],
  UpdateItem: ['dynamodb:UpdateItem'],
};
const ofThePlatform = /^(logs:|xray:|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$)/;

test('every function may send exactly the commands that its code has', async () => {
  for (const name of names) {
    const granted = new Set(
      rightsOf(name).flatMap((line) => {
        const [service, , actions = ''] = line.split('  ');
        return actions.split(' ').map((action) => `${service}:${action}`);
      }),
    );
    const own = [...granted].filter((action) => !ofThePlatform.test(action));
    const commands = await commandsOf(name);
    const unknown = commands.filter((command) => !(command in needed));
    assert.deepEqual(unknown, [], `${name}: say above which rights these need`);
    assert.deepEqual(
      own.sort(),
      [...new Set(commands.flatMap((command) => needed[command] ?? []))].sort(),
      name,
    );
  }
});

/** `new SomethingCommand(` in what is left of the project's own sources in the function's bundle. */
async function commandsOf(name: string): Promise<readonly string[]> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    entryPoints: [`functions/${name}/handler.ts`],
    outdir: 'unused',
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    write: false,
  });
  const commands = outputFiles.flatMap(({ text }) => [...text.matchAll(/\bnew (\w+)Command\(/g)]);
  return [...new Set(commands.map(([, command = '']) => command))].sort();
}

function allStatements(of: Template) {
  return resources(of, /IAM::Policy|QueuePolicy|TopicPolicy/).flatMap(
    ([, { Properties }]) => statements.parse(Properties).PolicyDocument.Statement,
  );
}

/** One line for each resource: service, resource, actions. */
function rightsOf(name: string): readonly string[] {
  const role = new RegExp(`^Watch${name.charAt(0).toUpperCase()}${name.slice(1)}RoleDefaultPolicy`);
  const policy = resources(template, /IAM::Policy/).find(([id]) => role.test(id));
  const byResource = new Map<string, string[]>();
  for (const { Effect, Action, Resource } of statements.parse(policy?.[1].Properties).PolicyDocument
    .Statement) {
    assert.equal(Effect, 'Allow');
    for (const resource of Resource) {
      for (const [service = '', action = ''] of Action.map((each) => each.split(':'))) {
        const line = `${service}  ${readable(resource)}`;
        byResource.set(line, [...(byResource.get(line) ?? []), action]);
      }
    }
  }
  return [...byResource].map(([line, actions]) => `${line}  ${actions.sort().join(' ')}`).sort();
}

const reference = z.union([
  z.object({ Ref: z.string() }).transform(({ Ref }) => Ref),
  z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).transform((get) => get['Fn::GetAtt'][0]),
]);
const joined = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.unknown())]) });

/** Without the prefix of the construct, hashes, and what all ARNs begin with. */
function readable(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const parts = joined.safeParse(resource);
  if (parts.success) {
    const text = parts.data['Fn::Join'][1].map(readable).join('');
    return text.replace(/^arn:AWS::Partition:\w+:AWS::Region:AWS::AccountId:/, '');
  }
  return reference.parse(resource).replace(/^Watch(.*)[0-9A-F]{8}$/, '$1');
}
