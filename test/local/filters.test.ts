import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { giveToTestUser } from '../servers/account.ts';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import { Home } from './home.ts';
import { summary } from './mirror.ts';
import { serverEntry } from './server-entry.ts';

const content = {
  'top.csv': 10,
  'top.txt': 11,
  'UPPER.CSV': 12,
  '.hidden.csv': 13,
  'orders/1.csv': 14,
  'orders/big.csv': 5_000,
  'orders/deep/2.csv': 15,
  'orders/deep/er/3.csv': 16,
  'archive/old.csv': 17,
  '.secret/4.csv': 18,
};

/** A tree with something for every filter, on this machine. */
class Cabinet {
  readonly home: Home;
  readonly root: string;

  constructor(t: TestContext) {
    this.home = new Home(t);
    this.root = this.home.directory('cabinet');
    for (const [path, size] of Object.entries(content)) this.write(path, size);
  }

  write(path: string, size: number): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), 'x'.repeat(size));
  }

  watch(rules: object): void {
    this.home.configure({
      servers: { disk: { protocol: 'local' } },
      watches: { cabinet: { server: 'disk', root: this.root, ...rules } },
      outputs: [{ type: 'stdout' }],
    });
  }

  /** One good scan; what it reports, relative to the root, directories with a slash at the end. */
  async scan(): Promise<readonly string[]> {
    const { code, stderr, changes } = await this.home.once();
    assert.equal(code, 0, stderr);
    return changes
      .map(({ type, kind, path }) => {
        const name = path.slice(this.root.length + 1) + (kind === 'directory' ? '/' : '');
        return type === 'created' ? name : `${type} ${name}`;
      })
      .sort();
  }
}

const rules: readonly { readonly name: string; readonly rules: object; readonly shows: readonly string[] }[] =
  [
    {
      name: 'include: a glob of one level, in all its letters',
      rules: { include: ['*.csv'] },
      shows: ['.hidden.csv', 'top.csv'],
    },
    {
      name: 'caseSensitive: false',
      rules: { include: ['*.csv'], caseSensitive: false, hidden: false },
      shows: ['UPPER.CSV', 'top.csv'],
    },
    {
      name: 'include below a directory, exclude within',
      rules: { include: ['orders/**/*.csv'], exclude: ['orders/deep/er/**'] },
      shows: ['orders/1.csv', 'orders/big.csv', 'orders/deep/2.csv'],
    },
    {
      name: 'regular expressions',
      rules: { include: [{ regex: '^orders/.*[12]\\.csv$' }], kinds: ['files'] },
      shows: ['orders/1.csv', 'orders/deep/2.csv'],
    },
    {
      name: 'hidden: false, and an excluded directory with all below it',
      rules: { hidden: false, exclude: ['orders/deep', 'archive/**'], kinds: ['files'] },
      shows: ['UPPER.CSV', 'orders/1.csv', 'orders/big.csv', 'top.csv', 'top.txt'],
    },
    {
      name: 'maxDepth',
      rules: { maxDepth: 2, hidden: false, include: ['**/*.csv'], kinds: ['files'] },
      shows: ['archive/old.csv', 'orders/1.csv', 'orders/big.csv', 'top.csv'],
    },
    {
      name: 'sizes',
      rules: { minFileSize: 14, maxFileSize: '1KB', kinds: ['files'], hidden: false },
      shows: ['archive/old.csv', 'orders/1.csv', 'orders/deep/2.csv', 'orders/deep/er/3.csv'],
    },
    {
      name: 'directories alone',
      rules: { kinds: ['directories'] },
      shows: ['.secret/', 'archive/', 'orders/', 'orders/deep/', 'orders/deep/er/'],
    },
  ];

describe('what belongs to a watch', { concurrency: 3 }, () => {
  for (const { name, rules: filters, shows } of rules) {
    it(name, async (t) => {
      const cabinet = new Cabinet(t);
      cabinet.watch({ initial: 'emit', ...filters });
      assert.deepEqual(await cabinet.scan(), shows);
      assert.deepEqual([...(await cabinet.home.snapshot('cabinet')).values()].length, shows.length);
    });
  }
});

describe('directories below which no include can match', { concurrency: 3 }, () => {
  for (const kind of serverKinds) {
    it(`are never listed: ${kind.name}`, { skip: skipReason(kind) }, async (t) => {
      const server = await kind.start();
      t.after(() => server.stop());
      if (!server.facts.enforcesPermissions) {
        t.skip('sessions of this server may read everything');
        return;
      }
      const local = (path: string) => join(server.localRoot, path);
      for (const path of ['in/a/deep', 'out', 'in/b', 'in/.git']) mkdirSync(local(path), { recursive: true });
      for (const path of ['in/a/x.csv', 'in/a/deep/y.csv', 'out/z.csv']) writeFileSync(local(path), path);
      giveToTestUser(server.localRoot);
      const home = new Home(t);
      const configure = (filters: object) =>
        home.configure({
          servers: { server: serverEntry(home, server) },
          watches: { tree: { server: 'server', root: server.root, initial: 'emit', ...filters } },
          outputs: [{ type: 'stdout' }],
        });
      // Listing any of these would make the scan incomplete.
      for (const path of ['out', 'in/b', 'in/a/deep', 'in/.git']) chmodSync(local(path), 0);
      configure({ include: ['in/a/*.csv'] });
      const narrow = await home.once();
      assert.deepEqual([narrow.code, narrow.stderr], [0, '']);
      const at = server.root === '/' ? '' : server.root;
      assert.deepEqual(summary(narrow.changes), [`created file ${at}/in/a/x.csv`]);
      configure({});
      const wide = await home.once();
      assert.equal(wide.code, 1, 'they are unreadable indeed');
      for (const path of ['out', 'in/b', 'in/a/deep', 'in/.git']) chmodSync(local(path), 0o755);
    });
  }
});

describe('a change of the scope (rule 12)', { concurrency: 3 }, () => {
  it('what leaves is forgotten silently, what enters a baseline watch is silent', async (t) => {
    const cabinet = new Cabinet(t);
    cabinet.watch({ include: ['**/*.csv'] });
    assert.deepEqual(await cabinet.scan(), []);
    cabinet.watch({ include: ['**/*.txt', 'orders/*.csv'] });
    assert.deepEqual(await cabinet.scan(), []);
    rmSync(join(cabinet.root, 'archive/old.csv'));
    assert.deepEqual(await cabinet.scan(), [], 'nobody watches it any more');
    rmSync(join(cabinet.root, 'top.txt'));
    cabinet.write('orders/1.csv', 99);
    assert.deepEqual(await cabinet.scan(), ['deleted top.txt', 'modified orders/1.csv']);
  });

  it('what enters a watch with initial: emit is reported, once', async (t) => {
    const cabinet = new Cabinet(t);
    cabinet.watch({ include: ['*.txt'], initial: 'emit' });
    assert.deepEqual(await cabinet.scan(), ['top.txt']);
    cabinet.watch({ include: ['*.txt', 'orders/**/*.csv'], initial: 'emit' });
    assert.deepEqual(await cabinet.scan(), [
      'orders/1.csv',
      'orders/big.csv',
      'orders/deep/2.csv',
      'orders/deep/er/3.csv',
    ]);
    assert.deepEqual(await cabinet.scan(), []);
  });

  it('a change of the tree while the scope changes is told from it', async (t) => {
    const cabinet = new Cabinet(t);
    cabinet.watch({ include: ['**/*.csv'], hidden: false });
    await cabinet.scan();
    cabinet.watch({ include: ['**/*'], hidden: false });
    cabinet.write('top.csv', 77);
    rmSync(join(cabinet.root, 'archive/old.csv'));
    assert.deepEqual(await cabinet.scan(), ['deleted archive/old.csv', 'modified top.csv']);
    cabinet.write('orders/new.txt', 78);
    assert.deepEqual(await cabinet.scan(), ['orders/new.txt']);
  });

  it('another root is another tree: initial again', async (t) => {
    const cabinet = new Cabinet(t);
    cabinet.watch({});
    await cabinet.scan();
    cabinet.watch({ root: join(cabinet.root, 'orders') });
    assert.deepEqual(await cabinet.scan(), []);
    cabinet.write('orders/5.csv', 20);
    assert.deepEqual(await cabinet.scan(), ['orders/5.csv']);
  });
});

describe('tenants', () => {
  it('each has its changes under its own name', async (t) => {
    const home = new Home(t);
    const roots = ['acme', 'globex'].map((tenant) => [tenant, home.directory(tenant)] as const);
    home.configure({
      servers: { disk: { protocol: 'local' } },
      watches: Object.fromEntries(
        roots.map(([tenant, root]) => [`of-${tenant}`, { server: 'disk', root, tenant }]),
      ),
      outputs: [{ type: 'stdout' }, { type: 'file', path: 'acme.ndjson', watches: ['of-acme'] }],
    });
    assert.equal((await home.once()).code, 0);
    for (const [tenant, root] of roots) writeFileSync(join(root, `${tenant}.csv`), 'x');
    const { changes } = await home.once();
    assert.deepEqual(
      changes
        .map(({ tenant, watch, path }) => [tenant, watch, path])
        .toSorted((a, b) => (a.join() < b.join() ? -1 : 1)),
      roots.map(([tenant, root]) => [tenant, `of-${tenant}`, join(root, `${tenant}.csv`)]),
    );
    const log = await home.farwatch('changes', 'of-acme');
    assert.deepEqual(
      log.changes,
      changes.filter((change) => change.tenant === 'acme'),
    );
    const status = await home.farwatch('status');
    assert.match(status.stdout, /^acme\/of-acme /m);
    assert.match(status.stdout, /^globex\/of-globex /m);
  });
});
