import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const program = fileURLToPath(new URL('./observability-program.ts', import.meta.url));
const line = z.looseObject({ level: z.string(), message: z.string(), service: z.string() });

/** What the program's functions log, as CloudWatch would get it. */
const { output, lines } = run();

function run() {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], POWERTOOLS_SERVICE_NAME: 'farwatch', POWERTOOLS_LOG_LEVEL: 'INFO' },
    },
  );
  assert.equal(status, 0, stderr);
  const text = stdout + stderr;
  return {
    output: text,
    lines: text
      .split('\n')
      .filter(Boolean)
      .map((written) => line.parse(JSON.parse(written))),
  };
}

function saying(message: string) {
  const found = lines.find((candidate) => candidate.message === message);
  assert.ok(found, `a line says ${message}`);
  return found;
}

test('no line holds a secret, however JSON writes it', () => {
  assert.doesNotMatch(output, /hunter22|and more|quotes|BEGIN KEY|user:pass/);
  assert.equal(saying('the server said [secret]')['said'], '530 [secret] is wrong');
  assert.deepEqual(saying('abc')['deep'], { list: ['[secret]', '[secret]'] });
  assert.equal(saying('hook')['url'], 'https://user:[secret]@hook.example/x');
});

test('a child carries its fields, the line’s own ones come before them, and the parent knows nothing', () => {
  const { tenant, watch, scan, files, level, service } = saying('child');
  assert.deepEqual(
    { tenant, watch, scan, files, level, service },
    { tenant: 'acme', watch: 'other', scan: 7, files: 3, level: 'WARN', service: 'farwatch' },
  );
  assert.equal(saying('parent')['tenant'], undefined);
});

test('our failures say what happened and what to do, and no stack', () => {
  assert.deepEqual(saying('ours')['err'], {
    name: 'RemoteAuth',
    message: 'the server refuses "acme"',
    reason: 'login',
    advice: 'Correct the password.',
    cause: 'Permission denied ([secret])',
  });
  assert.deepEqual(saying('ours without advice')['err'], {
    name: 'PublishFailed',
    message: 'not every change',
  });
  assert.deepEqual(saying('by another name')['error'], { name: 'InvalidInput', message: 'as an error too' });
});

test('anything else is a defect: with its stack and its cause', () => {
  const err = z
    .object({ name: z.string(), message: z.string(), stack: z.string(), cause: z.looseObject({}) })
    .parse(saying('a defect')['err']);
  assert.equal(err.name, 'TypeError');
  assert.equal(err.message, 'no [secret] here');
  assert.match(err.stack, /observability-program\.ts/);
  assert.equal(err.cause['message'], 'the server refuses "acme"');
  assert.equal(err.cause['advice'], 'Correct the password.');
});

test('what is below the level is not written', () => {
  assert.ok(!output.includes('not at this level'));
});
