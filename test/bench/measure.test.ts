import assert from 'node:assert/strict';
import { it } from 'node:test';
import { measure } from './measure.ts';

const linux = process.platform === 'linux' ? false : 'it reads /proc';

it('counts lines, memory and the CPU of children too', { skip: linux }, async () => {
  const burn = 'const until = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < until);';
  const script = `
    const held = Buffer.alloc(200_000_000, 1);
    require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(burn)}]);
    console.log('one\\ntwo');
    console.error('three');
    setTimeout(() => process.exit(held.length === 200_000_000 ? 3 : 4), 100);`;
  const measured = await measure([process.execPath, '-e', script]);
  assert.deepEqual([measured.exitCode, measured.stdoutLines, measured.stderr], [3, 2, 'three\n']);
  assert.ok(measured.peakMegabytes > 190, `${measured.peakMegabytes} MB`);
  assert.ok(measured.cpuSeconds >= 0.3, `${measured.cpuSeconds} s of CPU`);
});

it('a command that is called off is killed', { skip: linux }, async () => {
  const signal = AbortSignal.timeout(100);
  await assert.rejects(measure([process.execPath, '-e', 'setInterval(() => {}, 1000)'], { signal }));
});
