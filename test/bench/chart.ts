import type { Row } from './cell.ts';
import type { ClientName } from './plan.ts';
import { placeName } from './table.ts';

const width = 860;
const left = 190;
const right = 120;
const top = 64;
const rowHeight = 30;
/** Of the axis, files a second. */
const lowest = 100;
const highest = 1_000_000;

interface Series {
  readonly client: ClientName;
  readonly title: string;
  readonly variants: readonly string[];
}

/** Drawn in this order, so that what matters lies on top. */
const series: readonly Series[] = [
  { client: 'library', title: 'plain library loop', variants: ['loop'] },
  { client: 'lftp', title: 'lftp', variants: ['find -l'] },
  { client: 'rclone', title: 'rclone, best of 8, 16, 32 sessions', variants: [] },
  { client: 'find', title: 'find on the server', variants: ['on the server'] },
  { client: 'farwatch', title: 'Farwatch, warm scan, at most 8 sessions', variants: ['warm scan'] },
];

/** Files a second over the largest usual tree, a line for each server and distance: an SVG for light and dark pages. */
export function chart(rows: readonly Row[], files: number): string {
  const shown = rows.filter(({ cell }) => cell.shape.files === files && cell.shape.directories > 0);
  const places = [...Map.groupBy(shown, placeName)];
  const bottom = top + places.length * rowHeight;
  const title = `Files a second over ${files.toLocaleString('en')} files`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 34}" role="img" aria-label="${title}">`,
    style,
    `<text x="0" y="16" class="title">${title}, by server and round trip (logarithmic)</text>`,
    ...legend(new Set(shown.map(({ client }) => client))),
    ...axis(bottom),
    ...places.flatMap(([place, there], index) => line(place, there, top + (index + 0.5) * rowHeight)),
    '</svg>',
    '',
  ].join('\n');
}

// Where nobody tells light from dark, colours that can be read on both.
const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #6e7781; }
.title, .ours { font-weight: 600; }
.grid { stroke: #8c959f; stroke-opacity: 0.35; }
.library { fill: #8c959f; } .lftp { fill: #8250df; } .rclone { fill: #d1690f; }
.find { fill: none; stroke: #6e7781; stroke-width: 1.5; } .farwatch, .ours { fill: #2f81f7; }
@media (prefers-color-scheme: light) { .title, .place { fill: #1f2328; } .farwatch, .ours { fill: #0969da; } }
@media (prefers-color-scheme: dark) { .title, .place { fill: #f0f6fc; } .lftp { fill: #ab7df8; } }
</style>`;

function legend(clients: ReadonlySet<ClientName>): readonly string[] {
  const titles = series.filter(({ client }) => clients.has(client)).toReversed();
  let x = 6;
  return titles.flatMap(({ client, title }) => {
    const at = x;
    x += 28 + title.length * 6.2;
    return [dot(client, at, 36), `<text x="${at + 10}" y="40">${escaped(title)}</text>`];
  });
}

function axis(bottom: number): readonly string[] {
  const decades = [100, 1_000, 10_000, 100_000, 1_000_000];
  return decades.flatMap((value) => {
    const x = position(value);
    return [
      `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" class="grid"/>`,
      `<text x="${x}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString('en')}</text>`,
    ];
  });
}

function line(place: string, rows: readonly Row[], y: number): readonly string[] {
  const best = (client: ClientName, variants: readonly string[]) =>
    Math.max(
      0,
      ...rows
        .filter((row) => row.client === client && (variants.length === 0 || variants.includes(row.variant)))
        .map(({ cell, wallSeconds }) => cell.shape.files / wallSeconds),
    );
  const rates = series.map(({ client, variants }) => ({ client, rate: best(client, variants) }));
  const ours = rates.find(({ client }) => client === 'farwatch')?.rate ?? 0;
  const theirs = rates.find(({ client }) => client === 'rclone')?.rate ?? 0;
  return [
    `<text x="0" y="${y + 4}" class="place">${escaped(place)}</text>`,
    `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" class="grid"/>`,
    ...rates.filter(({ rate }) => rate > 0).map(({ client, rate }) => dot(client, position(rate), y)),
    ...(ours > 0 && theirs > 0
      ? [`<text x="${width - right + 14}" y="${y + 4}" class="ours">${times(ours / theirs)} rclone</text>`]
      : []),
  ];
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)} ×`;
}

function dot(client: ClientName, x: number, y: number): string {
  return `<circle cx="${x}" cy="${y}" r="${client === 'farwatch' ? 6 : 5}" class="${client}"/>`;
}

function position(rate: number): number {
  const within = Math.min(highest, Math.max(lowest, rate));
  const share = Math.log10(within / lowest) / Math.log10(highest / lowest);
  return Math.round((left + share * (width - left - right)) * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
