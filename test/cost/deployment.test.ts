import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { deployed, fifoOption } from '../../shared/cost/deployment.ts';
import { deployment, resources } from '../aws/deployment.ts';

const metricStat = z.object({ Metric: z.object({ Namespace: z.unknown(), MetricName: z.string() }) });
const alarm = z.object({
  Namespace: z.unknown().optional(),
  MetricName: z.string().optional(),
  Metrics: z.array(z.object({ MetricStat: metricStat.optional() })).optional(),
});

/** Billed one by one, those of an expression too. */
function alarmMetrics(template: ReturnType<typeof deployment>['template']) {
  return resources(template, /CloudWatch::Alarm$/).flatMap(([, { Properties }]) => {
    const { Namespace, MetricName, Metrics } = alarm.parse(Properties);
    if (Metrics === undefined) return [{ Namespace, MetricName }];
    return Metrics.flatMap((each) => (each.MetricStat ? [each.MetricStat.Metric] : []));
  });
}

suite('what the estimate says of a deployment is so in its template', () => {
  const { template } = deployment();

  test('alarms, by their metrics', () => {
    assert.equal(alarmMetrics(template).length, deployed.alarmMetrics);
    const more = alarmMetrics(deployment({ fifo: true }).template).length - deployed.alarmMetrics;
    assert.equal(more, fifoOption.alarmMetrics);
  });

  test('custom metrics', () => {
    const own = alarmMetrics(template).filter(
      ({ Namespace }) => !(typeof Namespace === 'string' && Namespace.startsWith('AWS/')),
    );
    const names = new Set(own.map(({ MetricName }) => MetricName));
    assert.equal(names.size, deployed.steadyMetrics + deployed.failureMetrics);
  });

  test('dashboards', () => {
    template.resourceCountIs('AWS::CloudWatch::Dashboard', deployed.dashboards);
  });

  test('queues that are polled, all of them FIFO', () => {
    const sources = resources(template, /Lambda::EventSourceMapping$/).map(([, { Properties }]) => {
      const { EventSourceArn } = z
        .object({ EventSourceArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }) })
        .parse(Properties);
      return EventSourceArn['Fn::GetAtt'][0];
    });
    assert.equal(sources.length, deployed.polledQueues);
    const queues = new Map(resources(template, /SQS::Queue$/));
    for (const source of sources) assert.equal(queues.get(source)?.Properties['FifoQueue'], true, source);
  });

  test('memory and processor of the functions', () => {
    const functions = resources(template, /Lambda::Function$/).map(([, { Properties }]) =>
      z
        .object({
          Description: z.string(),
          MemorySize: z.number(),
          Architectures: z.tuple([z.literal('arm64')]),
        })
        .parse(Properties),
    );
    const sizes = functions.map(({ Description, MemorySize }) => [Description.split(' ').at(-1), MemorySize]);
    assert.deepEqual(Object.fromEntries(sizes), deployed.memoryMb);
  });

  test('all functions are traced but the planner, which runs every minute', () => {
    for (const [id, { Properties }] of resources(template, /Lambda::Function$/)) {
      const Mode = Properties['Description'] === 'Farwatch: planner' ? 'PassThrough' : 'Active';
      assert.deepEqual(Properties['TracingConfig'], { Mode }, id);
    }
  });

  test('a fixed address is one gateway', () => {
    const { template: fixed } = deployment({ fixedIp: true });
    fixed.resourceCountIs('AWS::EC2::NatGateway', 1);
    fixed.resourceCountIs('AWS::EC2::EIP', 1);
  });
});
