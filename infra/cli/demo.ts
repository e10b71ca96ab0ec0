import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseConfig } from '../../shared/config/load.ts';
import { secretReader } from '../../shared/config/secrets.ts';
import { startInProcessFtp } from '../../test/servers/in-process-ftp.ts';
import { startInProcessSftp } from '../../test/servers/in-process-sftp.ts';
import { createLog } from '../local/log.ts';
import { unmeasured } from '../local/metrics.ts';
import { runLocal } from '../local/run.ts';
import { createProgress, type Progress } from '../local/terminal.ts';

const account = { username: 'demo', password: 'demo' };

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('start an SFTP and an FTP server on loopback over a scratch tree, and watch both')
    .option('--rounds <n>', 'end after so many rounds of edits; 0: go on until Ctrl-C', '0')
    .action((options: { readonly rounds: string }) => demo(Number(options.rounds)));
}

/** Everything real: two servers, two watches, and a hand that edits the trees on the disk. */
async function demo(rounds: number): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'farwatch-demo-'));
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  const [sftpTree, ftpTree] = [join(scratch, 'sftp'), join(scratch, 'ftp')];
  for (const tree of [sftpTree, ftpTree]) await plant(tree);
  const sftp = await startInProcessSftp({ directory: sftpTree, ...account });
  const ftp = await startInProcessFtp({ directory: ftpTree, ...account });
  try {
    process.stderr.write(
      'Farwatch watches two servers of this machine, an SFTP and an FTP one, every two seconds.\n' +
        'A hand edits them; edit them too, and see what is reported:\n' +
        `  ${sftpTree}\n  ${ftpTree}\nCtrl-C ends it.\n\n`,
    );
    await watchBoth(scratch, sftp.port, ftp.port, [sftpTree, ftpTree], rounds, stop);
  } finally {
    await Promise.all([sftp.stop(), ftp.stop()]);
    await rm(scratch, { recursive: true, force: true });
  }
}

async function watchBoth(
  scratch: string,
  sftpPort: number,
  ftpPort: number,
  trees: readonly string[],
  rounds: number,
  stop: AbortController,
): Promise<void> {
  const { config } = parseConfig(configText(sftpPort, ftpPort), join(scratch, 'farwatch.yaml'), {});
  const scans = new Scans(createProgress(process.stderr), config.watches.size, stop.signal);
  const { progress } = scans;
  const log = createLog({ level: 'warn', pretty: true, suspend: (print) => progress.suspend(print) });
  const run = runLocal(
    config,
    {
      stateFile: join(scratch, 'farwatch.db'),
      once: false,
      readSecret: secretReader({ env: {} }),
      log,
      stdout: process.stdout,
      progress,
      metrics: unmeasured,
    },
    stop.signal,
  );
  await Promise.race([run, editing(trees, rounds, scans, stop)]);
  await run;
}

function configText(sftpPort: number, ftpPort: number): string {
  return `
servers:
  sftp: { protocol: sftp, host: 127.0.0.1, port: ${sftpPort}, username: demo, auth: { password: "plain:demo" } }
  ftp: { protocol: ftp, insecure: true, host: 127.0.0.1, port: ${ftpPort}, username: demo, auth: { password: "plain:demo" } }
defaults: { every: 2s }
watches:
  by-sftp: { server: sftp, root: / }
  by-ftp: { server: ftp, root: / }
outputs:
  - { type: stdout }
`;
}

async function plant(tree: string): Promise<void> {
  await mkdir(join(tree, 'incoming'), { recursive: true });
  await mkdir(join(tree, 'archive'));
  await writeFile(join(tree, 'incoming', 'orders.csv'), 'id;amount\n1;20.00\n');
  await writeFile(join(tree, 'archive', 'last-year.csv'), 'id;amount\n');
}

/** Follows the scans of all watches, so that an edit does not fall into one: a rename would be seen by halves. */
class Scans {
  readonly progress: Progress;
  readonly #watches: number;
  readonly #signal: AbortSignal;
  readonly #running = new Set<string>();
  /** Watches that were scanned as a whole since the last edit. */
  readonly #scanned = new Set<string>();
  #wake = (): void => undefined;

  constructor(shown: Progress, watches: number, signal: AbortSignal) {
    this.#watches = watches;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.progress = {
      scanStarted: (watch, expected) => {
        this.#running.add(watch);
        shown.scanStarted(watch, expected);
      },
      advanced: (watch, directories, files) => shown.advanced(watch, directories, files),
      scanFinished: (watch, isComplete) => {
        shown.scanFinished(watch, isComplete);
        // One that failed has not seen the edit.
        if (this.#running.delete(watch) && isComplete) this.#scanned.add(watch);
        this.#wake();
      },
      suspend: (print) => shown.suspend(print),
      close: () => shown.close(),
    };
  }

  /** Runs `edit`, which does not wait for anything, once all of what was there before has been seen and nobody looks. */
  async between(edit: () => void): Promise<void> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#running.size === 0 && this.#scanned.size === this.#watches) break;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    edit();
    this.#scanned.clear();
  }
}

/** One creation, modification, rename and deletion in each tree a round, at the pace of somebody who watches. */
async function editing(
  trees: readonly string[],
  rounds: number,
  scans: Scans,
  stop: AbortController,
): Promise<void> {
  const { signal } = stop;
  const everywhere = async (edit: (tree: string) => void) => {
    await sleep(3_500, undefined, { signal });
    await scans.between(() => trees.forEach(edit));
  };
  try {
    for (let round = 1; rounds === 0 || round <= rounds; round += 1) {
      const name = `invoice-${round}.csv`;
      await everywhere((tree) => writeFileSync(join(tree, 'incoming', name), `invoice ${round}\n`));
      await everywhere((tree) => appendFileSync(join(tree, 'incoming', name), 'one more line\n'));
      await everywhere((tree) => renameSync(join(tree, 'incoming', name), join(tree, 'archive', name)));
      await everywhere((tree) => rmSync(join(tree, 'archive', name)));
    }
    await scans.between(() => stop.abort());
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
