import { type Facts, precisionMs } from './entry.ts';
import { type Profile, profileName } from './listing.ts';
import { offsetMinutes } from './zone.ts';

/** Decides whether two looks at one entry are the same state of it (protocol rule 13). */
export type SameFacts = (before: Facts, after: Facts) => boolean;

/**
 * How facts recorded under `before` compare with facts listed under `after`. Times are equal when the finer one
 * lies within the unit of the coarser: a server may switch a file's line from minutes to days at any time. Under
 * different profiles the same wall-clock time in the other zone, and a shift by the change of the zone's offset
 * (servers that show all times in today's offset), are differences of representation too.
 */
export function comparison(before: Profile, after: Profile): SameFacts {
  const timesAgree = profileName(before) === profileName(after) ? within : acrossProfiles(before, after);
  return (a, b) =>
    (a.size === b.size || a.size === null || b.size === null) &&
    (a.modifiedAt === null || b.modifiedAt === null || timesAgree(a, b, a.modifiedAt, b.modifiedAt));
}

/** The look with the finer time, so that a coarser listing does not make us forget what we knew. */
export function finer(before: Facts, after: Facts): Facts {
  if (after.modifiedAt === null || precisionMs[after.precision] > precisionMs[before.precision]) {
    return { ...before, size: after.size ?? before.size };
  }
  return after;
}

type TimesAgree = (a: Facts, b: Facts, aMs: number, bMs: number) => boolean;

const within: TimesAgree = (a, b, aMs, bMs) => {
  if (a.precision === b.precision) return aMs === bMs;
  return precisionMs[a.precision] > precisionMs[b.precision]
    ? bMs >= aMs && bMs < aMs + precisionMs[a.precision]
    : aMs >= bMs && aMs < bMs + precisionMs[b.precision];
};

function acrossProfiles(before: Profile, after: Profile): TimesAgree {
  const dstShiftMs = (after.offsetMinutes - before.offsetMinutes) * 60_000;
  return (a, b, aMs, bMs) => {
    if (within(a, b, aMs, bMs)) return true;
    const shifts =
      before.command === after.command
        ? [dstShiftMs, -dstShiftMs, zoneShiftMs(before, after, aMs)]
        : [quarterHourShiftMs(aMs, bMs, a, b)];
    return shifts.some((shiftMs) => within(a, b, aMs + shiftMs, bMs));
  };
}

/** What a local time changes by when it is read in the zone of `after` and was read in that of `before`. */
function zoneShiftMs(before: Profile, after: Profile, ms: number): number {
  if (before.zone === after.zone) return 0;
  const wallMs = ms + offsetMinutes(before.zone, ms) * 60_000;
  return wallMs - offsetMinutes(after.zone, wallMs) * 60_000 - ms;
}

/** Between two commands of one server, one may have been read in the wrong zone: offsets are quarter hours. */
function quarterHourShiftMs(aMs: number, bMs: number, a: Facts, b: Facts): number {
  const unitMs = Math.max(precisionMs[a.precision], precisionMs[b.precision]);
  if (unitMs >= precisionMs.day) return 0;
  const shiftMs = Math.round((bMs - aMs) / 900_000) * 900_000;
  return Math.abs(shiftMs) <= 14 * 3_600_000 ? shiftMs : 0;
}
