/** Names that are sorted, each known by its place: a run of units. */
export interface Names {
  readonly unitBits: number;
  /** `count` units behind the first `skipped` ones as one number; those that are not there count 0. */
  keyAt(place: number, skipped: number, count: number): number;
  /** In the order wanted, to the last unit and beyond. */
  compare(a: number, b: number): number;
}

/** Bits of a whole number that a double holds exactly. */
const exactBits = 53;
/** Sorted by comparing them: keys would take longer. */
const few = 8;
/** Names that still do not differ after so many keys are compared. */
const mostKeys = 8;
/** One for all, as nobody else runs while it is in use. More keys get room of their own. */
const scratch = new Float64Array(1 << 12);

/**
 * Sorts `places`, whose names begin with the same `skipped` units; equals stay in the order they have. Numbers are sorted
 * natively, each the next few units of a name with its index behind, and what they do not tell apart by the units that
 * follow. Returns whether the first numbers told all names apart.
 */
export function sortByName(places: Uint32Array, names: Names, skipped: number, keysBefore = 0): boolean {
  const { length } = places;
  if (length < 2) return true;
  const count = Math.floor((exactBits - indexBits(length)) / names.unitBits);
  const ties = sortByKeys(places, names, skipped, count);
  for (const [from, to] of ties) {
    const tied = places.subarray(from, to);
    if (tied.length <= few) sortFew(tied, names);
    else if (keysBefore + 1 < mostKeys) sortByName(tied, names, skipped + count, keysBefore + 1);
    else tied.set([...tied].sort((a, b) => names.compare(a, b)));
  }
  return ties.length === 0;
}

type Run = readonly [from: number, to: number];

/** Returns what they leave undecided. */
function sortByKeys(places: Uint32Array, names: Names, skipped: number, count: number): readonly Run[] {
  const { length } = places;
  const room = 2 ** indexBits(length);
  const keys = length <= scratch.length ? scratch.subarray(0, length) : new Float64Array(length);
  let last = -1;
  let inOrder = true;
  for (let index = 0; index < length; index += 1) {
    const key = names.keyAt(places[index] ?? 0, skipped, count);
    inOrder &&= key > last;
    last = key;
    keys[index] = key * room + index;
  }
  if (inOrder) return [];
  keys.sort();
  return arrange(places, keys, room);
}

/** Puts places where their keys are, and returns the runs of those with equal ones. */
function arrange(places: Uint32Array, keys: Float64Array, room: number): readonly Run[] {
  const before = places.slice();
  const ties: Run[] = [];
  let last = -1;
  let from = 0;
  for (let at = 0; at < keys.length; at += 1) {
    const value = keys[at] ?? 0;
    const key = Math.floor(value / room);
    places[at] = before[value - key * room] ?? 0;
    if (key === last) continue;
    if (at - from > 1) ties.push([from, at]);
    from = at;
    last = key;
  }
  if (keys.length - from > 1) ties.push([from, keys.length]);
  return ties;
}

function sortFew(places: Uint32Array, names: Names): void {
  for (let index = 1; index < places.length; index += 1) {
    const place = places[index] ?? 0;
    let at = index;
    for (; at > 0 && names.compare(places[at - 1] ?? 0, place) > 0; at -= 1) places[at] = places[at - 1] ?? 0;
    places[at] = place;
  }
}

function indexBits(length: number): number {
  return 32 - Math.clz32(length - 1);
}
