import type { Row } from './cell.ts';
import type { ServerName } from './server/kinds.ts';
import { placeName } from './table.ts';

/** Something that Farwatch promises, and what came of it. */
export interface Verdict {
  readonly title: string;
  readonly figure: number;
  readonly limit: number;
  readonly unit: '×' | 'MB' | 'bytes a file';
  /** Whether the figure may not be below the limit, or not above it. */
  readonly sense: 'at least' | 'at most';
  readonly met: boolean;
}

const usualFiles = 250_000;
const million = 1_000_000;

/** What can be judged by these figures. */
export function verdicts(rows: readonly Row[]): readonly Verdict[] {
  const places = Map.groupBy(
    rows.filter(({ cell }) => cell.shape.files === usualFiles && cell.shape.directories > 0),
    placeName,
  );
  return [
    ...[...places].flatMap(([place, there]) => ratios(place, there)),
    ...memory(rows),
    ...disk(rows),
    ...slots(rows),
  ];
}

function atLeast(title: string, figure: number | undefined, limit: number): readonly Verdict[] {
  if (figure === undefined) return [];
  return [{ title, figure, limit, unit: '×', sense: 'at least', met: figure >= limit }];
}

function atMost(
  title: string,
  figure: number | undefined,
  limit: number,
  unit: Verdict['unit'],
): readonly Verdict[] {
  if (figure === undefined) return [];
  return [{ title, figure, limit, unit, sense: 'at most', met: figure <= limit }];
}

/** How many times faster than the best of rclone a warm scan must be, far away. */
const warmLimit: Readonly<Record<ServerName, number>> = {
  openssh: 8,
  'pure-ftpd': 6,
  vsftpd: 6,
  'vsftpd-ftps': 6,
  proftpd: 3,
  'proftpd-chroot': 3,
};

function ratios(place: string, rows: readonly Row[]): readonly Verdict[] {
  const [{ cell } = { cell: undefined }] = rows;
  if (cell === undefined) return [];
  const seconds = (client: string, variant?: string) => fastest(rows, client, variant);
  const sftp = cell.server === 'openssh';
  const warm = seconds('farwatch', 'warm scan');
  const first = seconds('farwatch', 'first scan');
  const found = seconds('find');
  const over = (theirs: number | undefined, ours: number | undefined) =>
    theirs === undefined || ours === undefined ? undefined : theirs / ours;
  if (cell.roundTripMs === 0) {
    return sftp
      ? atLeast(`${place}: warm, against the best of rclone`, over(seconds('rclone'), warm), 1)
      : [];
  }
  const equal = seconds('rclone', `${cell.connections} checkers`);
  const listing = fastest([...rows.filter(({ client }) => client === 'rclone' || client === 'lftp')]);
  return [
    ...atLeast(
      `${place}: warm, against the best of rclone`,
      over(seconds('rclone'), warm),
      warmLimit[cell.server],
    ),
    ...(cell.server === 'pure-ftpd' || cell.server === 'vsftpd'
      ? atLeast(`${place}: warm, against rclone with as many sessions`, over(equal, warm), 20)
      : []),
    ...(sftp
      ? atLeast(`${place}: first scan, against the best of rclone`, over(seconds('rclone'), first), 4)
      : atLeast(`${place}: first scan, against the best of rclone and lftp`, over(listing, first), 1)),
    ...atMost(`${place}: warm, against find on the server`, over(warm, found), 2.5, '×'),
  ];
}

function fastest(rows: readonly Row[], client?: string, variant?: string): number | undefined {
  const walls = rows
    .filter((row) => client === undefined || row.client === client)
    .filter((row) => variant === undefined || row.variant === variant)
    .map(({ wallSeconds }) => wallSeconds);
  return walls.length === 0 ? undefined : Math.min(...walls);
}

/** The worst of all scans of a size, wherever it was. */
function memory(rows: readonly Row[]): readonly Verdict[] {
  const ours = rows.filter(({ client }) => client === 'farwatch');
  const peak = (holds: (row: Row) => boolean) => {
    const peaks = ours.filter(holds).map(({ peakMegabytes }) => peakMegabytes);
    return peaks.length === 0 ? undefined : Math.max(...peaks);
  };
  const size = (files: number, flat: boolean) => (row: Row) =>
    row.cell.shape.files === files && (row.cell.shape.directories === 0) === flat;
  return [
    ...atMost('peak memory, 250,000 files', peak(size(usualFiles, false)), 150, 'MB'),
    ...atMost('peak memory, 1,000,000 files', peak(size(million, false)), 250, 'MB'),
    ...atMost('peak memory, one directory of 1,000,000', peak(size(million, true)), 250, 'MB'),
  ];
}

function disk(rows: readonly Row[]): readonly Verdict[] {
  const bytes = rows
    .filter(({ cell }) => cell.shape.files === million)
    .flatMap(({ stateBytes }) => (stateBytes === undefined ? [] : [stateBytes / million]));
  return bytes.length === 0
    ? []
    : atMost('state on disk, 1,000,000 files', Math.max(...bytes), 40, 'bytes a file');
}

function slots(rows: readonly Row[]): readonly Verdict[] {
  const scan = (connections: number) =>
    rows.find(
      ({ cell }) => cell.inFlight === 1 && cell.connections === connections && cell.roundTripMs === 100,
    );
  const one = scan(1);
  const eight = scan(8);
  if (one === undefined || eight === undefined) return [];
  return atLeast('8 slots against one, without pipelining', one.wallSeconds / eight.wallSeconds, 6);
}

export function verdictLine({ title, figure, limit, unit, sense, met }: Verdict): string {
  const number = (value: number) => (unit === 'MB' ? value.toFixed(0) : value.toFixed(1));
  const must = `${sense} ${number(limit)}${unit === '×' ? '' : ' '}${unit}`;
  return `${title.padEnd(68)}${number(figure).padStart(8)}  ${must.padEnd(27)}${met ? 'met' : 'NOT met'}`;
}
