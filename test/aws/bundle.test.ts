import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FunctionName, writeBundle } from '../../infra/aws/bundle.ts';
import { deployableConfig } from '../../shared/config/deployable.ts';
import { configuration, scratch } from './deployment.ts';

const names: readonly FunctionName[] = ['planner', 'scanner', 'reassembler', 'publisher'];
const { json } = deployableConfig(configuration, {});

before(() => {
  for (const name of names) bundle(name, name);
});

function bundle(name: FunctionName, folder: string): string {
  const directory = join(scratch, folder);
  writeBundle(name, json, directory);
  return directory;
}

for (const name of names) {
  test(`the ${name} starts without anything beside it but its configuration`, () => {
    const directory = join(scratch, name);
    assert.deepEqual(readdirSync(directory).sort(), ['farwatch.json', 'index.js']);
    const begin = `const { handler } = require('./index.js'); console.log(typeof handler)`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', begin], {
      cwd: directory,
      encoding: 'utf8',
      env: {
        LAMBDA_TASK_ROOT: directory,
        AWS_REGION: 'us-east-1',
        TABLE_NAME: 'table',
        TASKS_QUEUE_URL: 'https://queue.example/tasks',
        WAKES_QUEUE_URL: 'https://queue.example/wakes',
        CHANGES_QUEUE_URL: 'https://queue.example/changes',
        WORKFLOW_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:workflow',
        BUS_NAME: 'bus',
      },
    });
    assert.equal(stdout, 'function\n', stderr);
  });

  test(`the bundle of the ${name} says nothing of the machine that made it`, () => {
    const code = readFileSync(join(scratch, name, 'index.js'), 'utf8');
    const here = fileURLToPath(new URL('../../', import.meta.url));
    assert.ok(!code.includes(here), 'no path of the checkout');
    assert.doesNotMatch(code, /sourceMappingURL/);
    assert.ok(code.length < 3_000_000, `${code.length} bytes`);
  });
}

test('the same sources and configuration make the same bundle', () => {
  const again = bundle('planner', 'again');
  const read = (folder: string) => readFileSync(join(folder, 'index.js'));
  assert.ok(read(again).equals(read(join(scratch, 'planner'))));
});

test('the configuration that functions take along holds names of secrets, not of this machine', () => {
  const taken = readFileSync(join(scratch, 'scanner', 'farwatch.json'), 'utf8');
  assert.equal(taken, json);
  assert.match(taken, /secret:farwatch\/old-ftp/);
});
