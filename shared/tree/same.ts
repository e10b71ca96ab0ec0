import { type Facts, precisionMs } from './entry.ts';
import { type Profile, profileName } from './listing.ts';
import { offsetMinutes, wallToUtc } from './zone.ts';

/**
 * Compares two looks at one entry (protocol rule 13). Null: they show different states of it. Else what is known
 * after both: the later look with the finer time of the two, said in the terms of the later. It is `before` itself
 * where there is nothing to add.
 */
export type Reconcile = (before: Facts, after: Facts) => Facts | null;

/**
 * How facts recorded under `before` compare with facts listed under `after`. Times are equal when the finer one
 * lies within the unit of the coarser: a server may switch a file's line from minutes to days at any time. Under
 * different profiles the same wall-clock time in the other zone, and a shift by the change of the zone's offset
 * (servers that show all times in today's offset), are differences of representation too.
 */
export function comparison(before: Profile, after: Profile): Reconcile {
  const shiftsOf = profileName(before) === profileName(after) ? () => [0] : shiftsAcross(before, after);
  return (a, b) => {
    if (a.size !== b.size && a.size !== null && b.size !== null) return null;
    const size = b.size ?? a.size;
    if (b.modifiedAt === null) return known(a, size, a.modifiedAt);
    if (a.modifiedAt === null) return { size, modifiedAt: b.modifiedAt, precision: b.precision };
    const [aMs, bMs] = [a.modifiedAt, b.modifiedAt];
    const shiftMs = shiftsOf(a, b, aMs, bMs).find((ms) => within(a, b, aMs + ms, bMs));
    if (shiftMs === undefined) return null;
    const finerBefore = precisionMs[a.precision] < precisionMs[b.precision];
    return finerBefore || a.precision === b.precision
      ? known(a, size, aMs + shiftMs)
      : { size, modifiedAt: bMs, precision: b.precision };
  };
}

function known(before: Facts, size: number | null, modifiedAt: number | null): Facts {
  const { precision } = before;
  return before.size === size && before.modifiedAt === modifiedAt ? before : { size, modifiedAt, precision };
}

function within(a: Facts, b: Facts, aMs: number, bMs: number): boolean {
  if (a.precision === b.precision) return aMs === bMs;
  return precisionMs[a.precision] > precisionMs[b.precision]
    ? bMs >= aMs && bMs < aMs + precisionMs[a.precision]
    : aMs >= bMs && aMs < bMs + precisionMs[b.precision];
}

type ShiftsOf = (a: Facts, b: Facts, aMs: number, bMs: number) => readonly number[];

function shiftsAcross(before: Profile, after: Profile): ShiftsOf {
  if (before.command !== after.command) return (a, b, aMs, bMs) => [0, quarterHourShiftMs(a, b, aMs, bMs)];
  if (before.zone !== after.zone) return (_a, _b, aMs) => [0, zoneShiftMs(before, after, aMs)];
  const dstShiftMs = (after.offsetMinutes - before.offsetMinutes) * 60_000;
  return () => [0, dstShiftMs, -dstShiftMs];
}

/** What a local time changes by when it is read in the zone of `after` and was read in that of `before`. */
function zoneShiftMs(before: Profile, after: Profile, ms: number): number {
  const wallMs = ms + offsetMinutes(before.zone, ms) * 60_000;
  const wall = new Date(wallMs);
  const day = [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate()] as const;
  const read = wallToUtc(...day, wall.getUTCHours(), wall.getUTCMinutes(), after.zone);
  return read + (((wallMs % 60_000) + 60_000) % 60_000) - ms;
}

/** Between two commands of one server, one may have been read in the wrong zone: offsets are quarter hours. */
function quarterHourShiftMs(a: Facts, b: Facts, aMs: number, bMs: number): number {
  const unitMs = Math.max(precisionMs[a.precision], precisionMs[b.precision]);
  if (unitMs >= precisionMs.day) return 0;
  const shiftMs = Math.round((bMs - aMs) / 900_000) * 900_000;
  return Math.abs(shiftMs) <= 14 * 3_600_000 ? shiftMs : 0;
}
