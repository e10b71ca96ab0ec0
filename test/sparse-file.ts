import { closeSync, ftruncateSync, futimesSync, openSync } from 'node:fs';

/** Creates or replaces a file of this size without writing data. */
export function writeSparse(path: string | Buffer, size: number, modifiedSeconds: number): void {
  const file = openSync(path, 'w', 0o644);
  ftruncateSync(file, size);
  // As a date: Node takes a negative number for "now".
  const modifiedAt = new Date(modifiedSeconds * 1000);
  futimesSync(file, modifiedAt, modifiedAt);
  closeSync(file);
}
