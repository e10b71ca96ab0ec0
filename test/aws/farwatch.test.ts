import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { deployment, guest, resources } from './deployment.ts';

const { template } = deployment();

test('the stack is the one that was reviewed', (t) => {
  t.assert.snapshot(template.toJSON());
});

test('what holds something keeps its logical id for ever: another one would be an empty one', () => {
  const stateful =
    /^AWS::(DynamoDB::Table|Events::(EventBus|Archive)|SQS::Queue|StepFunctions::StateMachine)$/;
  const everything = deployment({ fifo: true }).template;
  assert.deepEqual(
    resources(everything, stateful).map(([id, { Type }]) => `${id} ${Type}`),
    [
      'WatchFeedArchiveB71C7F65 AWS::Events::Archive',
      'WatchFeedBus16E3AFC4 AWS::Events::EventBus',
      'WatchFeedChangesDeadLetters39C85422 AWS::SQS::Queue',
      'WatchFeedChangesFifoDeadLetters8A8B74DD AWS::SQS::Queue',
      'WatchFeedChangesFifoQueueFF360759 AWS::SQS::Queue',
      'WatchFeedChangesQueueEDC313F9 AWS::SQS::Queue',
      'WatchFeedWakesDeadLetters0E2BBC9F AWS::SQS::Queue',
      'WatchFeedWakesQueue5EBDD72D AWS::SQS::Queue',
      'WatchStateTable51B6106E AWS::DynamoDB::Table',
      'WatchTasksDeadLetters0215AAB5 AWS::SQS::Queue',
      'WatchTasksQueue588660C5 AWS::SQS::Queue',
      'WatchWorkflowStateMachineA5CF18CF AWS::StepFunctions::StateMachine',
    ],
  );
});

test('the commands find a deployment by its outputs', () => {
  const always = [
    'BusArn',
    'BusName',
    'ChangesDeadLetterQueueUrl',
    'ChangesQueueArn',
    'ChangesQueueUrl',
    'DashboardName',
    'PlannerFunctionName',
    'PublisherFunctionName',
    'ReassemblerFunctionName',
    'ScannerFunctionName',
    'TableName',
    'TasksDeadLetterQueueUrl',
    'TasksQueueUrl',
    'WakesDeadLetterQueueUrl',
    'WakesQueueUrl',
    'WorkflowArn',
  ];
  const optional = ['ChangesFifoDeadLetterQueueUrl', 'ChangesFifoQueueUrl', 'EgressIp'];
  const keys = (of: Template) => Object.keys(of.findOutputs('*')).sort();
  assert.deepEqual(keys(template), always);
  assert.deepEqual(keys(deployment({ fifo: true, fixedIp: true }).template), [...always, ...optional].sort());
});

test('another app has rules of its own on the bus', () => {
  const warehouse = guest((farwatch, stack) => {
    const inbox = new Queue(stack, 'Inbox');
    farwatch.onChange('Load', {
      pattern: {
        watch: ['incoming'],
        type: ['created', 'modified'],
        kind: ['file'],
        path: ['/incoming/*.csv'],
      },
      target: new SqsQueue(inbox),
    });
    farwatch.onChange('Mirror', { target: new SqsQueue(inbox) });
  });
  warehouse.hasResourceProperties('AWS::Events::Rule', {
    EventBusName: { Ref: Match.stringLikeRegexp('^WatchFeedBus') },
    EventPattern: {
      source: ['farwatch'],
      'detail-type': ['File Created', 'File Modified'],
      detail: { watch: ['incoming'], path: [{ wildcard: '/incoming/*.csv' }] },
    },
    Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Inbox'), 'Arn'] } })],
  });
  warehouse.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['farwatch'],
      'detail-type': [
        'File Created',
        'File Modified',
        'File Deleted',
        'File Moved',
        'Directory Created',
        'Directory Deleted',
        'Directory Moved',
      ],
      detail: Match.absent(),
    },
  });
});

test('a rule for names that the configuration does not know would be silent for ever, and is refused', () => {
  const rule = (pattern: object) =>
    guest((farwatch, stack) => {
      farwatch.onChange('Load', { pattern, target: new SqsQueue(new Queue(stack, 'Inbox')) });
    });
  assert.throws(() => rule({ watch: ['incomming'] }), {
    name: 'InvalidInput',
    message: 'the configuration has no watch "incomming"',
    advice: 'Did you mean "incoming"?',
  });
  assert.throws(() => rule({ tenant: ['globex'] }), { advice: 'It has: acme, default.' });
  assert.throws(() => rule({ server: ['partner-z'] }), { advice: 'Did you mean "partner-a"?' });
});
