import type { Entry } from '../../tree/entry.ts';

type Line = Pick<Entry, 'modifiedAt' | 'precision'>;

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
/** No zone is further from UTC. */
const furthestMs = 14 * 60 * minuteMs;
/** A server shows one or, with summer and winter, two; one that shows very many says nothing by them. */
const mostOffsets = 8;
/** A day, in any zone. */
const dayMs = 2 * 86_400_000;

/** By how much the minutes of LIST, read as UTC, differ from times in UTC: as far as exact listings have shown it. */
export class ListOffsets {
  readonly #seen = new Set<number>();

  learn(line: Line, exact: number): void {
    const offset = offsetOf(line, exact);
    if (offset === undefined || this.#seen.size >= mostOffsets) return;
    if (offset % quarterMs === 0 && Math.abs(offset) <= furthestMs) this.#seen.add(offset);
  }

  /** Whether LIST is not known to show anything but UTC. */
  get areUtc(): boolean {
    return [...this.#seen].every((offset) => offset === 0);
  }

  /** Whether anybody can tell what time the line shows. */
  tells({ precision }: Line): boolean {
    return precision === 'day' || this.#seen.size > 0;
  }

  /** Whether the line shows this time. */
  fits(line: Line, exact: number): boolean {
    if (line.modifiedAt !== null && line.precision === 'day')
      return Math.abs(line.modifiedAt - exact) <= dayMs;
    const offset = offsetOf(line, exact);
    return offset !== undefined && this.#seen.has(offset);
  }
}

function offsetOf({ modifiedAt, precision }: Line, exact: number): number | undefined {
  if (modifiedAt === null || precision !== 'minute') return undefined;
  return modifiedAt - Math.floor(exact / minuteMs) * minuteMs;
}
