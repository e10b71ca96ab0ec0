import { absolutePath } from '../../shared/changes/stamp.ts';
import type { WatchConfig } from '../../shared/config/config.ts';
import type { Partial, ScanSummary } from '../../shared/state/state.ts';
import { readableName } from '../../shared/tree/name.ts';

/** Why a scan is incomplete and what to do about it, for people. */
export function whyIncomplete(
  watch: Pick<WatchConfig, 'root'>,
  { failure, partials, counts }: ScanSummary,
): { readonly message: string; readonly advice: string | null } {
  if (failure !== null) return failure;
  const first = partials.find((partial) => partial.path === '') ?? partials[0];
  if (first === undefined) {
    return { message: 'the scan was ended before it had listed everything', advice: 'The next one goes on.' };
  }
  const what = `${readableName(absolutePath(watch.root, first.path))} could not be listed: ${first.detail}`;
  const others = counts.partialDirectories - 1;
  return {
    message: others > 0 ? `${what} (and ${others} more)` : what,
    advice: first.path === '' ? rootAdvice(first) : adviceFor(first),
  };
}

function rootAdvice(partial: Partial): string {
  return partial.reason === 'not-found' || partial.reason === 'unproved'
    ? 'Check "root" of the watch: it is no directory there, or this account may not see it.'
    : adviceFor(partial);
}

function adviceFor({ reason }: Partial): string {
  switch (reason) {
    case 'denied':
      return 'Let the account of the server read it, or list it under "exclude" of the watch.';
    case 'truncated':
      return 'Raise the limit of entries in the configuration of the server: it cuts long listings.';
    case 'malformed':
      return 'Look for names with line breaks or other controls; nothing is deleted where a listing is unclear.';
    default:
      return 'The next scan tries again; if it stays so, look into the log of the server.';
  }
}
