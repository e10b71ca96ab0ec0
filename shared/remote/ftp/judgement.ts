import type { Listing, PartialReason, Profile } from '../../tree/listing.ts';
import type { ParsedListing } from './listing-lines.ts';
import type { Retrieved } from './transfer.ts';
import { printable } from './wire.ts';

interface Evidence {
  readonly path: string;
  readonly profile: Profile;
  readonly parsed: ParsedListing;
  readonly retrieved: Pick<Retrieved, 'reply' | 'ended'>;
  /** Pure-FTPd, and who knows who else, cuts every listing at 10,000 lines. */
  readonly cutsAt: number | undefined;
  /** What is missing to believe the listing, if anything. */
  readonly doubt?: { readonly reason: PartialReason; readonly detail: string } | undefined;
}

/** Whether a listing that the server calls successful is all of the directory. */
export function judge(evidence: Evidence): Listing {
  const { path, profile, parsed } = evidence;
  const doubt = doubtOf(evidence);
  const { entries } = parsed;
  return doubt === undefined
    ? { status: 'complete', path, profile, entries }
    : { status: 'partial', path, profile, entries, ...doubt };
}

export function refused(path: string, profile: Profile, reason: PartialReason, detail: string): Listing {
  return { status: 'partial', path, profile, entries: [], reason, detail };
}

/** Of a directory that was asked for in several ways, which is missing only where none of them says anything else. */
export async function firstButMissing(
  refusals: readonly (() => Listing | Promise<Listing>)[],
): Promise<Listing | undefined> {
  let first: Listing | undefined;
  for (const refusal of refusals) {
    const listing = await refusal();
    if (listing.status !== 'partial' || listing.reason !== 'not-found') return listing;
    first ??= listing;
  }
  return first;
}

function doubtOf({ parsed, retrieved, cutsAt, doubt }: Evidence): Evidence['doubt'] {
  const { reply, ended } = retrieved;
  if (ended === 'broken') return { reason: 'lost', detail: 'the data connection broke off' };
  if (ended === 'too long') return { reason: 'truncated', detail: 'more than 256 MB of listing' };
  // "226-Output truncated to 10000 matches"
  if (/truncated/i.test(reply.message)) return { reason: 'truncated', detail: printable(reply.message) };
  if (parsed.malformed !== undefined) return { reason: 'malformed', detail: parsed.malformed };
  if (cutsAt !== undefined && (parsed.lines === cutsAt || parsed.entries.length === cutsAt)) {
    return { reason: 'truncated', detail: `exactly ${cutsAt} lines, where servers like this one cut` };
  }
  return doubt;
}
