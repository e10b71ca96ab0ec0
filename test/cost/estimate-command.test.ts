import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { configuration } from '../aws/deployment.ts';

const cli = fileURLToPath(new URL('../../infra/cli/farwatch.js', import.meta.url));

function estimate(...args: readonly string[]) {
  const command = [cli, 'estimate', '--config', configuration, ...args];
  return spawnSync(process.execPath, command, { encoding: 'utf8' });
}

const answer = z.object({
  dollars: z.number(),
  fixed: z.object({ dollars: z.number() }),
  watches: z.array(
    z.object({
      watch: z.string(),
      files: z.number(),
      tasks: z.number(),
      dollars: z.number(),
      listingDollars: z.number(),
      transferFamilyDollars: z.number(),
    }),
  ),
});

suite('farwatch estimate', () => {
  test('itemises a month of every watch and of the deployment', () => {
    const { status, stdout, stderr } = estimate('--files', '250000', '--directories', '5000');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^incoming: 250,000 files in 5,000 directories, 8,760 scans a month of 1 task$/m);
    assert.match(stdout, /^CloudWatch, dashboards\s+1\s+\$3\.00$/m);
    assert.match(stdout, /^AWS Transfer Family connectors, one listing a directory: \$43,808\.76$/m);
    assert.match(stdout, /^together\s+\$\d+\.\d\d\s*$/m);
  });

  test('as JSON adds up, and takes sizes watch by watch', () => {
    const sizes = ['--files', '10', '--files', 'incoming=250000', '--directories', '5000'];
    const { status, stdout, stderr } = estimate(...sizes, '--changes', 'reports=5', '--json');
    assert.equal(status, 0, stderr);
    const { dollars, fixed, watches } = answer.parse(JSON.parse(stdout));
    assert.deepEqual(
      watches.map(({ watch, files, tasks }) => [watch, files, tasks]),
      [
        ['incoming', 250_000, 1],
        ['reports', 10, 2],
      ],
    );
    const sum = watches.reduce((all, each) => all + each.dollars + each.listingDollars, fixed.dollars);
    assert.ok(Math.abs(sum - dollars) < 1e-9);
  });

  test('asks for what it does not know, and refuses what it cannot read', () => {
    const unknown = estimate();
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /watch incoming was not scanned yet.*\n\s+Say it: --files incoming=/);
    assert.match(estimate('--files', 'x', '--directories', '1').stderr, /--files x: not a number/);
    const stranger = estimate('--files', 'nobody=1', '--directories', '1');
    assert.deepEqual([stranger.status, /no watch "nobody"/.test(stranger.stderr)], [2, true]);
  });
});
