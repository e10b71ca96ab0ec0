import { fromWire } from './wire.ts';

/** Directories remembered, at most; the oldest are forgotten. */
const maxPlaces = 20_000;

/**
 * CWD follows links, and PWD then says where one is. A directory whose place is not within that of its parent is a
 * link by now; where the parent was not listed in this session (the root of a watch may be a link itself) nothing
 * can be said.
 */
export class RealPlaces {
  readonly #places = new Map<string, string>();

  /** Where the path leads, if that is elsewhere; else undefined. `reply` is that to PWD. */
  elsewhere(path: string, reply: string): string | undefined {
    const quoted = /"(.*)"/s.exec(reply)?.[1];
    if (quoted === undefined) return undefined;
    // RFC 959 doubles quotes in the name, Pure-FTPd does not.
    const candidates = [quoted, quoted.replaceAll('""', '"')].map(fromWire);
    const slash = path.lastIndexOf('/');
    const parent = this.#places.get(path.slice(0, slash) || '/');
    const expected = parent === undefined || path === '/' ? undefined : below(parent, path.slice(slash + 1));
    const place = candidates.find((candidate) => candidate === expected) ?? candidates[1] ?? quoted;
    if (expected !== undefined && place !== expected) return place;
    this.#remember(path, place);
    return undefined;
  }

  #remember(path: string, place: string): void {
    this.#places.delete(path);
    this.#places.set(path, place);
    if (this.#places.size <= maxPlaces) return;
    const [oldest] = this.#places.keys();
    if (oldest !== undefined) this.#places.delete(oldest);
  }
}

function below(place: string, name: string): string {
  return place.endsWith('/') ? `${place}${name}` : `${place}/${name}`;
}
