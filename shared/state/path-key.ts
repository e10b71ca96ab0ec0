import { nameToBytes } from '../tree/name.ts';

/**
 * Each name with a NUL before it: NUL sorts below all other bytes and no name can hold it, so a subtree, the root's
 * included, is the contiguous range between its key with NUL and its key with 1 at the end.
 */
export function pathKey(path: string): Buffer {
  if (path === '') return Buffer.alloc(0);
  const key = nameToBytes(`/${path}`);
  for (let i = key.indexOf(0x2f); i !== -1; i = key.indexOf(0x2f, i + 1)) key[i] = 0;
  return key;
}
