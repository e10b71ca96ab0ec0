import { baseName } from '../../tree/entry.ts';
import { type IacSaying, iacMeanings } from './telnet.ts';
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
    const expected = this.#expected(path);
    const place = candidates.find((candidate) => candidate === expected || candidate === path);
    if (expected !== undefined && place !== expected) return candidates[0];
    this.#remember(path, place ?? candidates[0] ?? path);
    return undefined;
  }

  /** Whether one of the places is that of the path, all of it. */
  has(path: string, candidates: readonly string[]): boolean {
    const expected = this.#expected(path) ?? path;
    return candidates.includes(expected) || candidates.includes(path);
  }

  /** Told of a directory that was seen within the one above it, without being entered. */
  within(path: string): void {
    const place = this.#expected(path);
    if (place !== undefined) this.#remember(path, place);
  }

  /** Where it is unless it is a link; undefined where that of the one above is not known. */
  #expected(path: string): string | undefined {
    const parent = this.#places.get(above(path));
    return parent === undefined || path === '/' ? undefined : below(parent, baseName(path));
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
export function parsePlace(message: string, says: IacSaying): readonly string[] {
  const quoted = /"(.*)"/s.exec(message)?.[1];
  if (quoted === undefined) return [];
  const undoubled = quoted.replaceAll('""', '"');
  const places = undoubled === quoted ? [quoted] : [undoubled, quoted];
  return places.flatMap((place) => iacMeanings(place, says)).map(fromWire);
}

/** Whether one of the places has the name that was asked for. */
export function keepsName(path: string, candidates: readonly string[]): boolean {
  const name = baseName(path);
  return candidates.some((place) => baseName(place) === name);
}

function below(place: string, name: string): string {
  return place.endsWith('/') ? `${place}${name}` : `${place}/${name}`;
}

/** The path on the server of the directory that it is in. */
export function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
