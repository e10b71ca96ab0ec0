import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lookAt } from '../../../shared/remote/ftp/look.ts';
import { dots } from './odd-listing.ts';

const now = Date.UTC(2026, 10, 28, 20, 45);

/** The time of a directory that is listed like this. */
function timeOf(date: string): number | null | undefined {
  const lines = [...dots, `drwxr-xr-x 2 a b 4096 ${date} d`].map((line) => `${line}\n`);
  return lookAt(lines.join(''), now)?.directories[0]?.modifiedAt;
}

describe('FTP: what a look shows of the directories in one', () => {
  // An adaptive watch lets those rest that are old.
  for (const [date, time] of [
    ['Nov 28 20:44', Date.UTC(2026, 10, 28, 20, 44)],
    ['Dec 31 23:59', Date.UTC(2025, 11, 31, 23, 59)],
    ['Jan  1 00:00', Date.UTC(2026, 0, 1)],
    ['Feb 29  2024', Date.UTC(2024, 1, 29)],
    ['Dec 31  2025', Date.UTC(2025, 11, 31)],
  ] as const) {
    it(`is that they are of ${date}`, () => assert.equal(timeOf(date), time));
  }
});
