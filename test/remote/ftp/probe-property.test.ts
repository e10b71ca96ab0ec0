import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ProftpdOptions, proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from '../../servers/pure-ftpd.ts';
import { skipReason } from '../../servers/server-kinds.ts';
import type { StartOptions, TestServer } from '../../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../../servers/vsftpd.ts';
import { DatedTree, type Step, step } from '../dated-tree.ts';
import { neverAborted, scratch } from '../fixture.ts';
import { Watcher } from '../watcher.ts';
import { CommandLog } from './command-log.ts';
import { ftpFixture, ftpRemote } from './fixture.ts';

const kinds = [
  { name: 'vsftpd', missing: vsftpdMissing, start: (options?: ProftpdOptions) => startVsftpd(options) },
  {
    name: 'Pure-FTPd',
    missing: pureFtpdMissing,
    start: ({ timezone }: ProftpdOptions = {}) => startPureFtpd(timezone === undefined ? {} : { timezone }),
  },
  { name: 'ProFTPD', missing: proftpdMissing, start: (options?: ProftpdOptions) => startProftpd(options) },
] as const;

interface Circumstances {
  readonly server: TestServer;
  /** When the tree's clock begins. */
  readonly from: number;
  /** How far our clock is off the server's. */
  readonly skewMs: number;
}

/** Takes the steps, and looks with both watchers: they must see the same. Returns how often a look was enough. */
async function play(steps: readonly Step[], { server, from, skewMs }: Circumstances): Promise<number> {
  const place = await scratch(await ftpFixture(server));
  const tree = new DatedTree(place.local, from);
  const probing = await ftpRemote(server, {}, {}, () => tree.now + skewMs).connect(neverAborted());
  const exact = await ftpRemote(server, { probe: 'off' }).connect(neverAborted());
  try {
    const [one, other] = [new Watcher(probing, place.remote), new Watcher(exact, place.remote)];
    for (const [index, each] of [...steps, { do: 'look' } as const].entries()) {
      tree.take(each);
      if (each.do !== 'look') continue;
      assert.deepEqual(await one.look(), await other.look(), `at step ${index}`);
    }
    assert.equal(other.unchanged, 0);
    return one.unchanged;
  } finally {
    await Promise.all([probing.close(), exact.close()]);
    rmSync(dirname(place.local), { recursive: true });
  }
}

const hour = 3_600_000;
const today = Math.floor(Date.now() / (24 * hour)) * 24 * hour;
/** Clocks in Berlin went back at one o'clock UTC. */
const autumn = Date.UTC(2026, 9, 25, 0, 40);

for (const { name, missing, start } of kinds) {
  void describe(`${name}: a look is never taken for more than it is`, {
    skip: skipReason({ name, available: missing }),
    timeout: 900_000,
  }, () => {
    const holds = async (timezone: string | undefined, from: number) => {
      using log = new CommandLog();
      const { lines } = log;
      const server = await start(timezone === undefined ? { lines } : { timezone, lines });
      let unchanged = 0;
      try {
        await fc.assert(
          fc.asyncProperty(
            fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
            fc.constantFrom(0, 0, -50_000, 3 * hour, -3 * hour),
            async (steps, skewMs) => {
              unchanged += await play(steps, { server, from, skewMs });
            },
          ),
          { numRuns: name === 'ProFTPD' ? 10 : 40 },
        );
      } finally {
        await server.stop();
      }
      assert.ok(unchanged > 0, 'some looks were enough');
      const [subtrees = 0] = log.take('LIST -aR');
      assert.equal(subtrees > 0, name === 'ProFTPD', `${subtrees} subtrees were listed at once`);
    };

    it('whatever happens at whatever second, in UTC', () => holds(undefined, today - 40 * hour));
    it('on a clock of its own zone, when clocks go back', () => holds('Europe/Berlin', autumn));

    const write: Step = { do: 'write', directory: 'a', name: 'x', size: 3 };
    const replace: Step = { ...write, do: 'replace' };
    const wait = (seconds: number): Step => ({ do: 'wait', seconds });
    const look: Step = { do: 'look' };
    const whole = [wait(3_800), look, wait(3_800), look];
    const hidden: readonly (readonly [string, StartOptions, number, readonly Step[]])[] = [
      [
        'a file is written twice in a minute, before and after the look',
        {},
        today - 40 * hour,
        [wait(10), write, wait(5), look, wait(3), look, wait(3), look, wait(5), write, wait(120), look],
      ],
      [
        'a file is replaced by another with a time of the same minute',
        {},
        today - 40 * hour,
        [write, wait(3_800), look, wait(3_800), look, wait(3_800), look, replace, wait(120), look],
      ],
      [
        'a file is written in the same minute of an hour that comes twice',
        { timezone: 'Europe/Berlin' },
        autumn,
        [wait(10), write, wait(9), look, wait(1), look, wait(100), look, wait(3_490), write, wait(100), look],
      ],
    ];
    for (const [what, options, from, steps] of hidden) {
      it(`not even where ${what}`, async () => {
        const server = await start(options);
        try {
          const unchanged = await play([...steps, ...whole, ...whole], { server, from, skewMs: 0 });
          assert.ok(unchanged >= 2, `${unchanged} looks were enough in the end`);
        } finally {
          await server.stop();
        }
      });
    }
  });
}
