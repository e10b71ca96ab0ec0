import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { secretReader } from '../../shared/config/secrets.ts';
import { InvalidInput } from '../../shared/failure.ts';

let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farwatch-secrets-'));
  await mkdir(join(directory, 'secrets', 'farwatch'), { recursive: true });
  await writeFile(join(directory, 'outside'), 'hunter2');
  await writeFile(join(directory, 'secrets', 'farwatch', 'old-ftp'), 'from secret\n');
  await writeFile(join(directory, 'unix'), 'two\nlines\n\n');
  await writeFile(join(directory, 'windows'), 'line\r\n');
  await writeFile(join(directory, 'bare'), ' spaces ');
});

after(() => rm(directory, { recursive: true }));

function read(source: 'env' | 'file' | 'secret' | 'plain', value: string) {
  const env = { SET: 'from env', EMPTY: '' };
  return secretReader({ env, secretsDirectory: join(directory, 'secrets') })({ source, value });
}

test('each source gives its value; files lose one line break and nothing else', async () => {
  assert.equal(await read('plain', 'env:x'), 'env:x');
  assert.equal(await read('env', 'SET'), 'from env');
  assert.equal(await read('secret', 'farwatch/old-ftp'), 'from secret');
  assert.equal(await read('file', join(directory, 'unix')), 'two\nlines\n');
  assert.equal(await read('file', join(directory, 'windows')), 'line');
  assert.equal(await read('file', join(directory, 'bare')), ' spaces ');
});

const failures: readonly (readonly ['env' | 'file' | 'secret', string, RegExp])[] = [
  ['env', 'UNSET', /^the environment variable UNSET is not set$/],
  ['env', 'EMPTY', /^the environment variable EMPTY is empty$/],
  ['file', '/nowhere/pw', /^file:\/nowhere\/pw cannot be read: \/nowhere\/pw \(ENOENT\)$/],
  ['secret', 'none', /^secret:none cannot be read: .*\/secrets\/none \(ENOENT\)$/],
  ['secret', 'farwatch', /^secret:farwatch cannot be read: .* \(EISDIR\)$/],
  ['secret', '../outside', /^the name of a secret must stay below the directory of secrets$/],
  ['secret', 'farwatch/../../outside', /^the name of a secret must stay below/],
  ['secret', '/etc/passwd', /^the name of a secret must stay below/],
];

for (const [source, value, message] of failures) {
  test(`no secret: ${source}:${value}`, async () => {
    await assert.rejects(read(source, value), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, message);
      assert.ok(error.advice);
      return true;
    });
  });
}

test('without a directory of secrets the advice names the option', async () => {
  await assert.rejects(secretReader({ env: {} })({ source: 'secret', value: 'a' }), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.match(error.advice ?? '', /--secrets DIR/);
    return true;
  });
});
