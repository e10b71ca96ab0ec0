import { setTimeout as delay } from 'node:timers/promises';
import pino, { type Logger } from 'pino';
import type { Change, Notice } from '../../shared/changes/change.ts';

export const never = new AbortController().signal;
export const quiet = pino({ level: 'silent' });

export function sampleChange(number: number, more: Partial<Change> = {}): Change {
  return {
    version: 1,
    id: `id-${number}`,
    sequence: String(number).padStart(10, '0'),
    type: 'created',
    kind: 'file',
    tenant: 'acme',
    server: 'partner-a',
    watch: 'incoming',
    path: `/incoming/${number}.csv`,
    old: null,
    new: { size: 1_024, modifiedAt: '2026-11-21T01:20:00Z', precision: 'second' },
    scan: 42,
    detectedAt: '2026-11-21T01:25:03.120Z',
    ...more,
  };
}

export function sampleChanges(from: number, to: number): Change[] {
  return Array.from({ length: to - from + 1 }, (_, index) => sampleChange(from + index));
}

export const sampleNotice: Notice = {
  version: 1,
  type: 'Scan Incomplete',
  tenant: 'acme',
  server: 'partner-a',
  watch: 'incoming',
  scan: 42,
  at: '2026-11-21T01:25:03.120Z',
  message: '2 directories could not be read',
  detail: { directories: 2 },
};

/** A real logger whose lines can be looked at. */
export function recordingLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'trace' }, { write: (line) => void lines.push(line) }), lines };
}

/** Waits for something in another process or on the network, up to a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries === 6_000) throw new Error(`waited in vain for ${condition.toString()}`);
    await delay(10);
  }
}
