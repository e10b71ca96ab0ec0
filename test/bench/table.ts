import type { Row } from './cell.ts';
import { serverKinds } from './server/kinds.ts';
import type { TreeShape } from './trees.ts';

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
  'late µs',
] as const;
const nameWidth = 40;
const width = 12;

/** A table for every server and distance, printed as its rows come in. */
export class LiveTable {
  readonly #say: (line: string) => void;
  #place = '';
  #tree = '';

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  add(row: Row): void {
    const place = placeName(row);
    const tree = treeName(row.cell.shape);
    if (place !== this.#place) this.#say(`\n${place}\n${headLine()}`);
    if (place !== this.#place || tree !== this.#tree) this.#say(`${tree}:`);
    this.#place = place;
    this.#tree = tree;
    this.#say(`  ${rowLine(row)}`);
  }
}

function headLine(): string {
  return columns.map((name, index) => (index === 0 ? name.padEnd(nameWidth) : name.padStart(width))).join('');
}

function rowLine(row: Row): string {
  const figures = [
    (row.extrapolatedFrom === undefined ? '' : '≈ ') + row.wallSeconds.toFixed(2),
    Math.round(row.cell.shape.files / row.wallSeconds).toLocaleString('en'),
    row.cpuSeconds.toFixed(2),
    row.peakMegabytes.toFixed(0),
    row.sessions === undefined ? '–' : String(row.sessions),
    String(row.connections),
    (row.bytes / 1e6).toFixed(1),
    row.packets.toLocaleString('en'),
    row.lateMeanUs.toFixed(0),
  ];
  return rowName(row).padEnd(nameWidth - 2) + figures.map((figure) => figure.padStart(width)).join('');
}

function rowName({ client, variant, extrapolatedFrom }: Row): string {
  const name = client === 'library' ? 'plain library loop' : `${client}, ${variant}`;
  return extrapolatedFrom === undefined ? name : `${name}, from ${extrapolatedFrom.toLocaleString('en')}`;
}

function treeName({ files, directories }: TreeShape): string {
  const count = files.toLocaleString('en');
  if (directories === 0) return `${count} files in one directory`;
  return `${count} files in ${directories.toLocaleString('en')} directories`;
}

export function placeName({ cell }: Pick<Row, 'cell'>): string {
  return `${serverKinds[cell.server].title}, ${cell.roundTripMs === 0 ? 'loopback' : `${cell.roundTripMs} ms`}`;
}
