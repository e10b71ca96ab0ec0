import { parseArgs } from 'node:util';
import { benchCost, costNotes } from './bench.ts';

/** `npm run bench -- cost …`, the word itself left out. */
export async function costMain(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      files: { type: 'string', default: '250000' },
      directories: { type: 'string', default: '5000' },
      delay: { type: 'string', default: '20' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      'npm run bench -- cost [--files 250000] [--directories 5000] [--delay 20]\n' +
        'Runs the functions of a deployment in this process on DynamoDB Local and LocalStack, watching a tree over SFTP\n' +
        '(OpenSSH behind a relay that makes round trips --delay milliseconds long): a baseline, a warm scan and one with\n' +
        '1 % of the files changed. Counts every request and unit, and says what a month costs at list prices.\n',
    );
    return;
  }
  process.stdout.write(`${costNotes.join('\n')}\n`);
  await benchCost({
    files: Number(values.files),
    directories: Number(values.directories),
    delayMs: Number(values.delay),
  });
}
