import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { changesIn, Home, logIn } from './home.ts';
import { summary } from './mirror.ts';

/** 100 files, of which more than 20 percent and more than 10 must not go at once. */
class Inbox {
  readonly home: Home;
  readonly root: string;

  constructor(t: TestContext, deletes: object = {}) {
    this.home = new Home(t);
    this.root = this.home.directory('inbox');
    mkdirSync(join(this.root, 'sub'));
    for (let index = 0; index < 100; index += 1) this.write(index);
    this.home.configure({
      servers: { disk: { protocol: 'local' } },
      watches: { inbox: { server: 'disk', root: this.root, deletes: { minCount: 10, ...deletes } } },
      outputs: [{ type: 'stdout', notices: true }],
    });
  }

  path(index: number): string {
    return join(this.root, index % 2 === 0 ? 'sub' : '', `f${index}`);
  }

  write(index: number): void {
    writeFileSync(this.path(index), `file ${index}`.padEnd(20 + index));
  }

  remove(from: number, to: number): void {
    for (let index = from; index < to; index += 1) rmSync(this.path(index), { force: true });
  }

  gone(from: number, to: number): readonly string[] {
    const indexes = Array.from({ length: to - from }, (_, offset) => from + offset);
    return indexes.map((index) => `deleted file ${this.path(index)}`).sort();
  }

  /** One scan; returns what it reported, and the notices beside `Scan Completed`. */
  async scan(code: number) {
    const ended = await this.home.once();
    assert.equal(ended.code, code, ended.stderr);
    const lines = ended.stdout.split('\n').filter((line) => line !== '');
    const notices = lines.filter((line) => line.includes('"message":'));
    const changes = lines.filter((line) => !notices.includes(line));
    return {
      reported: changes.map((line) => summaryOf(line)).sort(),
      notices: notices.map(noticeType).filter((type) => type !== 'Scan Completed'),
      errors: logIn(ended.stderr).filter((line) => line.level === 'error'),
    };
  }
}

const notice = z.object({ type: z.string(), message: z.string() });

function noticeType(line: string): string {
  return notice.parse(JSON.parse(line)).type;
}

function summaryOf(line: string): string {
  const [change] = changesIn(`${line}\n`);
  assert.ok(change);
  return summary([change])[0] ?? '';
}

describe('mass deletion', { concurrency: 2 }, () => {
  it('is held with one notice, and everything else goes on', async (t) => {
    const inbox = new Inbox(t);
    assert.deepEqual((await inbox.scan(0)).reported, []);
    inbox.remove(0, 40);
    writeFileSync(join(inbox.root, 'fresh'), 'created meanwhile');
    const held = await inbox.scan(1);
    assert.deepEqual(held.reported, [`created file ${join(inbox.root, 'fresh')}`]);
    assert.deepEqual(held.notices, ['Watch Suspended']);
    assert.equal(held.errors.length, 1);
    assert.match(held.errors[0]?.msg ?? '', /held/);
    assert.match(String(held.errors[0]?.['advice']), /farwatch approve inbox/);
    const again = await inbox.scan(1);
    assert.deepEqual(again.reported, []);
    assert.deepEqual(again.notices, []);
    const status = await inbox.home.farwatch('status');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /40 deletions/);
  });

  it('approved: what is still absent goes, what came back stays', async (t) => {
    const inbox = new Inbox(t);
    await inbox.scan(0);
    inbox.remove(0, 40);
    await inbox.scan(1);
    const approved = await inbox.home.farwatch('approve', 'inbox');
    assert.equal(approved.code, 0, approved.stderr);
    for (let index = 0; index < 5; index += 1) inbox.write(index);
    const after = await inbox.scan(0);
    const deletions = after.reported.filter((line) => line.startsWith('deleted'));
    assert.deepEqual(deletions, inbox.gone(5, 40));
    // They came back with another time: modified, never deleted.
    const others = after.reported.filter((line) => !line.startsWith('deleted'));
    assert.deepEqual(others, [0, 1, 2, 3, 4].map((index) => `modified file ${inbox.path(index)}`).sort());
    assert.deepEqual((await inbox.scan(0)).reported, []);
    assert.equal((await inbox.home.snapshot('inbox')).size, 66);
  });

  it('approval is for the set that was shown: what goes after it is judged anew', async (t) => {
    const inbox = new Inbox(t);
    await inbox.scan(0);
    inbox.remove(0, 40);
    await inbox.scan(1);
    await inbox.home.farwatch('approve', 'inbox');
    inbox.remove(40, 80);
    const after = await inbox.scan(1);
    assert.deepEqual(after.reported, inbox.gone(0, 40));
    const wrong = await inbox.home.farwatch('approve', 'inbox', '--set', '000000000000');
    assert.equal(wrong.code, 2, wrong.stderr);
  });

  it('rejected: kept and quiet, later deletions are reported', async (t) => {
    const inbox = new Inbox(t);
    await inbox.scan(0);
    inbox.remove(0, 40);
    await inbox.scan(1);
    const rejected = await inbox.home.farwatch('reject', 'inbox');
    assert.equal(rejected.code, 0, rejected.stderr);
    const quiet = await inbox.scan(0);
    assert.deepEqual(quiet.reported, []);
    assert.deepEqual(quiet.errors, []);
    inbox.remove(40, 43);
    assert.deepEqual((await inbox.scan(0)).reported, inbox.gone(40, 43));
    // A rejected file that comes back and goes again is a deletion like any other.
    inbox.write(7);
    assert.deepEqual((await inbox.scan(0)).reported, [`modified file ${inbox.path(7)}`]);
    inbox.remove(7, 8);
    assert.deepEqual((await inbox.scan(0)).reported, inbox.gone(7, 8));
    assert.equal((await inbox.home.farwatch('status')).code, 0);
  });

  it('is none below minCount, nor when all comes back', async (t) => {
    const inbox = new Inbox(t, { minCount: 50 });
    await inbox.scan(0);
    inbox.remove(0, 49);
    assert.deepEqual((await inbox.scan(0)).reported, inbox.gone(0, 49));
    const other = new Inbox(t);
    await other.scan(0);
    other.remove(0, 40);
    await other.scan(1);
    for (let index = 0; index < 40; index += 1) other.write(index);
    const back = await other.scan(0);
    assert.deepEqual(back.notices, ['Watch Resumed']);
    assert.ok(back.reported.every((line) => line.startsWith('modified')));
  });
});

describe('deletes.confirm', () => {
  it('waits for the second complete scan without the file', async (t) => {
    const inbox = new Inbox(t, { confirm: 2 });
    await inbox.scan(0);
    inbox.remove(1, 2);
    assert.deepEqual((await inbox.scan(0)).reported, []);
    assert.deepEqual((await inbox.scan(0)).reported, inbox.gone(1, 2));
    inbox.remove(3, 4);
    assert.deepEqual((await inbox.scan(0)).reported, []);
    writeFileSync(inbox.path(3), `file 3`.padEnd(99));
    assert.deepEqual((await inbox.scan(0)).reported, [`modified file ${inbox.path(3)}`]);
    assert.deepEqual((await inbox.scan(0)).reported, []);
  });

  it('does not keep a rename from being reported at once', async (t) => {
    const inbox = new Inbox(t, { confirm: 3 });
    await inbox.scan(0);
    renameSync(inbox.path(1), join(inbox.root, 'renamed'));
    assert.deepEqual((await inbox.scan(0)).reported, [
      `moved file ${inbox.path(1)} -> ${join(inbox.root, 'renamed')}`,
    ]);
  });
});
