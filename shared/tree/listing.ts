import type { EntryList } from './entries.ts';
import type { Entry } from './entry.ts';
import type { Probe } from './probe.ts';

/**
 * How a listing came about: what must be equal for two digests to be comparable (protocol rule 13).
 * `zone` is the IANA zone that local times were read in ('UTC' where the protocol gives UTC) and `offsetMinutes`
 * its offset from UTC when the listing was made: a server that shows all times in today's offset shifts by an
 * hour on a DST switch, and then this says so.
 */
export interface Profile {
  readonly command: 'sftp' | 'mlsd' | 'list' | 'local';
  readonly zone: string;
  readonly offsetMinutes: number;
}

/**
 * Why a listing is not proof. `not-found` and `denied`: the server said so of the directory itself. `truncated`:
 * the server cut it. `unproved`: an answer that could as well mean "no such directory". `lost`: the session or
 * transfer broke. `malformed`: some of it could not be parsed. `timeout`: no answer in time. `refused`: any other
 * refusal of this one directory.
 */
export type PartialReason =
  | 'not-found'
  | 'denied'
  | 'truncated'
  | 'unproved'
  | 'lost'
  | 'malformed'
  | 'timeout'
  | 'refused';

/** Every entry of the directory but `.` and `..`, each name once. Only this can show that something is gone. */
export interface CompleteListing {
  readonly status: 'complete';
  readonly path: string;
  readonly profile: Profile;
  readonly entries: EntryList;
  /** What to compare with a cheap look at the directory from now on; absent: there is none, list it each time. */
  readonly probe?: Probe;
}

/** Some entries, perhaps none: what it shows is there, what it lacks means nothing. */
export interface PartialListing {
  readonly status: 'partial';
  readonly path: string;
  readonly profile: Profile;
  readonly entries: EntryList;
  readonly reason: PartialReason;
  /** For people: what the server said, no secrets, one line. */
  readonly detail: string;
}

export type Listing = CompleteListing | PartialListing;

/** A cheap look at a directory showed what its trusted probe showed: a complete listing would bring nothing new. */
export interface Unchanged {
  readonly status: 'unchanged';
  readonly path: string;
  readonly directories: readonly Pick<Entry, 'name' | 'modifiedAt'>[];
  readonly fileCount: number;
  /** Names of the files in it. */
  readonly files: () => readonly string[];
}

/** The stored form of a profile, e.g. `list Europe/Berlin +60`. */
export function profileName(profile: Profile): string {
  const sign = profile.offsetMinutes < 0 ? '-' : '+';
  return `${profile.command} ${profile.zone} ${sign}${Math.abs(profile.offsetMinutes)}`;
}

export function parseProfile(name: string): Profile {
  const [command = '', zone = 'UTC', offset = '+0'] = name.split(' ');
  if (command !== 'sftp' && command !== 'mlsd' && command !== 'list' && command !== 'local') {
    throw new RangeError(`not a listing profile: ${name}`);
  }
  return { command, zone, offsetMinutes: Number(offset) };
}
