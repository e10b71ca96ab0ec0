import { joinPath } from '../../tree/entry.ts';
import type { CompleteListing, Listing, Profile } from '../../tree/listing.ts';
import type { Trust } from '../../tree/probe.ts';
import { type Ask, DirectoryReader } from './directory-reader.ts';
import { refused } from './judgement.ts';
import type { Look } from './look.ts';
import { compareLook } from './look-comparison.ts';
import { MlsdParser, type ParsedMlsd } from './mlsd.ts';
import { describable, describeAll } from './mlst.ts';
import type { Reply } from './reply-reader.ts';
import { printable, toWire } from './wire.ts';

const profile: Profile = { command: 'mlsd', zone: 'UTC', offsetMinutes: 0 };
/** Pure-FTPd; it says "truncated" as soon as there are as many lines as it shows at most. */
const notCut = /\b\d+ matches total/;
/** `.` and `..`. */
const dots = 2;
/** Directories seen and not yet listed, at most. */
const maxExpected = 200_000;

/**
 * MLSD by path: one command a directory. It refuses what it cannot read (RFC 3659, section 7.2), so its success is
 * proof, but for one case: ProFTPD lists a directory that may be read and not entered (mode r--) as empty, since it
 * cannot look at the entries. So an empty one must let us in.
 */
export class MlsdReader extends DirectoryReader {
  override readonly command = 'mlsd';
  /** Lines of the longest listing of this session that was surely not cut: nor is one that has no more. */
  #mostLines = 0;
  /** A listing came without a word of that, in another language perhaps: nothing can be proved. */
  #saysNothing = false;
  /** The `unique` fact of directories as their parents showed them, until they are listed themselves. */
  readonly #expected = new Map<string, string>();

  override profile(): Profile {
    return profile;
  }

  override readLook(): undefined {
    return undefined;
  }

  /**
   * Asks by MLST for what the look names: the very facts that MLSD would show, but without a data connection, so that
   * many directories are on their way at a time. STAT does not say when it was cut: its lines are all only where one limit
   * holds for the whole session and a listing that was not cut had as many.
   */
  override async describe(
    path: string,
    look: Look,
    ask: Ask,
  ): Promise<Listing | 'not possible' | 'not proved'> {
    if (this.#saysNothing || look.entryCount > this.traits.describesUpTo) return 'not possible';
    const directory = this.wireOf(path);
    const names = describable(look);
    if (directory === undefined || names === undefined) return 'not possible';
    if (look.entryCount + dots > this.#mostLines) return 'not proved';
    const parsed = await describeAll(directory, names, { ask, leave: this.traits.mustLeave });
    if (parsed === undefined) return 'not possible';
    const listing = this.#described(path, parsed);
    return listing === undefined ? 'not possible' : (this.#other(path, parsed) ?? listing);
  }

  /** Of directories without others alone: MLST follows links, so it cannot tell one from a directory. */
  override async describeAgain(path: string, look: Look, ask: Ask): Promise<CompleteListing | undefined> {
    if (look.entryCount > this.traits.describesAgainUpTo || look.directories.length > 0) return undefined;
    const directory = this.wireOf(path);
    const names = describable(look);
    if (directory === undefined || names === undefined) return undefined;
    const isThere = (where: Reply): boolean => this.misplaced(path, where) === undefined;
    const parsed = await describeAll(directory, names, { ask, leave: this.traits.mustLeave, isThere });
    if (parsed === undefined || this.#isAnother(path, parsed)) return undefined;
    const listing = this.#described(path, parsed);
    if (listing === undefined || compareLook(look, listing.entries) === undefined) return undefined;
    this.#expected.delete(path);
    return listing;
  }

  override trust(look: Look, listing: CompleteListing): Trust | undefined {
    return compareLook(look, listing.entries);
  }

  /** Undefined where it is not a whole listing. */
  #described(path: string, parsed: ParsedMlsd): CompleteListing | undefined {
    const retrieved = { reply: { code: 250, message: '' }, ended: 'in order' } as const;
    const listing = this.judge({ path, parsed, retrieved });
    return listing.status === 'complete' ? listing : undefined;
  }

  protected override async readSayable(path: string, isLarge: boolean): Promise<Listing> {
    const safe = this.isSafe(path);
    const refusal = safe ? undefined : await this.enter(path);
    if (refusal !== undefined) return refusal;
    const command = safe ? `MLSD ${toWire(path)}` : 'MLSD';
    const { retrieved, parsed } = await this.retrieve(command, () => new MlsdParser(), isLarge);
    if (!safe && this.traits.mustLeave) await this.ask('CWD /');
    if (retrieved.reply.code >= 300) return this.explain(path, retrieved.reply);
    const another = this.#other(path, parsed);
    if (another !== undefined) return another;
    const listing = this.judge({ path, parsed, retrieved });
    if (notCut.test(retrieved.reply.message)) this.#mostLines = Math.max(this.#mostLines, parsed.lines);
    else if (listing.status === 'complete') this.#saysNothing = true;
    return listing.status === 'complete' && listing.entries.length === 0 ? this.#entered(listing) : listing;
  }

  async #entered(listing: Listing): Promise<Listing> {
    const { code, message } = await this.tryToEnter(listing.path);
    // Pure-FTPd lists names with a backslash but "prohibits" to enter them (553): there MLSD alone is honest.
    if (code < 300 || code === 553) return listing;
    return refused(listing.path, profile, 'denied', `listed as empty, but: ${printable(message)}`);
  }

  /** MLSD follows a link; device and inode then are those of another directory. */
  #other(path: string, parsed: ParsedMlsd): Listing | undefined {
    const isAnother = this.#isAnother(path, parsed);
    this.#expected.delete(path);
    if (isAnother) {
      const detail = 'no longer the directory that its parent showed: replaced, perhaps by a link';
      return refused(path, profile, 'not-found', detail);
    }
    this.#expect(path, parsed);
    return undefined;
  }

  #isAnother(path: string, { unique }: ParsedMlsd): boolean {
    const expected = this.#expected.get(path);
    return expected !== undefined && unique !== undefined && expected !== unique;
  }

  #expect(path: string, { uniqueDirectories }: ParsedMlsd): void {
    if (this.#expected.size > maxExpected) this.#expected.clear();
    const parent = path === '/' ? '' : path;
    for (const [name, unique] of uniqueDirectories) {
      this.#expected.set(path === '/' ? `/${name}` : joinPath(parent, name), unique);
    }
  }
}
