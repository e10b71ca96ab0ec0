import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { z } from 'zod';
import { deployment, resources } from './deployment.ts';

const everything = deployment({ fifo: true });
const alarm = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  TreatMissingData: z.enum(['breaching', 'notBreaching']),
  ComparisonOperator: z.literal('GreaterThanThreshold'),
  Threshold: z.literal(0),
  Namespace: z.string().optional(),
  Dimensions: z.array(z.object({ Name: z.string(), Value: z.unknown() })).optional(),
  AlarmActions: z.array(z.unknown()).default([]),
});

function alarmsOf({ template }: Pick<typeof everything, 'template'>) {
  return resources(template, /CloudWatch::Alarm/).map(([, { Properties }]) => alarm.parse(Properties));
}

test('every alarm has a name and a section of the runbook, and every section an alarm', () => {
  const runbook = readFileSync(new URL('../../infra/aws/RUNBOOK.md', import.meta.url), 'utf8');
  const sections = runbook.split(/^## /m).slice(1);
  const anchors = sections.map((section) =>
    section.split('\n', 1).join('').toLowerCase().replaceAll(' ', '-'),
  );
  const alarms = alarmsOf(everything);
  assert.deepEqual(alarms.map(({ AlarmName }) => AlarmName.replace('Farwatch-', '')).sort(), anchors.sort());
  for (const { AlarmName, AlarmDescription } of alarms) {
    const anchor = AlarmName.replace('Farwatch-', '');
    assert.ok(AlarmDescription.endsWith(` infra/aws/RUNBOOK.md#${anchor}`), AlarmDescription);
  }
  for (const section of sections) {
    const parts = [...section.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part);
    assert.deepEqual(parts, ['Description', 'Investigation', 'Resolution'], section.slice(0, 40));
  }
});

test('the descriptions link to the runbook wherever it is kept', () => {
  const elsewhere = deployment({}, { runbook: 'https://wiki.acme.example/farwatch' });
  for (const { AlarmDescription } of alarmsOf(elsewhere)) {
    assert.match(AlarmDescription, / https:\/\/wiki\.acme\.example\/farwatch#[a-z-]+$/);
  }
});

test('a planner that says nothing is an alarm, and nothing else is by silence', () => {
  const silent = alarmsOf(everything).filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
  assert.deepEqual(
    silent.map(({ AlarmName }) => AlarmName),
    ['Farwatch-scans-overdue'],
  );
});

test('the metrics are those that the functions send', () => {
  const own = alarmsOf(everything).filter(({ Namespace }) => Namespace?.startsWith('Farwatch'));
  assert.equal(own.length, 5);
  for (const { Namespace, Dimensions } of own) {
    assert.equal(Namespace, 'Farwatch/Farwatch');
    assert.deepEqual(Dimensions, [{ Name: 'service', Value: 'farwatch' }]);
  }
  const variables = resources(everything.template, /Lambda::Function$/).map(
    ([, { Properties }]) =>
      z.object({ Variables: z.record(z.string(), z.unknown()) }).parse(Properties['Environment']).Variables,
  );
  for (const each of variables) {
    assert.equal(each['POWERTOOLS_METRICS_NAMESPACE'], 'Farwatch/Farwatch');
    assert.equal(each['POWERTOOLS_SERVICE_NAME'], 'farwatch');
  }
});

test('alarms reach an address where one is given', () => {
  assert.ok(alarmsOf(everything).every(({ AlarmActions }) => AlarmActions.length === 0));
  const loud = deployment({ alarms: { email: 'ops@acme.example' } });
  assert.ok(alarmsOf(loud).every(({ AlarmActions }) => AlarmActions.length === 1));
  loud.template.hasResourceProperties('AWS::SNS::Subscription', {
    Protocol: 'email',
    Endpoint: 'ops@acme.example',
  });
  loud.template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
        }),
      ]),
    },
  });
});

/** List prices of us-east-1 a month. */
const price = { metricOfAlarm: 0.1, customMetric: 0.3 };

test('alarms and metrics cost less than three dollars a month', () => {
  const alarms = resources(everything.template, /CloudWatch::Alarm/);
  for (const [id, { Properties }] of alarms)
    assert.ok(!('Metrics' in Properties), `${id} looks at one metric`);
  assert.ok(alarms.length * price.metricOfAlarm + 5 * price.customMetric < 3);
});
