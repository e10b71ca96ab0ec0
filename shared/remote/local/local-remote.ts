import { lstat, readdir } from 'node:fs/promises';
import { release, type } from 'node:os';
import { RemoteUnavailable } from '../../failure.ts';
import { EntryCollector } from '../../tree/entries.ts';
import type { Entry, EntryKind } from '../../tree/entry.ts';
import type { Listing, PartialReason, Profile } from '../../tree/listing.ts';
import { nameFromBytes, nameToBytes } from '../../tree/name.ts';
import { Lister } from '../lister.ts';
import type { Capabilities, ListRequest, Remote, Session } from '../remote.ts';

const profile: Profile = { command: 'local', zone: 'UTC', offsetMinutes: 0 };
const inFlight = 8;
const lookupsAtOnce = 16;

/** Directories of this machine. Sessions cost nothing and end only by `close`. */
export class LocalRemote implements Remote {
  async connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    return new LocalSession();
  }
}

class LocalSession implements Session {
  readonly capabilities: Capabilities = {
    software: `${type()} ${release()}`,
    command: 'local',
    inFlight,
    exactTimes: true,
  };
  #closed = false;

  async *list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing, void, void> {
    this.#throwIfClosed();
    const lister = new Lister(requests, {
      read: ({ path }, { done }) => void answer(path, done),
      window: { first: inFlight, max: inFlight },
    });
    yield* lister.run(signal);
  }

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#throwIfClosed();
  }

  async close(): Promise<{ readonly clean: boolean }> {
    this.#closed = true;
    return { clean: true };
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new RemoteUnavailable('lost', 'The session with this machine is closed');
  }
}

async function answer(path: string, done: (listing: Listing) => void): Promise<void> {
  done(await readDirectory(path));
}

/** Never rejects: whatever the file system refuses makes the listing partial. */
async function readDirectory(path: string): Promise<Listing> {
  const entries = new EntryCollector();
  const directory = nameToBytes(path);
  try {
    const names = await readdir(directory, { encoding: 'buffer' });
    const rest = names.values();
    const workers = Array.from({ length: lookupsAtOnce }, async () => {
      for (const name of rest) {
        const entry = await lookUp(directory, name);
        if (entry !== undefined) entries.add(entry);
      }
    });
    await Promise.all(workers);
    return { status: 'complete', path, profile, entries: entries.done() };
  } catch (error) {
    return { status: 'partial', path, profile, entries: entries.done(), ...flawOf(error) };
  }
}

/** Undefined for an entry that vanished since its name was read: it is simply not there. */
async function lookUp(directory: Buffer, name: Buffer): Promise<Entry | undefined> {
  try {
    const stats = await lstat(Buffer.concat([directory, Buffer.from('/'), name]));
    const kind: EntryKind = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'link'
          : 'other';
    return {
      name: nameFromBytes(name),
      kind,
      size: kind === 'file' ? stats.size : null,
      modifiedAt: Math.floor(stats.mtimeMs),
      precision: 'millisecond',
    };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function flawOf(error: unknown): { readonly reason: PartialReason; readonly detail: string } {
  const code = codeOf(error);
  const detail = error instanceof Error ? error.message.replace(/\p{Cc}+/gu, ' ') : String(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return { reason: 'not-found', detail };
  if (code === 'EACCES' || code === 'EPERM') return { reason: 'denied', detail };
  return { reason: 'refused', detail };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}
