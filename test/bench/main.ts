import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findProgram, giveToTestUser } from '../servers/account.ts';
import { opensshMissing, startOpenSsh } from '../servers/openssh.ts';
import type { TestServer } from '../servers/test-server.ts';
import { buildTree } from '../tree-builder.ts';
import { startDelayRelay } from './delay-relay.ts';
import { type Measured, measure } from './measure.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '250000' },
    directories: { type: 'string', default: '5000' },
    delay: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(
    'npm run bench -- [--files 250000] [--directories 5000] [--delay 0]\n' +
      'Scans a tree over loopback SFTP (OpenSSH): the first scan with its state, a warm one, one with 1 % of the\n' +
      'files changed, and `rclone lsf -R` over the same server beside them. --delay: milliseconds of round trip,\n' +
      'added by a relay that hands every byte on later.\n',
  );
} else {
  await bench(Number(values.files), Number(values.directories), Number(values.delay));
}

async function bench(files: number, directories: number, delayMs: number): Promise<void> {
  const missing = opensshMissing();
  if (missing !== undefined)
    throw new Error(`the benchmark needs OpenSSH: ${missing} (test/servers/install.sh)`);
  const scratch = await mkdtemp(join(tmpdir(), 'farwatch-bench-'));
  const server = await startOpenSsh({ maxStartups: '100' });
  const relay = delayMs === 0 ? undefined : await startDelayRelay(server.config.port, delayMs / 2);
  const port = relay?.port ?? server.config.port;
  try {
    process.stdout.write(`building ${files} files in ${directories} directories\n`);
    const tree = buildTree(server.localRoot, { files, directories, seed: 1 });
    giveToTestUser(server.localRoot);
    await writeFile(join(scratch, 'key'), server.config.privateKey ?? '', { mode: 0o600 });
    await writeFile(join(scratch, 'farwatch.yaml'), configuration(server, port, join(scratch, 'key')));
    const rows: Row[] = [];
    const farwatch = async (name: string) => rows.push({ name, ...(await run(scratch)) });
    await farwatch('farwatch, first scan');
    const stateBytes = (await stat(join(scratch, 'farwatch.db'))).size;
    await farwatch('farwatch, warm scan');
    const changed = tree.files.filter((_, index) => index % 100 === 0);
    for (const path of changed) await writeFile(join(server.localRoot, path), 'changed');
    await farwatch(`farwatch, ${changed.length} files changed`);
    for (const checkers of delayMs === 0 ? [8, 16] : [8, 16, 32]) {
      rows.push(await rclone(server, port, join(scratch, 'key'), checkers));
    }
    print(rows, files);
    process.stdout.write(`state: ${(stateBytes / files).toFixed(1)} bytes a file\n`);
  } finally {
    await relay?.stop();
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

type Row = Measured & { readonly name: string };

function configuration(server: TestServer, port: number, key: string): string {
  const { host, username, hostKey } = server.config;
  return `
servers:
  far: { protocol: sftp, host: ${host}, port: ${port}, username: ${username}, auth: { privateKey: "file:${key}" }, hostKey: "${hostKey}" }
watches:
  tree: { server: far, root: ${server.root} }
`;
}

async function run(scratch: string): Promise<Measured> {
  const cli = new URL('../../infra/cli/farwatch.js', import.meta.url).pathname;
  const args = [cli, 'run', '--once', '--config', join(scratch, 'farwatch.yaml')];
  const measured = await measure(process.execPath, args);
  if (measured.exitCode !== 0)
    throw new Error(`farwatch ended with ${measured.exitCode}: ${measured.stderr}`);
  return measured;
}

async function rclone(server: TestServer, port: number, key: string, checkers: number): Promise<Row> {
  const program = findProgram('rclone');
  const name = `rclone lsf -R, ${checkers} checkers`;
  if (program === undefined) throw new Error('the benchmark needs rclone');
  const { host, username } = server.config;
  const args = ['lsf', '-R', '--config', '/dev/null', '--checkers', String(checkers)];
  const sftp = [
    '--sftp-host',
    host,
    '--sftp-port',
    String(port),
    '--sftp-user',
    username,
    '--sftp-key-file',
    key,
  ];
  return { name, ...(await measure(program, [...args, ...sftp, `:sftp:${server.root}`])) };
}

function print(rows: readonly Row[], files: number): void {
  const lines = rows.map((row) => [
    row.name.padEnd(32),
    row.wallSeconds.toFixed(2).padStart(8),
    Math.round(files / row.wallSeconds)
      .toString()
      .padStart(9),
    row.cpuSeconds.toFixed(2).padStart(8),
    row.peakMegabytes.toFixed(0).padStart(8),
    String(row.stdoutLines).padStart(9),
  ]);
  const head = ['', 'seconds', 'files/s', 'CPU s', 'peak MB', 'lines'];
  const widths = [32, 8, 9, 8, 8, 9];
  const heading = head.map((text, index) => text.padStart(widths[index] ?? 0));
  process.stdout.write(`${[heading, ...lines].map((line) => line.join(' ')).join('\n')}\n`);
}
