import type { EntryList } from '../../tree/entries.ts';
import type { Entry } from '../../tree/entry.ts';
import type { Trust } from '../../tree/probe.ts';
import { type ParsedList, parseList } from './list.ts';
import { utcClock } from './list-clock.ts';
import { dataOf, type Look } from './look.ts';

const minuteMs = 60_000;
/** A minute, and what two readings of our clock may be off. */
const minuteSeconds = 62;
/** In autumn a local clock shows the minutes of an hour twice. */
const repeatedSeconds = 3_700;
/** Beyond what any zone and any clock that is looked after are ahead of ours. */
const aheadMs = 26 * 3_600_000;

/**
 * Compares a look with the entries of an exact listing (MLSD: seconds, UTC). Undefined where they do not show the same
 * files, sizes and directories: the server shows more, less or something else by STAT, or something has changed
 * between the two. Links are left out: ProFTPD lists by MLSD only those that lead somewhere.
 */
export function compareLook(look: Look, exact: EntryList): Trust | undefined {
  const parsed = parsedLook(look);
  if (parsed.malformed !== undefined) return undefined;
  const shown = new Map<string, Entry>();
  for (const entry of parsed.entries.filter(isTracked)) shown.set(entry.name, entry);
  const tracked = exact.filter(isTracked);
  if (shown.size !== tracked.length) return undefined;
  let showsLocalTime = false;
  let doubted = false;
  for (const entry of tracked) {
    const line = shown.get(entry.name);
    if (line?.kind !== entry.kind || line.size !== entry.size) return undefined;
    if (entry.kind === 'directory' || entry.modifiedAt === null) continue;
    const minute = Math.floor(entry.modifiedAt / minuteMs) * minuteMs;
    showsLocalTime ||= line.precision === 'minute' && line.modifiedAt !== minute;
    // Dated ahead: a write at just that minute would not show.
    const aheadOfUs = entry.modifiedAt - look.at;
    doubted ||= aheadOfUs > -minuteSeconds * 1_000 && aheadOfUs < aheadMs;
  }
  return { afterSeconds: showsLocalTime ? repeatedSeconds : minuteSeconds, doubted };
}

/** As if the server were in UTC. Parsed anew each time: hundreds of looks wait at a time, and what is parsed is larger. */
export function parsedLook(look: Look): ParsedList {
  return parseList(dataOf(look), utcClock(look.at));
}

function isTracked({ kind }: Entry): boolean {
  return kind === 'file' || kind === 'directory';
}
