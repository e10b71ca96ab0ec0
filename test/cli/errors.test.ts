import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Home } from '../local/home.ts';
import { nobody } from './deployed.ts';
import { region, startFakeAws } from './fake-aws.ts';

async function atAws(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Home> {
  const aws = await startFakeAws({ Other: { BucketName: 'other' } });
  t.after(() => aws.close());
  const home = new Home(t);
  const all = {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_REGION: region,
    ...nobody(home),
    ...env,
  };
  for (const [name, value] of Object.entries(all)) home.env(name, value);
  return home;
}

async function fails(home: Home, code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
  const ended = await home.farwatch(...args);
  assert.equal(ended.code, code, ended.stderr);
  assert.equal(ended.stdout, '');
  assert.match(ended.stderr, message);
  assert.doesNotMatch(ended.stderr, /^ +at |defect/m);
}

describe('a deployment that cannot be worked on', { concurrency: 2 }, () => {
  it('no such stack', async (t) => {
    const home = await atAws(t);
    for (const command of [['status'], ['scan', 'desk'], ['tail'], ['redrive']]) {
      await fails(home, 2, /no stack "Nothing" in eu-central-1\n {2}Check/, ...command, '--stack', 'Nothing');
    }
    const elsewhere = ['status', '--stack', 'Nothing', '--region', 'us-west-2'];
    await fails(home, 2, /no stack "Nothing" in us-west-2/, ...elsewhere);
  });

  it('a stack of something else', async (t) => {
    const home = await atAws(t);
    await fails(
      home,
      2,
      /Other .*no deployment .*TableName[\s\S]*CREATE_COMPLETE/,
      'status',
      '--stack',
      'Other',
    );
  });

  it('no credentials, no region', async (t) => {
    const anonymous = await atAws(t, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    await fails(anonymous, 2, /no AWS credentials[\s\S]*AWS_PROFILE/, 'status', '--stack', 'Other');
    const nowhere = await atAws(t, { AWS_REGION: '' });
    await fails(nowhere, 2, /no usable AWS region[\s\S]*--region/, 'status', '--stack', 'Other');
  });

  it('access denied', async (t) => {
    const home = await atAws(t);
    await fails(home, 1, /may not cloudformation:DescribeStacks/, 'tail', '--stack', 'Denied');
  });

  it('an AWS that does not answer', async (t) => {
    const home = await atAws(t, { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' });
    await fails(home, 1, /does not answer/, 'redrive', '--stack', 'Other');
  });

  it('arguments that cannot be meant', async (t) => {
    const home = await atAws(t);
    await fails(home, 2, /--state .*\n.*one of them/, 'status', '--stack', 'Other', '--state', 'x.db');
    await fails(home, 2, /--region without --stack/, 'status', '--region', 'eu-west-1');
    await fails(home, 2, /--stack/, 'tail');
    await fails(home, 2, /--stack/, 'redrive');
    await fails(home, 2, /changes, tasks, wakes/, 'redrive', 'everything', '--stack', 'Other');
    await fails(home, 2, /farwatch\.yaml/, 'status', '--stack', 'Other', '--config', 'farwatch.yaml');
  });
});
