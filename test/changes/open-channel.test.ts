import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openChannel } from '../../shared/changes/open-channel.ts';
import type { OutputConfig } from '../../shared/config/config.ts';
import { never, quiet, sampleChange, sampleNotice } from './samples.ts';
import { startReceiver } from './webhook-receiver.ts';

test('every kind of output takes changes, and notices where it wants them', async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), 'farwatch-open-'));
  const receiver = await startReceiver();
  t.after(async () => {
    await receiver.close();
    await rm(scratch, { recursive: true });
  });
  const received = (path: string) => readFile(join(scratch, path), 'utf8').catch(() => '');
  const kinds: readonly [string, (name: string) => OutputConfig, (name: string) => Promise<string>][] = [
    ['file', (name) => ({ ...base(name), type: 'file', path: join(scratch, name) }), received],
    [
      'command',
      (name) => ({
        ...base(name),
        type: 'command',
        command: ['sh', '-c', 'cat >>"$1"', 'sh', join(scratch, name)],
        timeoutMs: 60_000,
      }),
      received,
    ],
    [
      'webhook',
      (name) => ({
        ...base(name),
        type: 'webhook',
        url: { source: 'plain', value: `${receiver.url}/${name}` },
        headers: {},
        timeoutMs: 60_000,
      }),
      async (name) =>
        receiver.requests
          .filter((request) => request.url.endsWith(`/${name}`))
          .map((request) => request.body)
          .join(''),
    ],
  ];
  for (const [kind, config, taken] of kinds) {
    for (const notices of [false, true]) {
      await t.test(`${kind}, notices: ${notices}`, async () => {
        const name = `${kind}-${notices}`;
        const services = {
          log: quiet,
          stdout: process.stdout,
          readSecret: async ({ value }: { value: string }) => value,
        };
        const channel = await openChannel({ ...config(name), notices }, services);
        assert.equal(channel.maxBatch, 7);
        await channel.send([sampleChange(1)], never);
        await channel.notify(sampleNotice, never);
        await channel.close();
        const content = await taken(name);
        assert.match(content, /"id":"id-1"/);
        assert.equal(content.includes('Scan Incomplete'), notices);
      });
    }
  }
});

function base(name: string) {
  return { name, notices: false, maxBatch: 7 };
}
