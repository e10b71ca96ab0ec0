import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { workflowInput, workflowStep } from '../../functions/reassembler/workflow.ts';
import { deployment, resources } from './deployment.ts';

const state = z.looseObject({
  Type: z.string(),
  Parameters: z.object({ Payload: z.record(z.string(), z.string()) }).optional(),
  OutputPath: z.string().optional(),
  Next: z.string().optional(),
  Retry: z.array(z.looseObject({ ErrorEquals: z.array(z.string()), MaxAttempts: z.int() })).default([]),
  Catch: z.array(z.looseObject({ ErrorEquals: z.array(z.string()), Next: z.string() })).default([]),
});
const definition = z.object({
  StartAt: z.string(),
  TimeoutSeconds: z.int(),
  States: z.record(z.string(), state),
});

const [machine] = resources(deployment().template, /StateMachine/);
const text = z
  .object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.unknown())]) })
  .parse(machine?.[1].Properties['DefinitionString'])
  ['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'reference'))
  .join('');
const workflow = definition.parse(JSON.parse(text));

test('judges until all is judged, then closes', () => {
  const { Judge, Close, 'All judged?': choice } = workflow.States;
  assert.equal(workflow.StartAt, 'Judge');
  assert.equal(Judge?.Next, 'All judged?');
  assert.deepEqual(choice?.['Choices'], [{ Variable: '$.done', BooleanEquals: true, Next: 'Close' }]);
  assert.equal(choice?.['Default'], 'Judge');
  assert.equal(Close?.['End'], true);
});

test('a step gets what the function parses: its name, and the answer of the step before', () => {
  const scan = workflowInput.parse({
    tenant: 'acme',
    watch: 'incoming',
    scan: 7,
    unfinished: [],
    changes: 0,
    total: null,
    done: false,
  });
  for (const name of ['Judge', 'Close']) {
    const payload = workflow.States[name]?.Parameters?.Payload ?? {};
    assert.equal(payload['input.$'], '$', 'all of it');
    assert.deepEqual(workflowStep.parse({ step: payload['step'], input: scan }), {
      step: name.toLowerCase(),
      input: scan,
    });
    assert.equal(workflow.States[name]?.OutputPath, '$.Payload');
  }
});

test('what cannot succeed is not tried again, everything else is, and what is left fails the execution', () => {
  for (const name of ['Judge', 'Close']) {
    const { Retry = [], Catch = [] } = workflow.States[name] ?? {};
    const tries = Retry.map(({ ErrorEquals, MaxAttempts }) => [...ErrorEquals, MaxAttempts]);
    assert.deepEqual(tries, [
      ['InvalidInput', 'Fenced', 0],
      ['StaleSnapshot', 8],
      ['States.ALL', 6],
    ]);
    assert.deepEqual(
      Catch.map(({ ErrorEquals, Next }) => [...ErrorEquals, Next]),
      [['States.ALL', 'Failed']],
    );
  }
  assert.equal(workflow.States['Failed']?.Type, 'Fail');
});

test('an execution ends some day', () => {
  assert.equal(workflow.TimeoutSeconds, 6 * 3600);
  assert.equal(workflow.States['Judge']?.['TimeoutSeconds'], 960);
});

test('nothing that LocalStack or JSONPath does not know', () => {
  assert.doesNotMatch(text, /ToleratedFailure|QueryLanguage|JSONata/);
});
