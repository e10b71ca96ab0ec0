import { sameEntries } from '../../tree/entries.ts';
import type { CompleteListing, Listing, PartialReason, Profile } from '../../tree/listing.ts';
import type { Trust } from '../../tree/probe.ts';
import { offsetMinutes } from '../../tree/zone.ts';
import type { FtpControl } from './control.ts';
import { type Answer, DirectoryReader, type ServerTraits } from './directory-reader.ts';
import { refused } from './judgement.ts';
import { ListParser, type ParsedList, parseList } from './list.ts';
import { type ListClock, todaysOffsetClock, zoneClock } from './list-clock.ts';
import { dataOf, type Look } from './look.ts';
import { judgeRefusal } from './refusal.ts';
import type { Reply } from './reply-reader.ts';
import { printable } from './wire.ts';

interface Doubt {
  readonly reason: PartialReason;
  readonly detail: string;
}

/**
 * CWD, then LIST of where we are: LIST answers an empty success for a path that is missing, and Pure-FTPd takes it
 * for a pattern. CWD refuses what is missing but not what may be entered and not read (mode --x): vsftpd, ProFTPD
 * and Pure-FTPd then list nothing at all. A directory that was read shows `.` on them, and that is the proof. IIS and
 * others never show it: there a transfer in order after a successful CWD has to do, for an empty directory as well.
 */
export class ListReader extends DirectoryReader {
  override readonly command = 'list';
  #list: 'LIST -a' | 'LIST' = 'LIST -a';
  /** Whether this server shows `.`; unknown until a directory with anything in it was listed. */
  #dots: boolean | undefined;

  /** STAT was seen to have the very lines of LIST. */
  #hasSameLines = false;

  constructor(control: FtpControl, traits: ServerTraits) {
    super(control, traits);
    if (traits.windows) this.#dots = false;
  }

  override readLook(path: string, look: Look): Listing | undefined {
    if (!this.#hasSameLines) return undefined;
    const parsed = parseList(dataOf(look), this.#clock());
    return this.judge({ path, parsed, retrieved: { reply: { code: 213, message: '' }, ended: 'in order' } });
  }

  /** The look was good enough, or nothing is. */
  override async describe(): Promise<'not possible'> {
    return 'not possible';
  }

  /** The lines are the listing: equal ones cannot hide what LIST would show. */
  override trust(look: Look, listing: CompleteListing): Trust | undefined {
    const { entries } = parseList(dataOf(look), this.#clock());
    this.#hasSameLines ||= sameEntries(entries, listing.entries);
    return this.#hasSameLines ? { afterSeconds: 0, doubted: false } : undefined;
  }

  #clock(): ListClock {
    const { zone, todaysOffset } = this.traits;
    const clock = todaysOffset ? todaysOffsetClock : zoneClock;
    return clock(zone, Date.now());
  }

  override profile(): Profile {
    const { zone } = this.traits;
    return { command: 'list', zone, offsetMinutes: offsetMinutes(zone, Date.now()) };
  }

  protected override async readSayable(path: string): Promise<Listing> {
    const refusal = await this.enter(path);
    if (refusal !== undefined) return refusal;
    const answer = await this.#listHere();
    if (answer.retrieved.reply.code >= 300) return this.#unlisted(path, answer.retrieved.reply);
    this.#learn(answer);
    const doubt = await this.#doubt(answer);
    if (doubt !== 'plain') return this.judge({ path, ...answer, doubt });
    // The probe has changed the directory and learned that plain LIST is what this server understands.
    return this.readSayable(path);
  }

  async #listHere(): Promise<Answer<ParsedList>> {
    const answer = await this.#run(this.#list);
    const { code } = answer.retrieved.reply;
    const takenForName = code >= 500 && this.#list === 'LIST -a' && this.#dots !== true;
    if (!takenForName) return answer;
    const plain = await this.#run('LIST');
    if (plain.retrieved.reply.code < 300) this.#list = 'LIST';
    return plain;
  }

  #run(command: 'LIST -a' | 'LIST'): Promise<Answer<ParsedList>> {
    return this.retrieve(command, () => new ListParser(this.#clock()));
  }

  #learn({ parsed }: Answer<ParsedList>): void {
    if (parsed.self) this.#dots = true;
    else if (parsed.lines > 0) this.#dots ??= false;
  }

  /** What speaks against a listing that came in order; `plain`: start again, with plain LIST. */
  async #doubt({ parsed, retrieved }: Answer<ParsedList>): Promise<Doubt | 'plain' | undefined> {
    if (parsed.self || parsed.malformed !== undefined || retrieved.ended !== 'in order') return undefined;
    if (judgeRefusal(retrieved.reply.message) === 'denied') {
      return { reason: 'denied', detail: printable(retrieved.reply.message) };
    }
    if (this.#dots === undefined) {
      const before = this.#list;
      await this.#probe();
      if (this.#list !== before) return 'plain';
    }
    if (this.#dots === false) return undefined;
    return {
      reason: 'unproved',
      detail: 'nothing listed, not even the directory itself: it may be empty, or not readable',
    };
  }

  /** An empty answer before anything is known of this server: does it honour `-a`, here or at `/`? */
  async #probe(): Promise<void> {
    for (const place of ['.', '/']) {
      if (place === '/' && (await this.ask('CWD /')).code >= 300) return;
      for (const command of ['LIST -a', 'LIST'] as const) {
        const answer = await this.#run(command);
        if (answer.retrieved.reply.code >= 300 || answer.parsed.lines === 0) continue;
        if (command === 'LIST') this.#list = command;
        this.#learn(answer);
        return;
      }
    }
  }

  #unlisted(path: string, reply: Reply): Listing {
    const reason = judgeRefusal(reply.message) ?? (reply.code < 500 ? 'lost' : 'refused');
    return refused(path, this.profile(), reason, printable(reply.message));
  }
}
