import type { Profile } from './listing.ts';

/**
 * What a look at a directory showed, as a fingerprint. It only answers whether anything changed since; what changed, an
 * exact listing says. Of FTP it is the lines of STAT, which are cheap and coarse. Of SFTP it is the exact listing itself, in
 * the order that the entries came in: that spares the work of sorting and comparing them, and is always trusted.
 *
 * Coarse means that a change can hide: a file written twice within the unit of its time (a minute), with the same size,
 * looks the same before and after. That is the racy timestamp of git's index
 * (https://git-scm.com/docs/racy-git), and the answer is the same: what was taken too early is not trusted.
 */
export interface Probe {
  /** 24 hex digits. */
  readonly digest: string;
  /** Seconds since 1970 by our clock, when it was first seen; null: trusted, an equal look means no change. */
  readonly since: number | null;
}

function sameProbe(a: Probe | null, b: Probe | null): boolean {
  return a?.digest === b?.digest && a?.since === b?.since;
}

/**
 * Whether an unchanged directory is written for the sake of its probe. One of SFTP saves no request, and with some servers
 * it is another in every scan: it is written when the directory is.
 */
export function isWorthAWrite(before: Probe | null, after: Probe | null, { command }: Profile): boolean {
  return command !== 'sftp' && !sameProbe(before, after);
}

/** How a look that comes with an exact listing must be, to be trusted. */
export interface Trust {
  /** Seconds for which the same look must have stood: the unit of its times, and what clocks may repeat. */
  readonly afterSeconds: number;
  /** Whether anything in the directory speaks against trust, however long it stands. */
  readonly doubted: boolean;
}

/**
 * The probe to be stored with an exact listing that was made just after this look at `now`. Both sightings are dated
 * by our clock, so that the server's may be as wrong as it likes as long as it goes on: once a unit of time has passed
 * since the first sighting, whatever is written gets another time than all that was seen then; and the exact
 * listing of the second sighting has what was written in between.
 */
export function nextProbe(before: Probe | null, digest: string, now: number, trust: Trust): Probe {
  const seconds = Math.ceil(now / 1_000);
  if (before?.digest !== digest) return { digest, since: trust.afterSeconds === 0 ? null : seconds };
  if (before.since === null || trust.doubted || seconds - before.since < trust.afterSeconds) return before;
  return { digest, since: null };
}
