import type { Change, Notice } from './change.ts';

/** One JSON object a line. JSON escapes every control character, so a name with newlines stays on its line. */
export function ndjson(records: readonly (Change | Notice)[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}
