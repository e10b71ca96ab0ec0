import { styleText } from 'node:util';
import bytes from 'bytes';
import type { Change, Notice } from './change.ts';

const looks = {
  created: { symbol: '+', colour: 'green' },
  modified: { symbol: '~', colour: 'yellow' },
  deleted: { symbol: '-', colour: 'red' },
  moved: { symbol: '>', colour: 'cyan' },
} as const;

/** One line for people, without the line's end: time, symbol, type, watch, path (from -> to), size. */
export function readableChange(change: Change, colours: boolean): string {
  const { symbol, colour } = looks[change.type];
  const path = shown(change.path, change.kind);
  return [
    paint('dim', clockTime(change.detectedAt), colours),
    paint(colour, `${symbol} ${change.type.padEnd(8)}`, colours),
    escapeControls(change.watch),
    change.from === undefined ? path : `${shown(change.from, change.kind)} -> ${path}`,
    ...sizes(change).map((size) => paint('dim', size, colours)),
  ].join('  ');
}

export function readableNotice(notice: Notice, colours: boolean): string {
  return [
    paint('dim', clockTime(notice.at), colours),
    paint('magenta', `! ${notice.type}`, colours),
    escapeControls(notice.watch ?? notice.server),
    escapeControls(notice.message),
  ].join('  ');
}

/**
 * A name may hold anything but NUL and '/': line ends, terminal commands (ESC and the C1 set), or marks that turn
 * the reading direction so that `fdp.exe` looks like `exe.pdf`. All are spelt out; the backslash doubles.
 */
export function escapeControls(text: string): string {
  return text.replace(
    /[\\\p{Cc}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu,
    escapeOne,
  );
}

function escapeOne(character: string): string {
  const short = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}

/** In quotes where the ends of the name would not be seen, or where it looks like a move. */
function shown(path: string, kind: Change['kind']): string {
  const escaped = escapeControls(path) + (kind === 'directory' && !path.endsWith('/') ? '/' : '');
  return /^\s|\s$| {2}|->/.test(escaped) ? `"${escaped}"` : escaped;
}

function sizes(change: Change): readonly string[] {
  const before = change.old?.size;
  const after = change.new?.size;
  if (change.type === 'modified' && before !== undefined && after !== undefined && before !== after) {
    return [`${sizeText(before)} -> ${sizeText(after)}`];
  }
  const size = after ?? before;
  return size === undefined ? [] : [sizeText(size)];
}

function sizeText(sizeBytes: number): string {
  return bytes.format(sizeBytes, { unitSeparator: ' ', decimalPlaces: 1 }) ?? '';
}

function clockTime(iso: string): string {
  const time = new Date(iso);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** The caller has judged the stream, so `styleText` must not look at the process's own again. */
function paint(format: Parameters<typeof styleText>[0], text: string, colours: boolean): string {
  return colours ? styleText(format, text, { validateStream: false }) : text;
}
