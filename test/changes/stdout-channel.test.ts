import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { isReaderGone, StdoutChannel } from '../../shared/changes/stdout-channel.ts';
import { PublishFailed } from '../../shared/failure.ts';
import { never, sampleChange } from './samples.ts';

const program = fileURLToPath(new URL('./stdout-program.ts', import.meta.url));
const hasScript = spawnSync('script', ['--version']).status === 0;

test('a pipe gets one JSON object a line, and notices only where they are wanted', async () => {
  for (const notices of [0, 1]) {
    const child = spawn(process.execPath, [program, '2', '3', String(notices)]);
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const records = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      records.slice(0, 6).map((record) => record.id),
      ['id-0', 'id-1', 'id-2', 'id-3', 'id-4', 'id-5'],
    );
    assert.deepEqual(
      records.slice(6).map((record) => record.type),
      notices === 1 ? ['Scan Incomplete'] : [],
    );
    assert.equal(err, 'sent 6\n');
  }
});

test('a reader that went away is a failure with its own mark, and the process ends by itself', async () => {
  const child = spawn(process.execPath, [program, '1000', '1000', '0']);
  const errors = text(child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = await once(child, 'exit');
  assert.equal(await errors, 'reader gone: true\n');
  assert.equal(code, 0);
});

test('a reader that stands still does not keep a send from being stopped', async () => {
  // A pipe whose far end is never read: its buffers fill up and the write callback does not come.
  const child = spawn('sleep', ['60']);
  const full = child.stdin as unknown as NodeJS.WriteStream;
  const channel = new StdoutChannel({ maxBatch: 1_000, stdout: full });
  const stop = new AbortController();
  try {
    const sending = channel.send([sampleChange(1, { path: `/${'x'.repeat(1_000_000)}` })], stop.signal);
    setImmediate(() => stop.abort());
    await assert.rejects(sending, (error) => {
      assert.ok(error instanceof PublishFailed);
      assert.deepEqual(error.failed, ['id-1']);
      assert.equal(isReaderGone(error), false);
      return true;
    });
    await assert.rejects(channel.send([sampleChange(2)], stop.signal), PublishFailed);
  } finally {
    child.kill();
  }
});

test('only a vanished reader counts as one', () => {
  const elsewhere = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  assert.equal(isReaderGone(new PublishFailed('the webhook broke off', [], { cause: elsewhere })), false);
  assert.equal(isReaderGone(elsewhere), false);
});

test('the progress line makes room for every write', async () => {
  const child = spawn('cat');
  const output = text(child.stdout);
  const order: string[] = [];
  const channel = new StdoutChannel({
    maxBatch: 10,
    stdout: child.stdin as unknown as NodeJS.WriteStream,
    suspend: async (print) => {
      order.push('cleared');
      await print();
      order.push('drawn');
    },
  });
  await channel.send([sampleChange(1)], never);
  assert.deepEqual(order, ['cleared', 'drawn']);
  child.stdin.end();
  assert.match(await output, /"id":"id-1"/);
});

for (const [env, colours] of [
  ['TERM=xterm-256color', true],
  ['TERM=xterm-256color NO_COLOR=1', false],
  ['TERM=dumb', false],
] as const) {
  test(`a terminal gets readable lines, ${colours ? 'coloured' : 'plain'} with ${env}`, {
    skip: !hasScript,
  }, () => {
    const command = `env -u CI -u FORCE_COLOR -u NO_COLOR ${env} ${process.execPath} ${program} 1 2 1`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    assert.equal(stdout.includes('\x1b['), colours);
    const plain = stripVTControlCharacters(stdout);
    assert.equal(
      plain.match(/^\d\d:\d\d:03 {2}\+ created {3}incoming {2}\/a\\nb {2}1 KB\r$/gm)?.length,
      2,
      plain,
    );
    assert.match(plain, /! Scan Incomplete {2}incoming {2}2 directories could not be read/);
  });
}
