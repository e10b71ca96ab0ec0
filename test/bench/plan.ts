import type { ServerName } from './server/kinds.ts';
import { type TreeShape, usualShape } from './trees.ts';

export const clientNames = ['farwatch', 'rclone', 'lftp', 'library', 'find'] as const;
export type ClientName = (typeof clientNames)[number];

/** What is measured together: the same server, tree and distance. */
export interface Cell {
  readonly server: ServerName;
  readonly roundTripMs: number;
  readonly shape: TreeShape;
  readonly clients: readonly ClientName[];
  /** Sessions that Farwatch may use. */
  readonly connections: number;
  /** One directory in flight on a session: what slots alone are worth. */
  readonly inFlight?: number;
  /** Rclone's, each a session. */
  readonly checkers: readonly number[];
  /** Of a warm scan, whose median counts. */
  readonly runs: number;
}

const usual = { connections: 8, checkers: [8, 16, 32], runs: 3 } as const;
/** What is promised is promised of this one. */
export const usualTree = usualShape(250_000);
/** For clients that take a round trip after the other. */
const small = usualShape(10_000);
const ftpServers = ['pure-ftpd', 'vsftpd', 'vsftpd-ftps', 'proftpd'] as const;

/** Some ten minutes: what is promised, against the best of rclone, and its way with all sessions of old. */
export function moderate(): readonly Cell[] {
  const fast = { ...usual, shape: usualTree, clients: ['farwatch', 'rclone', 'find'] } as const;
  const slow = { ...usual, shape: small, clients: ['lftp', 'library'], roundTripMs: 20 } as const;
  return [
    { ...fast, server: 'openssh', roundTripMs: 0 },
    { ...fast, server: 'openssh', roundTripMs: 20, checkers: [32] },
    { ...slow, server: 'openssh' },
    { ...fast, server: 'openssh', roundTripMs: 100, checkers: [32] },
    { ...fast, server: 'pure-ftpd', roundTripMs: 20, checkers: [8, 32] },
    { ...slow, server: 'pure-ftpd' },
    ...(['vsftpd', 'vsftpd-ftps', 'proftpd'] as const).map((server): Cell => {
      return { ...fast, server, roundTripMs: 20, checkers: [32] };
    }),
  ];
}

/** Everything. */
export function full(): readonly Cell[] {
  const far = [20, 100] as const;
  const fast = { ...usual, shape: usualTree, clients: ['farwatch', 'rclone', 'find'] } as const;
  const slow = { ...usual, shape: small, clients: ['lftp', 'library'] } as const;
  const large = { ...fast, checkers: [32], roundTripMs: 20 } as const;
  const servers: readonly ServerName[] = ['openssh', ...ftpServers];
  return [
    ...servers.flatMap((server): readonly Cell[] =>
      [0, ...far].flatMap((roundTripMs) => [
        { ...fast, server, roundTripMs },
        { ...slow, server, roundTripMs },
      ]),
    ),
    ...(['openssh', 'pure-ftpd'] as const).flatMap((server): readonly Cell[] => [
      { ...large, server, shape: usualShape(1_000_000) },
      { ...large, server, shape: { files: 1_000_000, directories: 0 } },
    ]),
    ...[1, 2, 4, 8].map((connections): Cell => {
      const shape = usualShape(25_000);
      return {
        ...usual,
        server: 'openssh',
        roundTripMs: 100,
        shape,
        clients: ['farwatch'],
        connections,
        inFlight: 1,
      };
    }),
  ];
}
