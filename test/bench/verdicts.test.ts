import assert from 'node:assert/strict';
import { it } from 'node:test';
import { extrapolate } from './extrapolate.ts';
import { madeUpRow } from './made-up-row.ts';
import { usualTree } from './plan.ts';
import { usualShape } from './trees.ts';
import { verdictLine, verdicts } from './verdicts.ts';

const rclone = (checkers: number, wallSeconds: number, server: 'openssh' | 'vsftpd' = 'openssh') =>
  madeUpRow({ client: 'rclone', variant: `${checkers} checkers`, wallSeconds }, { server });
const farwatch = (variant: string, wallSeconds: number, server: 'openssh' | 'vsftpd' = 'openssh') =>
  madeUpRow({ client: 'farwatch', variant, wallSeconds }, { server });

it('ratios are to the best of the others at the same place', () => {
  const judged = verdicts([
    farwatch('first scan', 8),
    farwatch('warm scan', 2),
    rclone(8, 60),
    rclone(32, 20),
    madeUpRow({ client: 'find', variant: 'on the server', wallSeconds: 1 }),
    madeUpRow({ client: 'rclone', variant: '32 checkers', wallSeconds: 1 }, { roundTripMs: 100 }),
  ]);
  assert.deepEqual(
    judged.map(({ title, figure, limit, met }) => [title, figure, limit, met]),
    [
      ['SFTP (OpenSSH), 20 ms: warm, against the best of rclone', 10, 8, true],
      ['SFTP (OpenSSH), 20 ms: first scan, against the best of rclone', 2.5, 4, false],
      ['SFTP (OpenSSH), 20 ms: warm, against find on the server', 2, 2.5, true],
      ['peak memory, 250,000 files', 100, 150, true],
    ],
  );
});

it('equal sessions are as many checkers as Farwatch had sessions', () => {
  const judged = verdicts([
    farwatch('warm scan', 2, 'vsftpd'),
    rclone(8, 50, 'vsftpd'),
    rclone(32, 14, 'vsftpd'),
  ]);
  assert.deepEqual(
    judged.map(({ figure, limit, met }) => [figure, limit, met]),
    [
      [7, 6, true],
      [25, 20, true],
      [100, 150, true],
    ],
  );
});

it('a million files are judged by memory and state, slots by slots alone', () => {
  const large = madeUpRow(
    { client: 'farwatch', variant: 'first scan', wallSeconds: 9, peakMegabytes: 260, stateBytes: 39_000_000 },
    { shape: usualShape(1_000_000) },
  );
  const slots = [1, 8].map((connections) =>
    madeUpRow(
      { client: 'farwatch', variant: 'slots', wallSeconds: 60 / connections },
      { shape: usualShape(25_000), connections, inFlight: 1, roundTripMs: 100 },
    ),
  );
  const judged = verdicts([large, ...slots]);
  assert.deepEqual(
    judged.map(({ figure, met }) => [figure, met]),
    [
      [260, false],
      [39, true],
      [8, true],
    ],
  );
  assert.match(verdictLine(judged[0] ?? assert.fail()), /260 {2}at most 250 MB +NOT met$/);
});

it('an extrapolated figure says so, and grows with the directories', () => {
  const small = madeUpRow(
    { client: 'library', variant: 'loop', wallSeconds: 20.1, sessions: 1, connections: 1 },
    { shape: usualShape(10_000) },
  );
  const grown = extrapolate(small, usualTree);
  assert.equal(grown.extrapolatedFrom, 10_000);
  assert.equal(Math.round(grown.wallSeconds), Math.round((20.1 * 5001) / 201));
});
