import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { z } from 'zod';
import { deployment } from './deployment.ts';

test('AwsSolutions finds nothing but what is accepted with a reason', () => {
  const variants = [{}, { fifo: true, fixedIp: true, alarms: { email: 'ops@acme.example' } }] as const;
  for (const variant of variants) {
    const { app } = deployment(variant);
    const { violations } = new AwsSolutionsChecks(app).validateScope(app);
    const found = violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
    );
    assert.deepEqual(found, []);
  }
});

test('the checks do find what is not accepted', () => {
  const { app } = deployment();
  new Bucket(new Stack(app, 'Careless'), 'Bucket');
  assert.notDeepEqual(new AwsSolutionsChecks(app).validateScope(app).violations, []);
});

test('every acceptance says why', () => {
  const { stack } = deployment({ fifo: true, fixedIp: true });
  const accepted = stack.node.findAll().flatMap(({ node }) => {
    const entries = node.metadata.filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    return entries.flatMap(({ data }) => Object.entries(z.record(z.string(), z.string()).parse(data)));
  });
  const ours = accepted.filter(([id]) => id.includes('AwsSolutions'));
  assert.ok(ours.length > 0);
  for (const [id, reason] of ours) assert.match(reason, /^[A-Z].{20,}\.$/s, id);
});
