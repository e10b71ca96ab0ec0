import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDelayRelay } from '../../bench/delay-relay.ts';
import { type ProftpdOptions, startProftpd } from '../../servers/proftpd.ts';
import { neverAborted, scratch } from '../fixture.ts';
import { Watcher } from '../watcher.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';

/** Names that end in a slash are directories; all that a client can list exactly. */
const tree = [
  'top',
  'a/x',
  'a/y',
  'a/in/deep/z',
  'a/empty/',
  'b/x',
  'b/in/x',
  'b/x:/y',
  "b/it's [g]* ~/-aR",
  'b/two  blanks /.hidden',
  'b/ünï/"q"',
  'b/back\\slash/$HOME',
  'c/in/x',
  'z/x',
];
export const directories = 15;

interface Stage {
  readonly local: string;
  readonly remote: string;
  /** Looks, and sees exactly what is there; says how many directories a look was enough for. */
  readonly look: () => Promise<number>;
  /** Commands since the last time: `LIST -aR`, STAT, MLSD. */
  readonly asked: () => readonly number[];
}

/** A tree that is some days old and known so well that a look will do. */
export async function withTree(
  {
    lines = [],
    files = tree,
    isFar = false,
    ...options
  }: ProftpdOptions & { readonly files?: readonly string[]; readonly isFar?: boolean },
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  using log = new CommandLog();
  const server = await startProftpd({ ...options, lines: [...log.lines, ...lines] });
  // Times are filled in only where that spares round trips.
  const relay = await startDelayRelay(server.config.port, isFar ? 3 : 0);
  try {
    const { local, remote } = await scratch(await ftpFixture(server));
    for (const path of files) make(join(local, path));
    age(local);
    let now = Date.now();
    const probing = await ftpRemote(server, { port: relay.port }, {}, () => now).connect(neverAborted());
    const exact = await ftpRemote(server, { probe: 'off' }).connect(neverAborted());
    const [one, other] = [new Watcher(probing, remote), new Watcher(exact, remote)];
    const look = async (): Promise<number> => {
      now += 100_000;
      const before = one.unchanged;
      log.take();
      const seen = await one.look();
      asked = log.take('LIST -aR', 'STAT', 'MLSD');
      assert.deepEqual(seen, await other.look());
      return one.unchanged - before;
    };
    let asked: readonly number[] = [];
    for (let round = 0; round < 3; round += 1) await look();
    try {
      await play({ local, remote, look, asked: () => asked });
    } finally {
      await Promise.all([probing.close(), exact.close()]);
    }
  } finally {
    await relay.stop();
    await server.stop();
  }
}

export function make(path: string): void {
  const directory = path.endsWith('/') ? path : join(path, '..');
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (!path.endsWith('/')) writeFileSync(path, path);
}

/** Three days ago. */
export const longAgo = Math.floor(Date.now() / 1_000) - 3 * 86_400;

/** Everything is as old. */
export function age(path: string): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) age(join(path, name));
  utimesSync(path, longAgo, longAgo);
}
