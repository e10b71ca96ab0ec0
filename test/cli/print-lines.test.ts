import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Home, linesOf } from '../local/home.ts';

it('a snapshot that fills the pipe many times is whole, and nothing else is said', async (t) => {
  const home = new Home(t);
  const root = home.directory('desk');
  for (let index = 0; index < 6_000; index += 1) writeFileSync(join(root, `${'n'.repeat(200)}${index}`), '');
  home.configure({
    servers: { disk: { protocol: 'local' } },
    watches: { desk: { server: 'disk', root } },
  });
  assert.equal((await home.farwatch('run', '--once')).code, 0);
  const { code, stdout, stderr } = await home.farwatch('snapshot', 'desk');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(linesOf(stdout).length, 6_000);
});
