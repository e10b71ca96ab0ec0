import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CommandChannel } from '../../shared/changes/command-channel.ts';
import { FileChannel } from '../../shared/changes/file-channel.ts';
import { StdoutChannel } from '../../shared/changes/stdout-channel.ts';
import { WebhookChannel } from '../../shared/changes/webhook-channel.ts';
import { channelConformance, type OpenedChannel } from './conformance.ts';
import { quiet } from './samples.ts';
import { startReceiver } from './webhook-receiver.ts';

const here = { ordered: true, carriesNotices: true, waits: true } as const;
const hooked = z.object({
  changes: z.array(z.unknown()).default([]),
  notices: z.array(z.unknown()).default([]),
});

/** A receiver whose NDJSON ends in a file. */
async function withFile(
  open: (path: string) => Promise<Pick<OpenedChannel, 'channel' | 'stall'> & { end?: () => Promise<void> }>,
): Promise<OpenedChannel> {
  const scratch = await mkdtemp(join(tmpdir(), 'farwatch-channel-'));
  const path = join(scratch, 'changes.ndjson');
  const { end, ...opened } = await open(path);
  const records = async (are: 'changes' | 'notices') => {
    const text = await settled(path);
    const parsed = text.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
    return parsed.filter((record) => isChange(record) === (are === 'changes'));
  };
  return {
    ...opened,
    received: () => records('changes'),
    notices: () => records('notices'),
    async close() {
      await end?.();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** The file's text, once the process that writes it is not in the middle of a line; a line that stays torn is shown. */
async function settled(path: string): Promise<string> {
  const until = performance.now() + 60_000;
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text === '' || text.endsWith('\n') || performance.now() > until) return text;
    await sleep(5);
  }
}

function isChange(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'sequence' in record;
}

channelConformance('FileChannel', { ...here, waits: false }, () =>
  withFile(async (path) => ({ channel: await FileChannel.open({ path, maxBatch: 1_000, log: quiet }) })),
);

channelConformance('CommandChannel', here, () =>
  withFile(async (path) => {
    const command = ['sh', '-c', `[ ! -e '${path}.stall' ] || sleep 60; cat >> '${path}'`];
    return {
      channel: new CommandChannel({ command, timeoutMs: 60_000, maxBatch: 1_000, log: quiet }),
      stall: () => writeFileSync(`${path}.stall`, ''),
    };
  }),
);

channelConformance('StdoutChannel', here, () =>
  withFile(async (path) => {
    const reader = spawn('sh', ['-c', `exec cat > '${path}'`], { stdio: ['pipe', 'ignore', 'inherit'] });
    return {
      channel: new StdoutChannel({ maxBatch: 1_000, stdout: reader.stdin as unknown as NodeJS.WriteStream }),
      stall: () => void reader.kill('SIGSTOP'),
      end: async () => {
        reader.kill('SIGKILL');
      },
    };
  }),
);

channelConformance('WebhookChannel', here, async () => {
  let stalled = false;
  const receiver = await startReceiver((response) => {
    if (!stalled) response.writeHead(204).end();
  });
  const bodies = () => receiver.requests.map(({ body }) => hooked.parse(JSON.parse(body)));
  return {
    channel: await WebhookChannel.open({
      url: { source: 'plain', value: receiver.url },
      headers: {},
      timeoutMs: 30_000,
      maxBatch: 500,
      readSecret: async ({ value }) => value,
      log: quiet,
    }),
    received: async () => bodies().flatMap(({ changes }) => changes),
    notices: async () => bodies().flatMap(({ notices }) => notices),
    stall: () => {
      stalled = true;
    },
    close: () => receiver.close(),
  };
});
