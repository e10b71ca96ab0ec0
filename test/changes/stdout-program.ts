import { openChannel } from '../../shared/changes/open-channel.ts';
import { isReaderGone } from '../../shared/changes/stdout-channel.ts';
import { never, quiet, sampleChange, sampleNotice } from './samples.ts';

/** Sends batches to its standard output: BATCHES SIZE NOTICES. Tells on standard error what became of them. */
const [batches, size, notices] = process.argv.slice(2).map(Number);
const channel = await openChannel(
  { type: 'stdout', name: 'stdout', notices: notices === 1, maxBatch: 1_000 },
  { stdout: process.stdout, log: quiet, readSecret: async () => '' },
);
let sent = 0;
try {
  for (let batch = 0; batch < (batches ?? 0); batch += 1) {
    const changes = Array.from({ length: size ?? 0 }, (_, index) =>
      sampleChange(sent + index, { path: '/a\nb' }),
    );
    await channel.send(changes, never);
    sent += changes.length;
  }
  await channel.notify(sampleNotice, never);
  process.stderr.write(`sent ${sent}\n`);
} catch (error) {
  process.stderr.write(`reader gone: ${isReaderGone(error)}\n`);
} finally {
  await channel.close();
}
