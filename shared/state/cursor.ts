import { InvalidInput } from '../failure.ts';

/** A place in the change log: just behind the change that stands there (protocol rule 15). */
export interface Cursor {
  readonly scan: number;
  readonly phase: number;
  readonly task: string;
  readonly position: number;
}

/** Before everything: task numbers begin at 1. */
export const beginning: Cursor = { scan: 0, phase: 1, task: '0', position: 0 };

export function cursorText(cursor: Cursor): string {
  return [cursor.scan, cursor.phase, cursor.task, cursor.position].join('-');
}

export function parseCursor(cursor: string): Cursor {
  const match = /^(\d+)-([12])-(\w+)-(\d+)$/.exec(cursor);
  if (match === null) {
    throw new InvalidInput(`${JSON.stringify(cursor)} is no cursor`, {
      advice: 'Use the cursor that "farwatch changes" printed last, or the id of a change.',
    });
  }
  return {
    scan: Number(match[1]),
    phase: Number(match[2]),
    task: match[3] ?? '',
    position: Number(match[4]),
  };
}

export function isBefore(a: Cursor, b: Cursor): boolean {
  if (a.scan !== b.scan) return a.scan < b.scan;
  if (a.phase !== b.phase) return a.phase < b.phase;
  if (a.task !== b.task) return a.task < b.task;
  return a.position < b.position;
}
