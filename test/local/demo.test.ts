import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { changesIn, until } from './home.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

it('npm start shows every kind of change on both watches, and an edit of the user', async (t) => {
  const child = spawn('npm', ['start', '--silent', '--', '--rounds', '1'], {
    cwd: checkout,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // npm and the demo are one process group, so that nothing is left behind
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.after(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });

  const trees = () => [...stderr.matchAll(/^ {2}(\/.+)$/gm)].map((match) => match[1] ?? '');
  await until('it says where the trees are', () => trees().length === 2);
  await until('the first change', () => stdout.includes('\n'));
  for (const tree of trees()) writeFileSync(join(tree, 'mine.txt'), 'an edit of the user');

  assert.equal(await ended, 0, stderr);
  const seen = new Set(changesIn(stdout).map(({ watch, type, path }) => `${watch} ${type} ${path}`));
  for (const watch of ['by-sftp', 'by-ftp']) {
    assert.ok(seen.has(`${watch} created /incoming/invoice-1.csv`), stdout);
    assert.ok(seen.has(`${watch} modified /incoming/invoice-1.csv`), stdout);
    assert.ok(seen.has(`${watch} moved /archive/invoice-1.csv`), stdout);
    assert.ok(seen.has(`${watch} deleted /archive/invoice-1.csv`), stdout);
    assert.ok(seen.has(`${watch} created /mine.txt`), stdout);
  }
});
