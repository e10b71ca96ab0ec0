import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { FileChannel } from '../../shared/changes/file-channel.ts';
import { ndjson } from '../../shared/changes/ndjson.ts';
import { InvalidInput, PublishFailed } from '../../shared/failure.ts';
import { never, quiet, recordingLog, sampleChange, sampleChanges, sampleNotice } from './samples.ts';

const canLimit = spawnSync('prlimit', ['--version']).status === 0;
const isRoot = process.getuid?.() === 0;
let scratch: string;
let directory: string;
let path: string;
let number = 0;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'farwatch-file-'));
});
after(() => rm(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  number += 1;
  directory = join(scratch, String(number));
  path = join(directory, 'changes.ndjson');
  await mkdir(directory);
});

const open = () => FileChannel.open({ path, maxBatch: 100, log: quiet });

async function idsIn(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8');
  assert.ok(content === '' || content.endsWith('\n'), 'ends with a whole line');
  return content
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).id ?? JSON.parse(line).type);
}

test('changes and notices are appended, after what is there already', async () => {
  await writeFile(path, ndjson([sampleChange(1)]));
  const channel = await open();
  await channel.send(sampleChanges(2, 3), never);
  await channel.notify(sampleNotice);
  await channel.close();
  assert.deepEqual(await idsIn(path), ['id-1', 'id-2', 'id-3', 'Scan Incomplete']);
});

test('wherever a crash cut the file, opening leaves whole lines only', async () => {
  const whole = ndjson(sampleChanges(1, 3));
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length }), async (cut) => {
      await writeFile(path, whole.slice(0, cut));
      const channel = await open();
      await channel.send([sampleChange(4)], never);
      await channel.close();
      const kept = whole.slice(0, cut).split('\n').length - 1;
      assert.deepEqual(await idsIn(path), ['id-1', 'id-2', 'id-3'].slice(0, kept).concat('id-4'));
    }),
    { numRuns: 40 },
  );
});

test('a torn line longer than one read is cut off whole, and the log says so', async () => {
  await writeFile(path, `${ndjson([sampleChange(1)])}{"path":"${'x'.repeat(200_000)}`);
  const { log, lines } = recordingLog();
  const channel = await FileChannel.open({ path, maxBatch: 100, log });
  await channel.close();
  assert.deepEqual(await idsIn(path), ['id-1']);
  assert.match(lines.join(), /"cutBytes":200009/);
});

test('zeros left by a power failure are cut off like a torn line', async () => {
  await writeFile(path, `${ndjson([sampleChange(1)])}${'\0'.repeat(100)}`);
  await (await open()).close();
  assert.deepEqual(await idsIn(path), ['id-1']);
});

test('a file that is not ours is refused and left as it was', async () => {
  await writeFile(path, 'precious');
  await assert.rejects(open(), InvalidInput);
  assert.equal(await readFile(path, 'utf8'), 'precious');
});

test('after a rotation the next batch goes to the new file', async () => {
  const channel = await open();
  await channel.send([sampleChange(1)], never);
  await rename(path, `${path}.1`);
  await channel.send([sampleChange(2)], never);
  await rename(path, `${path}.2`);
  await writeFile(path, '');
  await channel.send([sampleChange(3)], never);
  await rm(path);
  await channel.send([sampleChange(4)], never);
  await channel.close();
  assert.deepEqual(await idsIn(`${path}.1`), ['id-1']);
  assert.deepEqual(await idsIn(`${path}.2`), ['id-2']);
  assert.deepEqual(await idsIn(path), ['id-4']);
});

test('a notice that comes in the middle of batches and rotations stays a line of its own', async () => {
  const channel = await open();
  const writing = sampleChanges(1, 50).flatMap((change) => [
    channel.send([change], never),
    channel.notify(sampleNotice),
  ]);
  await writing[0];
  await rm(path);
  await Promise.all(writing);
  await channel.close();
  const ids = await idsIn(path);
  assert.equal(ids.at(-2), 'id-50');
  assert.equal(ids.at(-1), 'Scan Incomplete');
  assert.ok(
    ids.every(
      (id, index) => index === 0 || (id === 'Scan Incomplete') !== (ids[index - 1] === 'Scan Incomplete'),
    ),
  );
});

test('a rotation that copies and truncates leaves no hole', async () => {
  const channel = await open();
  await channel.send([sampleChange(1)], never);
  await truncate(path, 0);
  await channel.send([sampleChange(2)], never);
  await channel.close();
  assert.deepEqual(await idsIn(path), ['id-2']);
});

test('a directory that vanishes fails the batch, and its return heals the output', async () => {
  const channel = await open();
  await channel.send([sampleChange(1)], never);
  await rename(directory, `${directory}-away`);
  await assert.rejects(channel.send([sampleChange(2)], never), (error) => {
    assert.ok(error instanceof PublishFailed);
    assert.deepEqual(error.failed, ['id-2']);
    assert.match(error.advice ?? '', /directory/);
    return true;
  });
  await rename(`${directory}-away`, directory);
  await channel.send([sampleChange(2)], never);
  await channel.close();
  assert.deepEqual(await idsIn(path), ['id-1', 'id-2']);
});

test('a write that stops half-way fails, and the half line is gone before the repeat', {
  skip: !canLimit,
}, async () => {
  const limit = (bytes: string) => {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
    assert.equal(status, 0, String(stderr));
  };
  // Without a listener this signal, which accompanies EFBIG, ends the process.
  process.on('SIGXFSZ', () => undefined);
  const channel = await open();
  await channel.send([sampleChange(1)], never);
  limit('1450');
  try {
    await assert.rejects(channel.send(sampleChanges(2, 9), never), (error) => {
      assert.ok(error instanceof PublishFailed);
      assert.equal(error.failed.length, 8);
      return true;
    });
  } finally {
    limit('unlimited');
  }
  const torn = await readFile(path, 'utf8');
  assert.equal(torn.length, 1_450);
  assert.ok(!torn.endsWith('\n'), 'the failure tore a line');
  await channel.send(sampleChanges(2, 9), never);
  await channel.close();
  const ids = await idsIn(path);
  assert.equal(new Set(ids).size, 9);
  assert.deepEqual(
    ids.slice(-8),
    sampleChanges(2, 9).map((change) => change.id),
  );
});

test('a path that cannot be an output says so at once, with what to do', async (t) => {
  const cases: readonly [string, string, RegExp][] = [
    ['a missing directory', join(directory, 'missing', 'changes.ndjson'), /Create its directory/],
    ['a directory', directory, /add a file name/],
    ['a file as directory', join(directory, 'file', 'changes.ndjson'), /Create its directory/],
    ['a device', '/dev/null', /ordinary file/],
  ];
  await writeFile(join(directory, 'file'), '');
  for (const [what, bad, advice] of cases) {
    await t.test(what, async () => {
      await assert.rejects(FileChannel.open({ path: bad, maxBatch: 1, log: quiet }), (error) => {
        assert.ok(error instanceof InvalidInput);
        assert.match(error.advice ?? '', advice);
        return true;
      });
    });
  }
});

test('a directory without write permission is refused with advice', { skip: isRoot }, async () => {
  await chmod(directory, 0o500);
  await assert.rejects(
    open(),
    (error) => error instanceof InvalidInput && /permission/.test(error.advice ?? ''),
  );
});

test('nothing is written once Farwatch is stopping', async () => {
  const channel = await open();
  await assert.rejects(channel.send([sampleChange(1)], AbortSignal.abort()), PublishFailed);
  await channel.close();
  assert.deepEqual(await idsIn(path), []);
});

test('lines of somebody else that are whole stay', async () => {
  await writeFile(path, 'a comment\n');
  await (await open()).close();
  assert.equal(await readFile(path, 'utf8'), 'a comment\n');
});
