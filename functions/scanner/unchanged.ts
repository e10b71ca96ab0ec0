import type { Known } from '../../shared/remote/remote.ts';
import type { DirectoryCommit, DirectoryRecord } from '../../shared/state/state.ts';
import type { ListedDirectory } from '../../shared/tree/digest.ts';
import { joinPath } from '../../shared/tree/entry.ts';
import { type Listing, profileName, type Unchanged } from '../../shared/tree/listing.ts';
import { isWorthAWrite } from '../../shared/tree/probe.ts';
import { looksAtPaths, type Selection, type SelectionRules } from '../../shared/tree/selection.ts';

/** Whether the entries need not even be read: same fingerprint of the same thing, and nothing is due (rule 9). */
export function isUnchanged(
  record: DirectoryRecord,
  listing: Listing,
  listed: ListedDirectory,
  scope: string,
  now: number,
): boolean {
  return (
    listing.status === 'complete' &&
    record.digest === listed.digest &&
    record.profile === profileName(listing.profile) &&
    unchangedSuffices(record, scope, now)
  );
}

/**
 * Of an unchanged directory: its record with the probe that came with the listing, or undefined where that is stored
 * already. It costs a write, once after each change and once when the probe comes to be trusted; it saves the exact listings
 * of all scans to come.
 */
export function withProbe(record: DirectoryRecord, listing: Listing): DirectoryCommit | undefined {
  const probe = listing.status === 'complete' ? listing.probe : undefined;
  if (probe === undefined || !isWorthAWrite(record.probe, probe, listing.profile)) return undefined;
  const { path, generation, ...standing } = record;
  return {
    path,
    expected: generation,
    record: { ...standing, probe },
    dropChunks: [],
    putChunks: [],
    stubs: [],
    forget: [],
    changes: [],
  };
}

/** Whether a look at the directory that shows nothing new is as good as a listing: nothing in it is due. */
export function unchangedSuffices(record: DirectoryRecord, scope: string, now: number): boolean {
  return (
    record.digest !== null &&
    record.scope === scope &&
    !record.held &&
    (record.dueAt === null || record.dueAt > now)
  );
}

/** What a session is told of a directory, so that it may answer that nothing changed; a stub leaves nothing to tell. */
export function knownOf(record: DirectoryRecord, scope: string, now: number): Known | undefined {
  if (record.profile === '') return undefined;
  return {
    probe: record.probe,
    profile: record.profile,
    entries: record.listed,
    unchangedSuffices: unchangedSuffices(record, scope, now),
  };
}

/** Whether the way leads into every directory of the tree; it may even where this cannot tell. */
export function descendsEverywhere({ include, exclude, hidden, maxDepth }: SelectionRules): boolean {
  const isAnywhere = ({ type, pattern }: SelectionRules['include'][number]): boolean =>
    type === 'regex' || pattern === '**' || pattern.startsWith('**/');
  return exclude.length === 0 && hidden && maxDepth === null && include.every(isAnywhere);
}

/** Whether every file of the tree counts, whatever its name. */
export function tracksAll(rules: SelectionRules): boolean {
  return rules.kinds.includes('file') && !looksAtPaths(rules);
}

/** How many files a listing would have counted. */
export function trackedFiles(
  { fileCount, files }: Unchanged,
  directory: string,
  selection: Selection,
  all: boolean,
): number {
  if (all) return fileCount;
  return files().filter((name) => selection.admits(joinPath(directory, name), 'file')).length;
}
