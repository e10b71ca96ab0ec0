/**
 * Local times of a server whose listings have no zone. Intl knows the rules but costs microseconds a question, so
 * offsets are remembered per week, and the moment of a change within a week is searched for once.
 */
const weekMs = 7 * 86_400_000;
const dayMs = 86_400_000;
const minuteMs = 60_000;

interface Week {
  readonly before: number;
  readonly after: number;
  /** The first moment at which `after` holds. */
  readonly changeAt: number;
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly weeks: Map<number, Week>;
}

const zones = new Map<string, Zone>();

/** Minutes that local clocks are ahead of UTC at that moment. Throws RangeError for a zone that Intl does not know. */
export function offsetMinutes(zone: string, atMs: number): number {
  if (zone === 'UTC') return 0;
  const known = zoneOf(zone);
  const index = Math.floor(atMs / weekMs);
  let week = known.weeks.get(index);
  if (week === undefined) {
    week = readWeek(known.format, index * weekMs);
    known.weeks.set(index, week);
  }
  return atMs < week.changeAt ? week.before : week.after;
}

/**
 * The moment that a clock on the wall shows so; month from 1. A time that the clock shows twice is the first of
 * both; one that it skips is read with the offset before the jump (as Temporal's `compatible`).
 */
export function wallToUtc(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  zone: string,
): number {
  const wall = Date.UTC(year, month - 1, day, hour, minute);
  if (zone === 'UTC') return wall;
  const before = offsetMinutes(zone, wall - dayMs);
  const after = offsetMinutes(zone, wall + dayMs);
  const early = wall - before * minuteMs;
  if (before === after || offsetMinutes(zone, early) === before) return early;
  const late = wall - after * minuteMs;
  return offsetMinutes(zone, late) === after ? late : early;
}

function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  const zone = { format, weeks: new Map<number, Week>() };
  zones.set(name, zone);
  return zone;
}

function readWeek(format: Intl.DateTimeFormat, start: number): Week {
  const before = readOffset(format, start);
  const after = readOffset(format, start + weekMs - 1);
  if (before === after) return { before, after, changeAt: start };
  let low = start;
  let high = start + weekMs - 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (readOffset(format, middle) === before) low = middle;
    else high = middle;
  }
  return { before, after, changeAt: high };
}

const offsetText = /GMT(?:([+-])(\d{2}):(\d{2}))?/;

/** Local mean times of before about 1900 have seconds as well; they are cut off. */
function readOffset(format: Intl.DateTimeFormat, atMs: number): number {
  const match = offsetText.exec(format.format(atMs));
  const minutes = Number(match?.[2] ?? 0) * 60 + Number(match?.[3] ?? 0);
  return match?.[1] === '-' && minutes > 0 ? -minutes : minutes;
}
