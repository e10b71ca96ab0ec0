import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { startReceiver, status } from '../changes/webhook-receiver.ts';
import { buildTree } from '../tree-builder.ts';
import { changesIn, Home, linesOf, logIn, type Running, until } from './home.ts';
import { Mirror, sizes, summary, treeOnDisk } from './mirror.ts';

/** A directory of this machine with three files, watched every second. */
class Desk {
  readonly home: Home;
  readonly root: string;

  constructor(t: TestContext, watch: object = {}, outputs: readonly object[] = [{ type: 'stdout' }]) {
    this.home = new Home(t);
    this.root = this.home.directory('desk');
    // Of different sizes, so that every move is unique.
    for (const [index, name] of ['a', 'b', 'c'].entries()) this.write(name, name.repeat(index + 10));
    this.configure(watch, outputs);
  }

  configure(watch: object = {}, outputs: readonly object[] = [{ type: 'stdout' }]): void {
    this.home.configure({
      servers: { disk: { protocol: 'local' } },
      watches: { desk: { server: 'disk', root: this.root, every: '1s', ...watch } },
      outputs,
    });
  }

  path(name: string): string {
    return join(this.root, name);
  }

  /** In one step: a scan under way sees all of it or nothing. */
  write(name: string, content: string): void {
    writeFileSync(this.home.path('to be moved'), content);
    renameSync(this.home.path('to be moved'), this.path(name));
  }

  /** A run that goes on; resolves when its first scan is over. */
  async watching(...args: readonly string[]) {
    const running = this.home.start('run', ...args);
    await running.until('the first scan', () => running.stderr.includes('scan completed'));
    return running;
  }

  /** Has a watch of long intervals scanned, so that edits of several steps fall between scans. */
  async scan(running: Running): Promise<void> {
    const scans = scansIn(running.stderr);
    const { code, stderr } = await this.home.farwatch('scan', 'desk');
    assert.equal(code, 0, stderr);
    await running.until('the scan that was ordered', () => scansIn(running.stderr) > scans);
  }
}

const commands = [
  'run',
  'check',
  'init',
  'snapshot',
  'changes',
  'status',
  'approve',
  'reject',
  'scan',
  'pause',
  'resume',
];

describe('the command line', { concurrency: 3 }, () => {
  it('explains every command', async (t) => {
    const home = new Home(t);
    const { code, stdout } = await home.farwatch('--help');
    assert.equal(code, 0);
    for (const command of commands) {
      assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
      const help = await home.farwatch(command, '--help');
      assert.equal(help.code, 0, command);
      assert.match(help.stdout, new RegExp(`^Usage: farwatch ${command} `));
      assert.match(help.stdout, /--config <file>/);
    }
  });

  it('ends with 2 on bad arguments', async (t) => {
    const { home } = new Desk(t);
    await home.once();
    const wrong: readonly (readonly string[])[] = [
      ['fly'],
      ['run', '--onse'],
      ['run', '--once', '--log-level', 'loud'],
      ['run', '--once', '--metrics', 'many'],
      ['run', '--config', 'nowhere.yaml'],
      ['snapshot'],
      ['snapshot', 'nothing'],
      ['changes', 'desk', '--since', 'yesterday'],
      ['changes', 'desk', '--since', 'f'.repeat(32)],
      ['approve', 'desk'],
      ['pause', 'nothing'],
      ['init', '--config', 'new.yaml'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await home.farwatch(...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout, '', args.join(' '));
      assert.match(stderr, /\w/, args.join(' '));
      assert.doesNotMatch(stderr, /^ +at .*:\d+:\d+/m, args.join(' '));
    }
  });

  it('ends with 2 on a bad configuration, naming file, line and column', async (t) => {
    const { home } = new Desk(t);
    const broken = [
      'servers: [',
      'servers: {}\nwatchs: {}\n',
      'servers:\n  a: { protocol: sftp, prot: 1 }\n',
      '',
    ];
    for (const text of broken) {
      writeFileSync(home.path('farwatch.yaml'), text);
      // Whatever reads the file says the same of it.
      const readers = text === '' ? [['check'], ['run', '--once'], ['status']] : [['check']];
      for (const command of readers) {
        const { code, stderr } = await home.farwatch(...command);
        assert.equal(code, 2, stderr);
        assert.match(stderr, /farwatch\.yaml:\d+:\d+/);
        assert.doesNotMatch(stderr, /^ +at .*:\d+:\d+/m);
      }
    }
  });

  it('says that there is no state before the first run', async (t) => {
    const { home } = new Desk(t);
    for (const command of [['status'], ['snapshot', 'desk'], ['changes', 'desk'], ['pause', 'desk']]) {
      const { code, stderr } = await home.farwatch(...command);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /no state yet/);
    }
  });

  it('check --aws says what a deployment would refuse, and when nothing is left of that', async (t) => {
    const home = new Home(t);
    const configure = (password: string) =>
      home.configure({
        servers: { a: { protocol: 'sftp', host: 'a.example', username: 'u', auth: { password } } },
        watches: { in: { server: 'a', root: '/in' } },
      });
    configure('env:A');
    const refused = await home.farwatch('check', '--aws');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /farwatch\.yaml:\d+:\d+ servers\.a\.auth\.password: .*secret:NAME/);
    configure('secret:farwatch/a');
    const fine = await home.farwatch('check', '--aws');
    assert.deepEqual(
      [fine.code, fine.stderr],
      [0, 'farwatch.yaml: fine: 1 servers, 1 watches, ready to deploy\n'],
    );
  });

  it('init writes a file that works, and does not overwrite one', async (t) => {
    const home = new Home(t);
    const root = home.directory('tree');
    const flags = ['init', '--protocol', 'local', '--root', root, '--watch', 'tree'];
    const first = await home.farwatch(...flags);
    assert.equal(first.code, 0, first.stderr);
    assert.equal((await home.farwatch('check')).code, 0);
    assert.equal((await home.once()).code, 0);
    writeFileSync(join(root, 'x'), 'x');
    assert.deepEqual(summary((await home.once()).changes), [`created file ${root}/x`]);
    const written = readFileSync(home.path('farwatch.yaml'), 'utf8');
    const second = await home.farwatch(...flags);
    assert.equal(second.code, 2);
    assert.match(second.stderr, /exists already/);
    assert.equal(readFileSync(home.path('farwatch.yaml'), 'utf8'), written);
    const other = await home.farwatch(
      ...[
        'init',
        '--config',
        'other.yaml',
        '--protocol',
        'sftp',
        '--host',
        'sftp.example',
        '--username',
        'me',
      ],
      ...['--root', '/in', '--server', 'partner'],
    );
    assert.equal(other.code, 0, other.stderr);
    assert.match(other.stderr, /export PARTNER_PASSWORD=/);
    assert.equal((await home.farwatch('check', '--config', 'other.yaml')).code, 0);
  });
});

describe('beside a running Farwatch', { concurrency: 3 }, () => {
  it('status, snapshot and changes read what it knows', async (t) => {
    const desk = new Desk(t, { every: '1h' });
    const running = await desk.watching();
    desk.write('d', 'new');
    await desk.scan(running);
    await running.until('the creation', () => running.changes.length === 1);
    rmSync(desk.path('a'));
    renameSync(desk.path('b'), desk.path('e'));
    await desk.scan(running);
    await running.until('deletion and move', () => running.changes.length === 3);
    const { home } = desk;
    assert.deepEqual([...(await home.snapshot('desk')).keys()], ['c', 'd', 'e'].map(desk.path.bind(desk)));
    const seen = running.changes;
    const all = await home.farwatch('changes', 'desk');
    assert.equal(all.code, 0);
    assert.deepEqual(all.changes, seen);
    const [first] = seen;
    const since = await home.farwatch('changes', 'desk', '--since', first?.id ?? '');
    assert.deepEqual(since.changes, seen.slice(1));
    const cursor = /^cursor: (\S+)$/m.exec(since.stderr)?.[1] ?? '';
    const nothing = await home.farwatch('changes', 'desk', '--since', cursor);
    assert.deepEqual([nothing.code, nothing.stdout], [0, '']);
    const state = await home.farwatch('status');
    assert.equal(state.code, 0);
    assert.match(state.stdout, /default\/desk .*\n.*complete/);
    assert.equal((await running.stop()).code, 0);
  });

  it('pause, scan and resume are orders to it', async (t) => {
    const desk = new Desk(t, { every: '1h' });
    const running = await desk.watching();
    desk.write('d', 'new');
    assert.equal((await desk.home.farwatch('scan', 'desk')).code, 0);
    await running.until('the scan that was ordered', () => running.changes.length === 1);
    assert.equal((await desk.home.farwatch('pause', 'desk')).code, 0);
    assert.match((await desk.home.farwatch('status')).stdout, /paused/);
    desk.write('e', 'newer');
    await desk.home.farwatch('scan', 'desk');
    await desk.home.farwatch('status');
    assert.equal(running.changes.length, 1);
    assert.equal((await desk.home.farwatch('resume', 'desk')).code, 0);
    await running.until('the scan that was waiting', () => running.changes.length === 2);
    await running.stop();
  });

  it('approve lets held deletions go without a restart', async (t) => {
    const desk = new Desk(t, { every: '1h', deletes: { minCount: 1, maxPercent: 50 } });
    const running = await desk.watching();
    for (const name of ['a', 'b']) rmSync(desk.path(name));
    await desk.scan(running);
    await running.until('the hold', () => running.stderr.includes('deletions are held'));
    assert.equal((await desk.home.farwatch('approve', 'desk')).code, 0);
    await running.until('the deletions', () => running.changes.length === 2);
    assert.deepEqual(
      summary(running.changes),
      ['a', 'b'].map((name) => `deleted file ${desk.path(name)}`),
    );
    await running.stop();
  });

  it('a second run is refused', async (t) => {
    const desk = new Desk(t);
    const running = await desk.watching();
    const second = await desk.home.once();
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another|already|running/i);
    assert.doesNotMatch(second.stderr, /^ +at /m);
    desk.write('d', 'still watched');
    await running.until('the creation', () => running.changes.length === 1);
    await running.stop();
    assert.equal((await desk.home.once()).code, 0);
  });
});

describe('the end', { concurrency: 3 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} ends cleanly, and the next run misses nothing`, async (t) => {
      const desk = new Desk(t);
      const running = await desk.watching();
      desk.write('d', 'before');
      await running.until('the creation', () => running.changes.length === 1);
      const ended = await running.stop(signal);
      assert.equal(ended.code, 0, ended.stderr);
      desk.write('e', 'between');
      const next = await desk.home.once();
      assert.deepEqual(summary(next.changes), [`created file ${desk.path('e')}`]);
    });
  }

  it('a signal in mid-scan loses nothing', async (t) => {
    const desk = new Desk(t, { initial: 'emit' });
    buildTree(desk.root, { files: 3_000, directories: 1_500, seed: 3 });
    const running = desk.home.start('run');
    await running.until('the first changes', () => running.stdout.includes('\n'));
    const ended = await running.stop();
    assert.equal(ended.code, 0, ended.stderr);
    const next = await desk.home.once();
    assert.equal(next.code, 0, next.stderr);
    const mirror = new Mirror().apply([...ended.changes, ...next.changes]);
    assert.deepEqual(sizes(mirror.tree), sizes(treeOnDisk(desk.root)));
  });

  it('a reader that goes away ends it, and what it did not take comes again', async (t) => {
    const desk = new Desk(t, { initial: 'emit' }, [{ type: 'stdout', maxBatch: 10 }]);
    buildTree(desk.root, { files: 3_000, directories: 20, seed: 4 });
    const running = desk.home.start('run');
    await running.until('the first line', () => running.stdout.includes('\n'));
    running.child.stdout.destroy();
    const ended = await running.ended;
    assert.equal(ended.code, 0, ended.stderr);
    const warnings = logIn(ended.stderr).filter((line) => line.level !== 'info');
    assert.equal(warnings.length, 1, ended.stderr);
    assert.match(ended.stderr, /has gone away/);
    const next = await desk.home.once();
    assert.ok(next.changes.length > 0);
    const mirror = new Mirror().apply([...ended.changes, ...next.changes]);
    // What stood in the pipe when it was closed was handed over and read by nobody; nothing else may be missing.
    const seen = new Set(mirror.tree.keys());
    const unread = [...treeOnDisk(desk.root).keys()].filter((path) => !seen.has(path));
    const leastLine = 300;
    assert.ok(unread.length <= unreadBytes / leastLine, `${unread.length} changes never came`);
  });
});

/** What Linux keeps for a reader: Node's pipes between processes are socket pairs (wmem_default, socket(7)). */
const unreadBytes = 212_992;

describe('settle', () => {
  it('reports a growing file once, after it has stopped', async (t) => {
    // Two scans of four files take less than that on any machine.
    const desk = new Desk(t, { settle: '12s' });
    const running = await desk.watching();
    const written: number[] = [];
    for (let step = 1; step <= 4; step += 1) {
      written.push(Date.now());
      appendFileSync(desk.path('upload'), 'x'.repeat(100));
      const scans = scansIn(running.stderr);
      await running.until('two more scans', () => scansIn(running.stderr) >= scans + 2);
      assert.deepEqual(running.changes, [], 'still growing');
    }
    await running.until('the creation', () => running.changes.length > 0);
    const [change] = running.changes;
    assert.deepEqual(summary(running.changes), [`created file ${desk.path('upload')}`]);
    assert.equal(change?.new?.size, 400);
    const last = written.at(-1) ?? 0;
    assert.ok(Date.parse(change?.detectedAt ?? '') - last >= 12_000);
    assert.deepEqual((await running.stop()).changes.length, 1);
  });
});

function scansIn(stderr: string): number {
  return stderr.split('scan completed').length - 1;
}

describe('outputs', { concurrency: 3 }, () => {
  it('a webhook gets every change, again after a refusal', async (t) => {
    const receiver = await startReceiver(status(503), status(500), status(204));
    t.after(() => receiver.close());
    const desk = new Desk(t, {}, [
      { type: 'webhook', url: receiver.url, headers: { Authorization: 'env:HOOK_TOKEN' } },
    ]);
    desk.home.env('HOOK_TOKEN', 'Bearer of-secrets');
    const running = await desk.watching();
    desk.write('d', 'new');
    await running.until('the third delivery', () => receiver.requests.length >= 3);
    const bodies = receiver.requests.map((request) => request.body);
    assert.equal(new Set(bodies).size, 1, 'the same changes each time');
    assert.match(bodies[0] ?? '', /"version":1,"changes":\[\{/);
    assert.ok(bodies[0]?.includes(desk.path('d')));
    assert.equal(receiver.requests[0]?.headers.authorization, 'Bearer of-secrets');
    const ended = await running.stop();
    assert.doesNotMatch(ended.stderr, /of-secrets/);
    assert.equal((await desk.home.once()).code, 0);
    assert.equal(receiver.requests.length, 3);
  });

  it('a dead webhook delays neither the scans nor the file', async (t) => {
    const desk = new Desk(t, {}, [
      { type: 'webhook', url: 'http://127.0.0.1:9/hook', timeout: '1s' },
      { type: 'file', path: 'changes.ndjson' },
    ]);
    const running = await desk.watching();
    for (const name of ['d', 'e']) {
      desk.write(name, name);
      await running.until('the line in the file', () =>
        fileOf(desk).some(({ path }) => path === desk.path(name)),
      );
    }
    await running.stop();
    assert.deepEqual(
      summary(fileOf(desk)),
      ['d', 'e'].map((name) => `created file ${desk.path(name)}`),
    );
  });

  it('a command reads each batch from its standard input, in the surroundings of the caller', async (t) => {
    const script = `const fs = require('node:fs');
      fs.writeFileSync('arenas', String(process.env.MALLOC_ARENA_MAX));
      process.stdin.pipe(fs.createWriteStream('taken.ndjson', { flags: 'a' }))`;
    const desk = new Desk(t, {}, [{ type: 'command', command: [process.execPath, '-e', script] }]);
    await desk.home.once();
    desk.write('d', 'new');
    const { code, stderr } = await desk.home.once();
    assert.equal(code, 0, stderr);
    const taken = readFileSync(desk.home.path('taken.ndjson'), 'utf8');
    assert.ok(linesOf(taken).some((line) => line.includes(desk.path('d'))));
    const arenas = String(process.env['MALLOC_ARENA_MAX']);
    assert.equal(readFileSync(desk.home.path('arenas'), 'utf8'), arenas, 'what the launcher sets is its own');
  });

  it('metrics and health are served', async (t) => {
    const desk = new Desk(t);
    const running = await desk.watching('--metrics', '0');
    const port = /"port":(\d+)/.exec(running.stderr)?.[1];
    desk.write('d', 'new');
    await running.until('the creation', () => running.changes.length === 1);
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    await until('the change is counted', async () =>
      /^farwatch_\w*changes\w*\{[^}]*type="created"[^}]*\} 1$/m.test(await get('/metrics')),
    );
    assert.match(await get('/metrics'), /watch="desk"/);
    assert.deepEqual(JSON.parse(await get('/health')), { status: 'ok', reasons: [] });
    await running.stop();
  });
});

function fileOf(desk: Desk) {
  try {
    return changesIn(readFileSync(desk.home.path('changes.ndjson'), 'utf8'));
  } catch {
    return [];
  }
}
