import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configuration, scratch } from './deployment.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** As the CDK's command runs it: the context comes in a variable. No bundles: they are a matter of their own test. */
function synthesise(context: Readonly<Record<string, unknown>>) {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'infra/aws/app.ts'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      CDK_OUTDIR: join(scratch, 'synthesised'),
      CDK_CONTEXT_JSON: JSON.stringify({ 'aws:cdk:bundling-stacks': [], ...context }),
    },
  });
}

test('the app makes a stack of a configuration', () => {
  const { status, stderr } = synthesise({ config: configuration, fifo: 'true', stack: 'Watchers' });
  assert.equal(status, 0, stderr);
});

test('what is wrong is said in words, and nothing is made', () => {
  const missing = synthesise({ config: '/nowhere/farwatch.yaml' });
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^farwatch: the configuration \/nowhere\/farwatch\.yaml cannot be read/);
  const doubtful = synthesise({ config: configuration, fifo: 'yes', alarmEmail: 'nobody' });
  assert.equal(doubtful.status, 2);
  assert.match(doubtful.stderr, /fifo/);
  assert.match(doubtful.stderr, /alarmEmail/);
});
