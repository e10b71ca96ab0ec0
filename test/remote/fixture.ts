import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ListRequest, Remote, Session } from '../../shared/remote/remote.ts';
import type { EntryList } from '../../shared/tree/entries.ts';
import type { Entry } from '../../shared/tree/entry.ts';
import type { CompleteListing, Listing, Unchanged } from '../../shared/tree/listing.ts';
import { nameFromBytes } from '../../shared/tree/name.ts';

/** What a server cannot do for reasons of its own; everything else is asserted. */
export interface Features {
  /** Listings say modification times to the second or finer. */
  readonly exactTimes: boolean;
  /** Names with newlines and names that are not UTF-8 arrive exactly; else their directory must come back partial. */
  readonly exactNames: boolean;
  /** The server shows names that begin with a dot. */
  readonly hidden: boolean;
  /** The server shows links as links. */
  readonly links: boolean;
  /** The server runs without privileges, so that a directory of mode 0 cannot be read. */
  readonly unreadable: boolean;
  /** Documented omissions: entries that the server itself leaves out without a word. */
  readonly omits?: readonly ('newline' | 'carriage-return' | 'non-utf8' | 'broken-link')[];
  /** Names of directories that the server lists but cannot take in a command: asked for, they come back partial. */
  readonly unreachable?: RegExp;
  /** The server answers alike for a missing, an unreadable and a non-directory path. */
  readonly vagueRefusals?: boolean;
}

export interface Fixture {
  readonly remote: Remote;
  /** Absolute path on the server. */
  readonly root: string;
  /** The same directory on this disk. */
  readonly localRoot: string;
  readonly features: Features;
  /** The same server with a wrong password or key. */
  readonly wrongLogin?: Remote;
  /** The same kind of remote at a port where nobody listens. */
  readonly deadPort?: Remote;
  /** Ends all sessions on the server's side, rudely; new ones are still welcome. */
  readonly killSessions?: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A directory of one test, on disk and on the server. */
export interface Scratch {
  readonly local: string;
  readonly remote: string;
}

export async function scratch(fixture: Fixture): Promise<Scratch> {
  const local = await mkdtemp(join(fixture.localRoot, 'case-'));
  // mkdtemp makes it 0700, and the server may run as somebody else.
  await mkdir(join(local, 'tree'), { mode: 0o755 });
  await chmod(local, 0o755);
  const root = fixture.root === '/' ? '' : fixture.root;
  return {
    local: join(local, 'tree'),
    remote: `${root}/${basename(local)}/tree`,
  };
}

export function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

export async function withSession<T>(remote: Remote, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await remote.connect(neverAborted());
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

export async function* requestsFor(paths: Iterable<string>): AsyncGenerator<ListRequest, void, void> {
  for (const path of paths) yield { path };
}

/** Lists all paths and sees to it that each is answered once. */
export async function listAll(
  session: Session,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Listing>> {
  const listings = new Map<string, Listing>();
  for await (const listing of session.list(requestsFor(paths), neverAborted())) {
    assert.ok(paths.includes(listing.path), `nobody asked for ${JSON.stringify(listing.path)}`);
    assert.ok(!listings.has(listing.path), `${listing.path} is answered twice`);
    assert.ok(listing.status !== 'unchanged', 'nobody said that this would do');
    assert.equal(listing.profile.command, session.capabilities.command);
    listings.set(listing.path, listing);
  }
  assert.equal(listings.size, paths.length, 'every request is answered');
  return listings;
}

export async function listOne(session: Session, path: string): Promise<Listing> {
  const listing = (await listAll(session, [path])).get(path);
  assert.ok(listing);
  return listing;
}

export async function listComplete(session: Session, path: string): Promise<CompleteListing> {
  const listing = await listOne(session, path);
  assertComplete(listing);
  return listing;
}

export function assertComplete(listing: Listing | Unchanged): asserts listing is CompleteListing {
  if (listing.status === 'unchanged') assert.fail(`${listing.path}: nobody said that this would do`);
  if (listing.status !== 'complete') {
    assert.fail(`${listing.path} is partial, ${listing.reason}: ${listing.detail}`);
  }
}

export function byName(list: EntryList): ReadonlyMap<string, Entry> {
  const entries = [...list];
  const map = new Map(entries.map((entry) => [entry.name, entry]));
  assert.equal(map.size, entries.length, 'each name once');
  return map;
}

export function namesOf(listing: Listing): readonly string[] {
  return [...listing.entries].map((entry) => entry.name).sort();
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A path on this disk whose last segment is these bytes. */
export function rawPath(directory: string, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name]);
}

export function remotePath(directory: string, name: Uint8Array | string): string {
  return `${directory}/${typeof name === 'string' ? name : nameFromBytes(name)}`;
}

export async function writeFiles(directory: string, names: Iterable<string>): Promise<void> {
  for (const name of names) await writeFile(join(directory, name), name);
}
