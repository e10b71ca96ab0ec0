import { fromWire } from './wire.ts';

/** Directories remembered, at most; the oldest are forgotten. */
const maxPlaces = 20_000;

/**
 * CWD follows links, and PWD then says where one is. A directory whose place is not within that of its parent is a
 * link by now; where the parent was not entered in this session (the root of a watch may be a link itself) nothing
 * can be said.
 */
export class RealPlaces {
  readonly #places = new Map<string, string>();

  /** Where the path leads, if that is elsewhere; else undefined. */
  elsewhere(path: string, candidates: readonly string[]): string | undefined {
    const slash = path.lastIndexOf('/');
    const parent = this.#places.get(path.slice(0, slash) || '/');
    const expected = parent === undefined || path === '/' ? undefined : below(parent, path.slice(slash + 1));
    const place = candidates.find((candidate) => candidate === expected || candidate === path);
    if (expected !== undefined && place !== expected) return candidates[0];
    this.#remember(path, place ?? candidates[0] ?? path);
    return undefined;
  }

  /** Told of a directory that was seen within the one above it, without being entered. */
  within(path: string): void {
    const slash = path.lastIndexOf('/');
    const parent = this.#places.get(path.slice(0, slash) || '/');
    if (parent !== undefined) this.#remember(path, below(parent, path.slice(slash + 1)));
  }

  #remember(path: string, place: string): void {
    this.#places.delete(path);
    this.#places.set(path, place);
    if (this.#places.size <= maxPlaces) return;
    const [oldest] = this.#places.keys();
    if (oldest !== undefined) this.#places.delete(oldest);
  }
}

/** What a reply to PWD can mean: RFC 959 doubles quotes in the name, Pure-FTPd does not. */
export function parsePlace(message: string): readonly string[] {
  const quoted = /"(.*)"/s.exec(message)?.[1];
  if (quoted === undefined) return [];
  const undoubled = quoted.replaceAll('""', '"');
  return (undoubled === quoted ? [quoted] : [undoubled, quoted]).map(fromWire);
}

/** Whether one of the places has the name that was asked for. */
export function keepsName(path: string, candidates: readonly string[]): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return candidates.some((place) => place.slice(place.lastIndexOf('/') + 1) === name);
}

function below(place: string, name: string): string {
  return place.endsWith('/') ? `${place}${name}` : `${place}/${name}`;
}
