import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { CommandChannel } from '../../shared/changes/command-channel.ts';
import { ndjson } from '../../shared/changes/ndjson.ts';
import { PublishFailed } from '../../shared/failure.ts';
import { never, quiet, recordingLog, sampleChange, sampleChanges, sampleNotice, until } from './samples.ts';

let scratch: string;
let out: string;
let number = 0;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'farwatch-command-'));
});
after(() => rm(scratch, { recursive: true, force: true }));
beforeEach(() => {
  number += 1;
  out = join(scratch, `out ${number}`);
});

/** Runs a shell script with the scratch file as $1. */
function shell(script: string, more: { timeoutMs?: number; log?: typeof quiet } = {}): CommandChannel {
  const command = ['sh', '-c', script, 'sh', out];
  return new CommandChannel({ command, timeoutMs: 60_000, maxBatch: 100, log: quiet, ...more });
}

/** A process that has ended may wait as a zombie for whoever inherited it. */
function isAlive(pid: number): boolean {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && !stdout.startsWith('Z');
}

test('a command gets the batch on standard input and its size in the environment', async () => {
  const channel = shell('cat >"$1"; echo "$FARWATCH_CHANGES" >>"$1"');
  await channel.send(sampleChanges(1, 3), never);
  assert.equal(await readFile(out, 'utf8'), `${ndjson(sampleChanges(1, 3))}3\n`);
});

test('a notice is a line of its own, with no change', async () => {
  await shell('cat >"$1"; echo "$FARWATCH_CHANGES $FARWATCH_NOTICES" >>"$1"').notify(sampleNotice, never);
  assert.equal(await readFile(out, 'utf8'), `${ndjson([sampleNotice])}0 1\n`);
});

test('there is no shell between Farwatch and the arguments', async () => {
  const command = ['sh', '-c', 'printf %s "$1" >"$2"', 'sh', '$(touch x); `id` *', out];
  await new CommandChannel({ command, timeoutMs: 60_000, maxBatch: 1, log: quiet }).send(
    [sampleChange(1)],
    never,
  );
  assert.equal(await readFile(out, 'utf8'), '$(touch x); `id` *');
});

const large = [sampleChange(1, { path: `/${'x'.repeat(2_000_000)}` })];

test('a command that reads nothing and ends with 0 has taken the batch', async () => {
  await shell('exec true').send(large, never);
});

for (const [what, script, expected] of [
  ['a code', 'cat >/dev/null; exit 3', /ended with code 3/],
  ['a code, unread', 'exit 3', /ended with code 3/],
  ['a signal', 'kill -9 $$', /ended by SIGKILL/],
] as const) {
  test(`a command that ends with ${what} has taken nothing`, async () => {
    await assert.rejects(shell(script).send(large, never), (error) => {
      assert.ok(error instanceof PublishFailed);
      assert.match(error.message, expected);
      assert.deepEqual(error.failed, ['id-1']);
      assert.ok(error.advice);
      return true;
    });
  });
}

test('a program that is not there is a failure with advice', async () => {
  const channel = new CommandChannel({ command: [out], timeoutMs: 1_000, maxBatch: 1, log: quiet });
  await assert.rejects(channel.send([sampleChange(1)], never), (error) => {
    assert.ok(error instanceof PublishFailed);
    assert.match(error.message, /ENOENT/);
    assert.match(error.advice ?? '', /exists, is executable/);
    return true;
  });
});

/** The time is up when the script has written a process to $1, however long its start took. Returns the process. */
async function timedOut(t: TestContext, script: string, graceMs = 0): Promise<number> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const rejected = assert.rejects(
    shell(script, { timeoutMs: 300 }).send([sampleChange(1)], never),
    /killed after 300 ms/,
  );
  await until(hasWritten);
  const pid = Number(await readFile(out, 'utf8'));
  assert.ok(pid > 0);
  t.mock.timers.tick(299);
  assert.ok(isAlive(pid), 'it has its time');
  t.mock.timers.tick(1);
  t.mock.timers.tick(graceMs);
  await rejected;
  return pid;
}

const hasWritten = async () => (await readFile(out, 'utf8').catch(() => '')).endsWith('\n');

test('the time-out ends the command and its children', async (t) => {
  const pid = await timedOut(t, 'sleep 1000 & echo $! >"$1"; wait');
  await until(() => !isAlive(pid));
});

test('a command that ignores SIGTERM is ended all the same', async (t) => {
  const pid = await timedOut(t, 'trap "" TERM; echo $$ >"$1"; while :; do sleep 0.1; done', 2_000);
  await until(() => !isAlive(pid));
});

test('a command killed by the time-out has not taken the batch, whatever its code', async (t) => {
  await timedOut(t, 'trap "exit 0" TERM; echo $$ >"$1"; while :; do sleep 0.1; done');
});

test('stopping Farwatch stops the command', async () => {
  const stop = new AbortController();
  const sending = shell('echo $$ >"$1"; exec sleep 1000').send([sampleChange(1)], stop.signal);
  const settled = assert.rejects(sending, /was stopped with Farwatch/);
  await until(hasWritten);
  stop.abort();
  await settled;
  const pid = Number(await readFile(out, 'utf8'));
  await until(() => !isAlive(pid));
});

test('a daemon left behind does not hold up the batch', async () => {
  await shell('sleep 1000 & echo $! >"$1"').send([sampleChange(1)], never);
  const pid = Number(await readFile(out, 'utf8'));
  assert.ok(isAlive(pid), 'it lives on: the command succeeded');
  process.kill(pid);
});

test('what the command says goes to the log, and never to standard output', async () => {
  const { log, lines } = recordingLog();
  await shell('echo hello; echo "disk is nearly full" >&2', { log }).send([sampleChange(1)], never);
  const said = new Map(lines.map((line) => JSON.parse(line)).map(({ msg, level }) => [msg, level]));
  assert.deepEqual(
    said,
    new Map([
      ['hello', 20],
      ['disk is nearly full', 40],
    ]),
  );
});
