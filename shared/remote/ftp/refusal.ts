import type { PartialReason } from '../../tree/listing.ts';

const missing =
  /no such (file|dir)|not found|(does not|doesn't|not) exist|(cannot|can't) find|not a directory/i;
const denied =
  /permission|denied|not permitted|not allowed|forbidden|unauthori[sz]ed|unable to read|failed to open/i;

/**
 * What a refusal says of a directory, as far as its words tell: 550 alone means either (RFC 959, section 4.2.2), and
 * some servers say "not found or no permission".
 */
export function judgeRefusal(message: string): Extract<PartialReason, 'not-found' | 'denied'> | undefined {
  const isMissing = missing.test(message);
  const isDenied = denied.test(message);
  if (isMissing === isDenied) return undefined;
  return isMissing ? 'not-found' : 'denied';
}

/** Refusals that may be over in a moment: no data connection, transfer broken off, file busy, local error. */
export function isTransient(code: number): boolean {
  return code === 425 || code === 426 || code === 450 || code === 451;
}
