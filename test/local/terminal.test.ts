import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { progressLine, type ScanProgress } from '../../infra/local/terminal.ts';

const program = fileURLToPath(new URL('./terminal-program.ts', import.meta.url));
const hasScript = spawnSync('script', ['--version']).status === 0;

const scan: ScanProgress = {
  watch: 'incoming',
  expected: 5_111,
  directories: 1_234,
  files: 61_204,
  startedAt: 0,
};

test('the line says how far a scan is and how fast', () => {
  assert.equal(
    progressLine([scan], 10_000, 200),
    'incoming  [====                ]  1,234 of 5,111 directories  61,204 files  6,120/s',
  );
});

test('without a last scan, or beyond it, there is nothing to measure by', () => {
  const expected = 'incoming  1,234 directories  61,204 files  6,120/s';
  assert.equal(progressLine([{ ...scan, expected: null }], 10_000, 200), expected);
  assert.equal(progressLine([{ ...scan, expected: 1_000 }], 10_000, 200), expected);
  assert.equal(progressLine([{ ...scan, expected: 0 }], 10_000, 200), expected);
});

test('several scans share the line', () => {
  const other = { ...scan, watch: 'outgoing', directories: 5_000, files: 0, startedAt: 5_000 };
  assert.equal(
    progressLine([scan, other], 10_000, 200),
    'incoming, outgoing  [============        ]  6,234 of 10,222 directories  61,204 files  6,120/s',
  );
});

test('whatever it says, it is one line, harmless, and shorter than the terminal is wide', () => {
  const anyScan = fc.record({
    watch: fc.string({ unit: 'binary' }),
    expected: fc.option(fc.nat()),
    directories: fc.nat(),
    files: fc.nat(),
    startedAt: fc.nat(),
  });
  fc.assert(
    fc.property(
      fc.array(anyScan, { maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 2, max: 300 }),
      (scans, now, width) => {
        const line = progressLine(scans, now, width);
        assert.ok(line.length < width, line);
        assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]|NaN|Infinity/u);
      },
    ),
  );
});

test('where there is no terminal, nothing is ever written', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trimEnd().split('\n').length, 5);
  const records = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg);
  assert.deepEqual(records, ['step 1', 'step 2', 'step 3', 'step 4']);
});

test('on a terminal the progress is seen, and change and log lines are left whole', {
  skip: !hasScript,
}, () => {
  const command = `env -u NO_COLOR TERM=xterm-256color ${process.execPath} ${program}`;
  const { stdout, status } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /incoming, outgoing {2}\[=*\s*\] {2}\d+ of 20 directories {2}[\d,]+ files/);
  assert.ok(!stdout.includes('\x1b[?7l'), 'the wrapping of the terminal is left alone');
  const lines = screenOf(stdout).map((line) => line.replaceAll(/\d\d:\d\d:\d\d/g, 'TIME'));
  const change = (number: number) => `TIME  + created   incoming  /incoming/${number}.csv  1 KB`;
  const step = (number: number) => `[TIME] INFO: step ${number}`;
  assert.deepEqual(lines, [
    ...[1, 2, 3, 4].flatMap((number) => [change(number), step(number)]),
    change(5),
    '',
  ]);
});

test('the line comes back after a print that fails', { skip: !hasScript }, () => {
  const command = `${process.execPath} ${program} failing`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
  assert.equal(stdout.match(/incoming {2}\[ +\]/g)?.length, 3, stdout);
});

/** What a terminal would show: carriage return, line feed, clearing, absolute column, saved cursor. */
function screenOf(output: string): readonly string[] {
  const rows: string[] = [''];
  let cursor = { row: 0, column: 0 };
  let saved = cursor;
  const put = (text: string) => {
    const row = rows[cursor.row] ?? '';
    rows[cursor.row] =
      row.slice(0, cursor.column).padEnd(cursor.column) + text + row.slice(cursor.column + text.length);
    cursor = { ...cursor, column: cursor.column + text.length };
  };
  const visible = output.replaceAll('\x1b', '␛');
  for (const [part] of visible.matchAll(/␛\[[\d;?]*[A-Za-z]|␛[78]|[\r\n]|[^␛\r\n]+/g)) {
    if (part === '\r' || part === '␛[1G') cursor = { ...cursor, column: 0 };
    else if (part === '\n') {
      cursor = { row: cursor.row + 1, column: cursor.column };
      rows[cursor.row] ??= '';
    } else if (part === '␛7') saved = cursor;
    else if (part === '␛8') cursor = saved;
    else if (part === '␛[2K') rows[cursor.row] = '';
    else if (part === '␛[0K') rows[cursor.row] = (rows[cursor.row] ?? '').slice(0, cursor.column);
    else if (/^␛\[[\d;]*m$/.test(part)) continue;
    else if (part.startsWith('␛')) assert.fail(`unexpected ${part}`);
    else put(part);
  }
  return rows.map((row) => row.trimEnd());
}
