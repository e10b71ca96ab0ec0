import type { FileHandle } from 'node:fs/promises';
import { InvalidInput } from '../failure.ts';

const blockBytes = 65_536;
const newline = 0x0a;

/**
 * Cuts a file of lines back to its last newline and returns how many bytes that took. What stands behind it was
 * never promised to anybody: the position in the change log advances only after a whole batch is on the disk.
 */
export async function cutTornTail(file: FileHandle, path: string): Promise<number> {
  const { size } = await file.stat();
  const end = await endOfLastLine(file, size);
  if (end === size) return 0;
  await refuseForeign(file, path, end);
  await file.truncate(end);
  await file.sync();
  return size - end;
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(blockBytes);
  for (let to = size; to > 0; ) {
    const from = Math.max(0, to - blockBytes);
    const { bytesRead } = await file.read(block, 0, to - from, from);
    const at = block.subarray(0, bytesRead).lastIndexOf(newline);
    if (at !== -1) return from + at + 1;
    to = from;
  }
  return 0;
}

/** A line of ours begins with `{`, or with NUL where the file system kept the length and lost the bytes. */
async function refuseForeign(file: FileHandle, path: string, end: number): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, end);
  if (buffer[0] === 0x7b || buffer[0] === 0) return;
  throw new InvalidInput(`${path} does not end like a file of changes: its last line is not JSON`, {
    advice:
      'Name a new file for the output, or repair the last line; Farwatch does not overwrite foreign files.',
  });
}
