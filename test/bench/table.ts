import type { Row } from './cell.ts';
import { serverKinds } from './server/kinds.ts';

const columns = [
  '',
  'seconds',
  'files/s',
  'CPU s',
  'peak MB',
  'sessions',
  'connections',
  'MB',
  'packets',
] as const;
const nameWidth = 36;
const width = 12;

export function headLine(): string {
  return columns.map((name, index) => (index === 0 ? name.padEnd(nameWidth) : name.padStart(width))).join('');
}

export function rowLine(row: Row): string {
  const figures = [
    row.wallSeconds.toFixed(2),
    Math.round(row.cell.shape.files / row.wallSeconds).toLocaleString('en'),
    row.cpuSeconds.toFixed(2),
    row.peakMegabytes.toFixed(0),
    row.sessions === undefined ? '–' : String(row.sessions),
    String(row.connections),
    (row.bytes / 1e6).toFixed(1),
    row.packets.toLocaleString('en'),
  ];
  return rowName(row).padEnd(nameWidth) + figures.map((figure) => figure.padStart(width)).join('');
}

export function rowName({ client, variant }: Pick<Row, 'client' | 'variant'>): string {
  return client === 'library' ? 'plain library loop' : `${client}, ${variant}`;
}

export function placeName({ cell }: Pick<Row, 'cell'>): string {
  return `${serverKinds[cell.server].title}, ${cell.roundTripMs === 0 ? 'loopback' : `${cell.roundTripMs} ms`}`;
}
