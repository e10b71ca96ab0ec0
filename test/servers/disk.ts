import type { Stats } from 'node:fs';

/** A client's absolute or relative path as an absolute one without `.` and `..`, which never leads above `/`. */
export function pathOnServer(path: Buffer): Buffer {
  const segments: string[] = [];
  // latin1: one character a byte, so that nothing is lost.
  for (const segment of path.toString('latin1').split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return Buffer.from(`/${segments.join('/')}`, 'latin1');
}

/** Where a client's path is on the disk, below `root`. */
export function localPath(root: Buffer, path: Buffer): Buffer {
  return Buffer.concat([root, pathOnServer(path)]);
}

/** `drwxr-xr-x` as `ls -l` has it. */
export function modeString(stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : stats.isFile() ? '-' : 'p';
  const bits = Array.from('rwxrwxrwx', (letter, index) =>
    (stats.mode & (0o400 >> index)) === 0 ? '-' : letter,
  );
  return kind + bits.join('');
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const halfAYearMs = 182 * 86_400_000;

/** As `ls -l` in UTC: with the time where it lies in the last six months, else with the year. */
export function shortDate(date: Date, now = Date.now()): string {
  const day = `${months[date.getUTCMonth()] ?? ''} ${String(date.getUTCDate()).padStart(2)}`;
  const age = now - date.getTime();
  if (age < 0 || age > halfAYearMs) return `${day}  ${date.getUTCFullYear()}`;
  return `${day} ${date.toISOString().slice(11, 16)}`;
}
