import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Home } from '../local/home.ts';
import { serverEntry } from '../local/server-entry.ts';
import { startNpmFtp, startNpmSftp } from '../servers/npm-servers.ts';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** Bundled and minified code has ways of its own to fail: a module that is not found, a path that is another one. */
describe('the package as npm installs it', { timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-package-'));
  const installed = join(folder, 'package');
  const homeOf = (t: TestContext) => new Home(t, join(installed, 'infra', 'cli', 'farwatch.js'));

  before(async () => {
    // npm builds it before it packs.
    await run('npm', ['pack', '--pack-destination', folder], { cwd: checkout });
    const [archive = ''] = readdirSync(folder);
    await run('tar', ['-xf', join(folder, archive), '-C', folder]);
    symlinkSync(join(checkout, 'node_modules'), join(installed, 'node_modules'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, start] of [
    ['sftp', startNpmSftp],
    ['ftp', startNpmFtp],
  ] as const) {
    it(`scans over ${name}, and tells what it knows`, async (t) => {
      const server = await start();
      t.after(() => server.stop());
      writeFileSync(join(server.localRoot, 'a.csv'), '1');
      const home = homeOf(t);
      home.configure({
        servers: { far: serverEntry(home, server) },
        watches: { tree: { server: 'far', root: server.root, initial: 'emit' } },
      });
      const scanned = await home.farwatch('run', '--once');
      assert.equal(scanned.code, 0, scanned.stderr);
      assert.deepEqual(
        scanned.changes.map(({ type, path }) => [type, path]),
        [['created', join(server.root, 'a.csv')]],
      );
      for (const command of [
        ['status'],
        ['snapshot', 'tree'],
        ['changes', 'tree'],
        ['check'],
        ['estimate'],
      ]) {
        const ended = await home.farwatch(...command);
        assert.equal(ended.code, 0, `${command.join(' ')}: ${ended.stderr}`);
        assert.match(ended.stdout + ended.stderr, /tree|a\.csv|fine/);
      }
    });
  }

  it('says its version, and what is wrong', async (t) => {
    const home = homeOf(t);
    assert.match((await home.farwatch('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
    const { code, stderr } = await home.farwatch('run', '--once');
    assert.equal(code, 2);
    assert.match(stderr, /^farwatch: the configuration .* cannot be read/);
  });

  it('finds the clients of AWS', async (t) => {
    const home = homeOf(t);
    home.env('AWS_REGION', 'eu-central-1');
    home.env('AWS_EC2_METADATA_DISABLED', 'true');
    for (const command of [['status'], ['tail'], ['redrive']]) {
      const { code, stderr } = await home.farwatch(...command, '--stack', 'Nobody');
      assert.equal(code, 2, stderr);
      assert.match(stderr, /credentials/i);
    }
  });
});
