import { offsetMinutes, wallToUtc } from '../../tree/zone.ts';

/** What turns the local times of a listing into moments. */
export interface ListClock {
  /** When the listing was made. */
  readonly now: number;
  /** Month from 1. */
  readonly toUtc: (year: number, month: number, day: number, hour: number, minute: number) => number;
}

/** Times as if those of the listing were in UTC. */
export function utcClock(now: number): ListClock {
  return { now, toUtc: (year, month, ...rest) => Date.UTC(year, month - 1, ...rest) };
}

/** Times as the zone's clocks showed them: in summer with the offset of summer. */
export function zoneClock(zone: string, now: number): ListClock {
  return {
    now,
    toUtc: (year, month, day, hour, minute) => wallToUtc(year, month, day, hour, minute, zone),
  };
}

/** Times of summer and winter alike with the offset of today, as vsftpd shows them (`use_localtime`). */
export function todaysOffsetClock(zone: string, now: number): ListClock {
  const offsetMs = offsetMinutes(zone, now) * 60_000;
  return {
    now,
    toUtc: (year, month, day, hour, minute) => Date.UTC(year, month - 1, day, hour, minute) - offsetMs,
  };
}
