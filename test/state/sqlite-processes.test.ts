import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { lockRunner, openSqliteState } from '../../shared/state/sqlite/sqlite-state.ts';
import { enrolment, failsWith, ids, incoming, t0 } from './samples.ts';

const program = join(import.meta.dirname, 'sqlite-program.ts');

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[];
  /** What went to standard error: nothing, unless a raw error got out. */
  readonly errors: () => string;
  /** Resolves with the first line that is there, or undefined when the process ends without one. */
  readonly firstLine: Promise<string | undefined>;
  readonly exit: Promise<number | null>;
}

function start(...args: readonly string[]): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args]);
  const lines: string[] = [];
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const reading = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const firstLine = new Promise<string | undefined>((resolve) => {
    reading.once('line', resolve).once('close', () => resolve(undefined));
  });
  // 'close': all output has been read, unlike 'exit'
  const exit = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : null));
  return { child, lines, errors: () => errors, firstLine, exit };
}

async function finished(running: Running): Promise<void> {
  assert.equal(await running.exit, 0, running.lines.at(-1) ?? running.errors());
  assert.equal(running.errors(), '');
}

describe('SQLite state and processes', { timeout: 600_000 }, () => {
  let directory = '';
  let number = 0;
  const fresh = () => {
    number += 1;
    return join(directory, `${number}.db`);
  };
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'farwatch-processes-'));
  });
  after(() => rm(directory, { recursive: true }));

  test('a second process cannot take the runner lock, and is told what to do', async () => {
    const file = fresh();
    const first = start('lock', file);
    assert.equal(await first.firstLine, 'locked');
    const second = start('lock', file);
    assert.equal(await second.exit, 1);
    assert.match(second.lines[0] ?? '', /"StateUnusable".*another \\"farwatch run\\".*"advice":"Stop it/);
    assert.throws(() => lockRunner(file), failsWith('StateUnusable'));
    first.child.stdin.end();
    await finished(first);
    lockRunner(file)();
  });

  test('kill -9 of the runner frees its lock', async () => {
    const file = fresh();
    const first = start('lock', file);
    assert.equal(await first.firstLine, 'locked');
    first.child.kill('SIGKILL');
    await first.exit;
    const unlock = lockRunner(file);
    assert.throws(() => lockRunner(file), failsWith('StateUnusable'));
    unlock();
    lockRunner(file)();
  });

  test('the runner lock leaves the state open to others', async () => {
    const file = fresh();
    const first = start('lock', file);
    assert.equal(await first.firstLine, 'locked');
    const state = openSqliteState(file, { create: true });
    await state.enroll(enrolment(), t0);
    assert.ok(await state.watch(incoming));
    await state.close();
    first.child.stdin.end();
    await finished(first);
  });

  test('processes that make the state at the same moment all succeed', async () => {
    for (let round = 0; round < 2; round += 1) {
      const file = fresh();
      const openers = Array.from({ length: 4 }, () => start('open', file));
      for (const opener of openers) assert.equal(await opener.firstLine, 'ready');
      for (const opener of openers) opener.child.stdin.end();
      for (const opener of openers) await finished(opener);
    }
  });

  test('processes that write at the same time do not lock each other out', async () => {
    const file = fresh();
    const names = ['one', 'two', 'three'];
    const writers = names.map((name) => start('commits', file, name, '150'));
    for (const writer of writers) await finished(writer);
    const state = openSqliteState(file, { create: false });
    for (const name of names) assert.equal((await state.directory(`acme/${name}`, ''))?.generation, 150);
    await state.close();
  });

  test('rules 15 and 18: a reader beside a writing process misses nothing', async () => {
    const file = fresh();
    const state = openSqliteState(file, { create: true });
    await state.enroll(enrolment(), t0);
    await state.registerOutputs(['spy']);
    const scans = 150;
    const writer = start('scans', file, 'incoming', String(scans));
    let writing = true;
    void writer.exit.then(() => {
      writing = false;
    });
    const read: string[] = [];
    const published: string[] = [];
    let cursor: string | null = null;
    const look = async () => {
      const page = await state.changes(incoming, cursor, 1_000);
      read.push(...ids(page));
      cursor = page.cursor;
      const batch = await state.unpublished('spy', { limit: 1_000 });
      published.push(...ids(batch));
      if (batch.position !== null) await state.advance('spy', batch.position);
    };
    while (writing) {
      await look();
      await setImmediate();
    }
    await finished(writer);
    await look();
    const expected = (order: readonly number[]) =>
      Array.from({ length: scans }, (_, index) =>
        order.flatMap((place) => [`${index + 1}-${place}-a`, `${index + 1}-${place}-b`]),
      ).flat();
    assert.deepEqual(read, expected([0, 1]));
    assert.deepEqual(published, expected([1, 0]));
    await state.close();
  });

  test('kill -9 in the middle of commits takes no acknowledged commit back', async () => {
    const file = fresh();
    let acknowledged = 0;
    for (const linesBefore of [1, 30, 7, 63]) {
      const writer = start('commits', file, 'incoming', '1000000');
      createInterface(writer.child.stdout).on('line', () => {
        if (writer.lines.length >= linesBefore) writer.child.kill('SIGKILL');
      });
      await writer.exit;
      assert.equal(writer.child.signalCode, 'SIGKILL', writer.errors());
      assert.equal(writer.errors(), '');
      assert.equal(Number(writer.lines[0]) > acknowledged, true, 'it went on where it was');
      acknowledged = Number(writer.lines.at(-1));

      const state = openSqliteState(file, { create: false });
      await state.registerOutputs([]);
      const generation = (await state.directory(incoming, ''))?.generation ?? 0;
      assert.ok(generation >= acknowledged, `generation ${generation}, acknowledged ${acknowledged}`);
      assert.ok(generation <= acknowledged + 1, 'at most the one in flight is there besides');
      const heads = await state.chunkHeads(incoming, '');
      const chunks = await state.chunks(
        incoming,
        '',
        heads.map((head) => head.chunk),
      );
      assert.deepEqual(
        chunks.flatMap(({ entries }) => entries.map((entry) => entry.name)),
        [String(generation)],
        'entries and generation are of one commit',
      );
      await state.close();
    }
    const state = openSqliteState(file, { create: false });
    const generation = (await state.directory(incoming, ''))?.generation ?? 0;
    await state.abandonTasks(incoming, 1);
    const { openScan } = (await state.watch(incoming)) ?? {};
    assert.equal(openScan, 1);
    await state.enroll(enrolment({ identity: 'elsewhere' }), t0); // ends the scan, so that the log shows it
    const { changes } = await state.changes(incoming, null, 1_000_000);
    assert.deepEqual(
      changes.map(({ id }) => id),
      Array.from({ length: generation }, (_, index) => String(index + 1)),
      'the log holds the changes of every commit',
    );
    await state.close();
  });

  for (const order of ['openUnprivileged', 'lockUnprivileged']) {
    test(`${order}: a directory that may not be written to is a clear error`, async () => {
      await chmod(directory, 0o755);
      const sealed = join(directory, order);
      await mkdir(sealed);
      await chmod(sealed, 0o555);
      for (const file of [join(sealed, 'farwatch.db'), join(sealed, 'new', 'farwatch.db')]) {
        const opener = start(order, file);
        assert.equal(await opener.exit, 1);
        assert.equal(opener.errors(), '');
        assert.match(
          opener.lines[0] ?? '',
          /"StateUnusable".*cannot be opened.*"advice":"Check the permissions/,
        );
      }
      await chmod(sealed, 0o755);
    });
  }

  test('a state that may only be read is a clear error', async () => {
    await chmod(directory, 0o755);
    const sealed = join(directory, 'sealed');
    await mkdir(sealed);
    const file = join(sealed, 'farwatch.db');
    await openSqliteState(file, { create: true }).close();
    await chmod(file, 0o444);
    await chmod(sealed, 0o555);
    const opener = start('openUnprivileged', file);
    assert.equal(await opener.exit, 1);
    assert.equal(opener.errors(), '');
    assert.match(opener.lines[0] ?? '', /"StateUnusable".*"advice":"Check the permissions/);
    await chmod(sealed, 0o755);
  });
});
