/**
 * Cuts a list into packs of at most `count` items and `bytes` together, in order. An item that alone is larger stands
 * alone: whoever receives it refuses it by name, and the others go.
 */
export function packs<T>(
  items: readonly T[],
  limits: { readonly count: number; readonly bytes: number },
  bytesOf: (item: T) => number,
): readonly (readonly T[])[] {
  const found: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const last = found.at(-1);
    if (last !== undefined && last.length < limits.count && bytes + size <= limits.bytes) {
      last.push(item);
      bytes += size;
    } else {
      found.push([item]);
      bytes = size;
    }
  }
  return found;
}
