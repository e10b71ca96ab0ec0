import * as z from 'zod';
import type { Change, Notice } from '../../../shared/changes/change.ts';
import { storedChange } from '../../../shared/state/stored.ts';

export type BusEvent =
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'notice'; readonly notice: Notice };

const notice = z.object({
  version: z.literal(1),
  type: z.enum([
    'Scan Completed',
    'Scan Incomplete',
    'Server Unreachable',
    'Login Refused',
    'Watch Suspended',
    'Watch Resumed',
  ]),
  tenant: z.string(),
  server: z.string(),
  watch: z.string().exactOptional(),
  scan: z.number().exactOptional(),
  at: z.string(),
  message: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

const envelope = z.object({ detail: z.union([storedChange, notice]) });

/** What a rule put into a queue. Undefined for what is no event of ours: anybody may put events on a bus. */
export function parseBusEvent(body: string): BusEvent | undefined {
  const parsed = envelope.safeParse(jsonOf(body));
  if (!parsed.success) return undefined;
  const { detail } = parsed.data;
  return 'id' in detail ? { kind: 'change', change: detail } : { kind: 'notice', notice: detail };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
