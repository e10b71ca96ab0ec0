import type { Failure } from '../../failure.ts';
import type { NamedBytes } from '../../tree/columns.ts';
import { sorted } from '../../tree/digest.ts';
import { type EntryList, NameCollector, twinIn, withoutTwins } from '../../tree/entries.ts';
import {
  type Listing,
  type PartialReason,
  type Profile,
  profileName,
  type Unchanged,
} from '../../tree/listing.ts';
import { nameToBytes, nameWithin, readableName } from '../../tree/name.ts';
import type { Known } from '../remote.ts';
import { isDots, type ListedName, type NamePage, packetType, type Reply, statusCode } from './codec.ts';
import { factsOf, kindOf } from './entry.ts';
import { Look } from './look.ts';
import type { SftpPipeline } from './pipeline.ts';

const profile: Profile = { command: 'sftp', zone: 'UTC', offsetMinutes: 0 };
const ownProfile = profileName(profile);
const lookupsAtOnce = 16;
const maxEmptyPages = 100;

interface Flaw {
  readonly reason: PartialReason;
  readonly detail: string;
}

interface Reading {
  readonly path: string;
  /** READDIRs under way on the one handle at most; 1 where answers may overtake each other. */
  readonly maxReads: number;
  readonly known: Known | undefined;
  readonly done: (answer: Listing | Unchanged) => void;
  readonly lost: (failure: Failure) => void;
}

/**
 * Reads one directory: OPENDIR, at once two READDIRs (more while full pages come), CLOSE without waiting for its
 * answer. Complete only after the end was seen *and* every READDIR was answered: an answer under way may hold entries.
 */
export class DirectoryReading {
  readonly #pipeline: SftpPipeline;
  readonly #reading: Reading;
  readonly #path: Buffer;
  readonly #entries = new NameCollector();
  /** Until it is given up for entries. */
  #look: Look | undefined = new Look();
  /** A server that begins again would never end. */
  #firstName: Buffer | undefined;
  /** Names whose attributes do not say what they are. */
  #unknown: Buffer[] | undefined;
  #handle: Buffer | undefined;
  #reads: number;
  #readsUnderWay = 0;
  #lookupsUnderWay = 0;
  #pages = 0;
  #emptyPages = 0;
  #largestPage = 0;
  #ended = false;
  #flaw: Flaw | undefined;
  /** Of the look. */
  #digest: string | undefined;

  constructor(pipeline: SftpPipeline, reading: Reading) {
    this.#pipeline = pipeline;
    this.#reading = reading;
    this.#path = nameToBytes(reading.path);
    this.#reads = Math.min(2, reading.maxReads);
  }

  start(): void {
    this.#pipeline.send(packetType.opendir, this.#path, {
      answer: (reply) => this.#onOpened(reply),
      fail: this.#reading.lost,
    });
  }

  #onOpened(reply: Reply): void {
    if (reply.type === 'handle') {
      this.#handle = reply.handle;
      this.#readOn();
      return;
    }
    if (reply.type === 'status' && reply.code === statusCode.permissionDenied) {
      this.#finish({ reason: 'denied', detail: `OPENDIR: ${said(reply)}` });
      return;
    }
    // OpenSSH calls a file and a broken link "No such file" too, mod_sftp answers "Failure": LSTAT tells them apart.
    this.#pipeline.send(packetType.lstat, this.#path, {
      answer: (lstat) => this.#finish(whyNotOpened(reply, lstat)),
      fail: this.#reading.lost,
    });
  }

  #readOn(): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    while (this.#readsUnderWay < this.#reads) {
      this.#readsUnderWay += 1;
      this.#pipeline.send(packetType.readdir, handle, {
        answer: (reply) => this.#onPage(reply),
        fail: this.#reading.lost,
      });
    }
  }

  #onPage(reply: Reply): void {
    this.#readsUnderWay -= 1;
    if (reply.type === 'names') this.#onNames(reply.names);
    else if (reply.type === 'status' && reply.code === statusCode.eof) this.#ended = true;
    else this.#stop(flawOf('READDIR', reply));
    if (this.#ended || this.#flaw !== undefined) {
      if (this.#readsUnderWay === 0) this.#onAllRead();
    } else if (this.#pages > 1 || this.#readsUnderWay === 0) {
      // After the first page the second READDIR mostly says "end": wait for it before asking for more.
      this.#readOn();
    }
  }

  #onNames(names: NamePage): void {
    this.#pages += 1;
    if (this.#look?.add(names) !== true) {
      this.#collectLook();
      this.#collect(names);
    }
    if (names.count === 0) {
      this.#emptyPages += 1;
      if (this.#emptyPages > maxEmptyPages)
        this.#stop({ reason: 'malformed', detail: 'READDIR: empty pages without end' });
      return;
    }
    if (this.#pages > 1 && names.count >= this.#largestPage) {
      this.#reads = Math.min(this.#reading.maxReads, this.#reads * 2);
    }
    this.#largestPage = Math.max(this.#largestPage, names.count);
  }

  #collectLook(): void {
    const pages = this.#look?.pages ?? [];
    this.#look = undefined;
    for (const page of pages) this.#collect(page);
  }

  #collect(names: NamePage): void {
    names.each((listed, following) => this.#add(names.bytes, listed, following));
  }

  #add(bytes: Buffer, listed: ListedName, following: number): void {
    const { start, end } = listed;
    if (isDots(bytes, start, end)) return;
    if (!canBeName(bytes, start, end)) {
      const detail = `READDIR: ${quoted(nameWithin(bytes, start, end))} cannot be a name`;
      this.#stop({ reason: 'malformed', detail });
      return;
    }
    if (this.#firstName === undefined) this.#firstName = Buffer.from(bytes.subarray(start, end));
    else if (isSame(this.#firstName, bytes, start, end)) {
      this.#stop(twice(nameWithin(bytes, start, end)));
      return;
    }
    if (isTyped(listed)) this.#entries.add(bytes, listed, following);
    else {
      this.#unknown ??= [];
      this.#unknown.push(Buffer.from(bytes.subarray(start, end)));
    }
  }

  /** Sorted, as they are wanted next, twins are neighbours. */
  #eachOnce(): EntryList {
    const entries = sorted(this.#entries.done());
    const twin = twinIn(entries);
    if (twin !== undefined) this.#stop(twice(twin.name));
    return withoutTwins(entries);
  }

  #stop(flaw: Flaw): void {
    this.#flaw ??= flaw;
  }

  #onAllRead(): void {
    if (this.#handle !== undefined) {
      this.#pipeline.send(packetType.close, this.#handle, { answer: ignore, fail: ignore });
      this.#handle = undefined;
    }
    const look = this.#look;
    const digest = look?.digest;
    if (look !== undefined && this.#flaw === undefined && this.#isUnchanged(digest)) {
      const { directories, fileCount } = look;
      const { path, done } = this.#reading;
      done({ status: 'unchanged', path, directories, fileCount, files: () => look.files() });
      return;
    }
    this.#collectLook();
    this.#digest = digest;
    this.#lookUpKinds();
  }

  #isUnchanged(digest: string | undefined): boolean {
    const { known } = this.#reading;
    if (digest === undefined || known?.unchangedSuffices !== true) return false;
    return known.profile === ownProfile && known.probe?.since === null && known.probe.digest === digest;
  }

  /** LSTAT for every entry whose attributes had no type. */
  #lookUpKinds(): void {
    while (this.#lookupsUnderWay < lookupsAtOnce) {
      const name = this.#unknown?.pop();
      if (name === undefined) break;
      this.#lookupsUnderWay += 1;
      const separator = Buffer.from(this.#reading.path.endsWith('/') ? '' : '/');
      this.#pipeline.send(packetType.lstat, Buffer.concat([this.#path, separator, name]), {
        answer: (reply) => this.#onKind(name, reply),
        fail: this.#reading.lost,
      });
    }
    if (this.#lookupsUnderWay > 0) return;
    const entries = this.#eachOnce();
    this.#finish(this.#flaw, entries);
  }

  #onKind(name: Buffer, reply: Reply): void {
    this.#lookupsUnderWay -= 1;
    const kind = reply.type === 'attributes' ? kindOf(reply.attributes.mode) : undefined;
    if (kind !== undefined && reply.type === 'attributes') {
      const entry = { start: 0, end: name.length, ...factsOf(kind, reply.attributes) };
      this.#entries.add(name, entry, this.#unknown?.length ?? 0);
    } else if (reply.type !== 'status' || reply.code !== statusCode.noSuchFile) {
      this.#stop({
        reason: 'malformed',
        detail: `LSTAT: the server does not say what ${quoted(nameWithin(name, 0, name.length))} is`,
      });
    }
    this.#lookUpKinds();
  }

  #finish(flaw: Flaw | undefined, entries: EntryList = []): void {
    const { path, done } = this.#reading;
    if (flaw === undefined) {
      const digest = this.#digest;
      done({
        status: 'complete',
        path,
        profile,
        entries,
        ...(digest === undefined ? {} : { probe: { digest, since: null } }),
      });
    } else done({ status: 'partial', path, profile, entries, ...flaw });
  }
}

function whyNotOpened(opendir: Reply, lstat: Reply): Flaw {
  if (lstat.type === 'attributes') {
    const kind = kindOf(lstat.attributes.mode);
    if (kind !== undefined && kind !== 'directory') {
      return { reason: 'not-found', detail: `no directory any more but a ${kind}` };
    }
  } else if (lstat.type === 'status' && lstat.code === statusCode.noSuchFile) {
    return { reason: 'not-found', detail: `OPENDIR: ${said(lstat)}` };
  }
  const flaw = flawOf('OPENDIR', opendir);
  // The directory is there: "No such file" was true a moment ago at best.
  return flaw.reason === 'not-found' ? { ...flaw, reason: 'refused' } : flaw;
}

function flawOf(request: string, reply: Reply): Flaw {
  if (reply.type !== 'status') return { reason: 'malformed', detail: `${request}: a ${reply.type} reply` };
  const detail = `${request}: ${said(reply)}`;
  if (reply.code === statusCode.noSuchFile) return { reason: 'not-found', detail };
  if (reply.code === statusCode.permissionDenied) return { reason: 'denied', detail };
  return { reason: 'refused', detail };
}

function said(reply: Extract<Reply, { type: 'status' }>): string {
  const message = reply.message
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 200);
  return message === '' ? `status ${reply.code}` : `${message} (status ${reply.code})`;
}

function isTyped(listed: ListedName): listed is ListedName & NamedBytes {
  return listed.kind !== undefined;
}

const slash = 47;

function canBeName(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === slash || bytes[at] === 0) return false;
  }
  return start < end;
}

function isSame(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  return name.length === end - start && name.compare(bytes, start, end) === 0;
}

function twice(name: string): Flaw {
  return { reason: 'malformed', detail: `READDIR: ${quoted(name)} is listed twice` };
}

function quoted(name: string): string {
  return JSON.stringify(readableName(name).slice(0, 100));
}

function ignore(): void {}
