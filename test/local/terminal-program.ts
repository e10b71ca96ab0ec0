import { setTimeout as delay } from 'node:timers/promises';
import { createLog } from '../../infra/local/log.ts';
import { createProgress } from '../../infra/local/terminal.ts';
import { openChannel } from '../../shared/changes/open-channel.ts';
import { never, sampleChange } from '../changes/samples.ts';

const progress = createProgress(process.stderr);
if (process.argv[2] === 'failing') await failingPrints();
else await everythingOnOneTerminal();
progress.close();

/** A scan with progress, and prints in between that fail. */
async function failingPrints(): Promise<void> {
  const full = new Error('no space left on device');
  progress.scanStarted('incoming', 10);
  try {
    progress.suspend(() => {
      throw full;
    });
  } catch (error) {
    if (error !== full) throw error;
  }
  await progress.suspend(() => Promise.reject(full)).catch(() => undefined);
}

/** Two scans with progress, changes and log lines. */
async function everythingOnOneTerminal(): Promise<void> {
  const log = createLog({
    level: 'info',
    pretty: process.stderr.isTTY,
    suspend: (print) => progress.suspend(print),
  });
  const channel = await openChannel(
    { type: 'stdout', name: 'stdout', notices: false, maxBatch: 10 },
    {
      stdout: process.stdout,
      log,
      readSecret: async () => '',
      suspend: (print) => progress.suspend(print),
    },
  );
  progress.scanStarted('incoming', 10);
  progress.scanStarted('outgoing', 10);
  for (let step = 1; step <= 4; step += 1) {
    progress.advanced('incoming', 2, 500);
    await delay(250);
    await channel.send([sampleChange(step)], never);
    log.info(`step ${step}`);
  }
  progress.scanFinished('incoming', true);
  await channel.send([sampleChange(5)], never);
  progress.scanFinished('outgoing', true);
}
