import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteProtocol } from '../../failure.ts';
import { baseName } from '../../tree/entry.ts';
import type { CompleteListing, Listing, Profile } from '../../tree/listing.ts';
import type { Trust } from '../../tree/probe.ts';
import type { FtpControl } from './control.ts';
import { firstButMissing, judge, refused } from './judgement.ts';
import type { ListingParser, ParsedListing } from './listing-lines.ts';
import type { Look } from './look.ts';
import { above, keepsName, parsePlace, RealPlaces } from './real-places.ts';
import { isTransient, judgeRefusal } from './refusal.ts';
import type { Reply } from './reply-reader.ts';
import { serviceEnded } from './session-failure.ts';
import { type IacReading, type IacSaying, type Way, Wires } from './telnet.ts';
import type { Retrieved } from './transfer.ts';
import { isSayable, printable, toWire } from './wire.ts';

export interface ServerTraits {
  readonly address: string;
  /** Measured to answer commands that were sent together: vsftpd, ProFTPD, Pure-FTPd. */
  readonly pipelines: boolean;
  /** Ends the session when it is asked for a path and the directory that it is in is gone: Pure-FTPd (421 chdir). */
  readonly mustLeave: boolean;
  /** Bears that we end our side of a data connection first (see `FtpControl`): ProFTPD. */
  readonly bearsEarlyEnds: boolean;
  /** Bytes of commands that it bears unanswered, and in one piece. */
  readonly bearsBytes: number;
  readonly bearsAtOnce: number;
  /** Entries up to which it shows a directory by STAT in good time. */
  readonly statsUpTo: number;
  /** Whether that holds however many they are, so that a directory of unknown size may be looked at. */
  readonly statsAny: boolean;
  /** Lists a subtree in less time than it takes for looks at its directories: ProFTPD, which sends each line of STAT alone. */
  readonly listsSubtrees: boolean;
  /** Keeps what it could not send of a LIST, and sends it with the next one, or leaves STAT unanswered: ProFTPD. */
  readonly keepsCutLists: boolean;
  /**
   * Files of a directory up to which asking for each by MLST takes less time than a data connection; 0 where STAT can be
   * cut at another number of lines in each directory (ProFTPD).
   */
  readonly describesUpTo: number;
  /** The same where a look was proved by an exact listing once: such a one is not cut. */
  readonly describesAgainUpTo: number;
  /** Lines at which this kind of server cuts a listing. */
  readonly cutsAt: number | undefined;
  /** How it reads the byte 0xFF in a command. */
  readonly readsIac: IacReading;
  /** How it says the byte in replies to PWD. */
  readonly saysIac: IacSaying;
  /** SYST says Windows: listings without `.` and `..`. */
  readonly windows: boolean;
  /** IANA zone of LIST. */
  readonly zone: string;
  /** Shows the times of summer and winter alike with the offset of today: vsftpd. */
  readonly todaysOffset: boolean;
}

/** Far beyond any directory that a server lists in one go. */
const maxListingBytes = 256 * 2 ** 20;
const pauses = [100, 400];
/** Names that no server is known to mangle in a command. */
export const plain = /^(?:[\w./+@=,():-]|(?!\udcff)\P{ASCII}| (?=[^ -]))*$/u;
/** Characters of names that every server could change: control characters, and the byte 0xFF (see `telnet.ts`). */
const changeable = /[\p{Cc}\udcff]/u;

/** Sends the commands together; throws where a reply is not one to its command. */
export type Ask = (commands: readonly string[]) => Promise<readonly Reply[]>;

/** A transfer and what it said. */
export interface Answer<T extends ParsedListing> {
  readonly retrieved: Retrieved;
  readonly parsed: T;
}

/** Reads one directory exactly; what MLSD and LIST have in common. */
export abstract class DirectoryReader {
  abstract readonly command: 'mlsd' | 'list';
  protected readonly control: FtpControl;
  protected readonly traits: ServerTraits;
  readonly #places = new RealPlaces();
  readonly #wires: Wires;
  /** The directory that was entered last, and how it was asked for. */
  #entered = { path: '', wire: '' };
  #lastParent: Listing | undefined;

  constructor(control: FtpControl, traits: ServerTraits) {
    this.control = control;
    this.traits = traits;
    this.#wires = new Wires(traits.readsIac, traits.saysIac);
  }

  /** What goes wrong with this directory is a partial listing; what ends the session is thrown. */
  async read(path: string, isLarge = false): Promise<Listing> {
    if (isSayable(path)) return this.readSayable(path, isLarge);
    return refused(path, this.profile(), 'refused', 'FTP cannot ask for a name with a line break');
  }

  /** A listing made of a look alone, where that is as good as an exact one. */
  abstract readLook(path: string, look: Look): Listing | undefined;
  /**
   * An exact listing of what the look names, by commands that need no connection of their own. Not proved: nothing has
   * shown yet that this server's looks are whole; a listing on a data connection may.
   */
  abstract describe(path: string, look: Look, ask: Ask): Promise<Listing | 'not possible' | 'not proved'>;
  /**
   * An exact listing of what a look names that an exact listing has proved once, by commands that need no connection of their own;
   * undefined where that is not possible, or something has changed since the look.
   */
  async describeAgain(_path: string, _look: Look, _ask: Ask): Promise<CompleteListing | undefined> {
    return undefined;
  }

  /** Whether the look shows what an exact listing of just now shows, and how far it may be trusted then. */
  abstract trust(look: Look, listing: CompleteListing): Trust | undefined;

  protected abstract readSayable(path: string, isLarge: boolean): Promise<Listing>;
  abstract profile(): Profile;

  protected async ask(command: string): Promise<Reply> {
    return this.alive(await this.control.command(command));
  }

  protected alive(reply: Reply): Reply {
    if (reply.code === 421) throw serviceEnded(reply.message, this.traits.address);
    return reply;
  }

  /** Tries again what may be over in a moment: ports that collide (ProFTPD), a connection that broke. */
  protected async retrieve<T extends ParsedListing>(
    command: string,
    newParser: () => ListingParser<T>,
    isLarge = false,
  ): Promise<Answer<T>> {
    for (let attempt = 0; ; attempt += 1) {
      const parser = newParser();
      let size = 0;
      const retrieved = await this.control.retrieve(
        command,
        (piece) => {
          size += piece.length;
          if (size > maxListingBytes) return false;
          parser.push(piece);
          return true;
        },
        isLarge,
      );
      const { code, message } = this.alive(retrieved.reply);
      this.#endIfCut(command, retrieved, size === 0);
      const again = isTransient(code)
        ? judgeRefusal(message) === undefined
        : code < 300 && retrieved.ended === 'broken';
      const pause = pauses[attempt];
      if (!again || pause === undefined) return { retrieved, parsed: parser.done() };
      await sleep(pause);
    }
  }

  /**
   * Changes to the directory; undefined once we are there. Servers change names that they are asked for: ftp-srv
   * cuts quotes out, Pure-FTPd makes an underscore of a control character, others take patterns for what they
   * match. So a name that could suffer must be the one that PWD says.
   */
  protected async enter(path: string): Promise<Listing | undefined> {
    const ways = await this.#wires.ways(path, (command) => this.ask(command));
    const refusals: (() => Listing | Promise<Listing>)[] = [];
    for (const way of ways) {
      const [entered, where] = await this.#goTo(path, way.wire);
      const other = entered.code < 300 && where !== undefined ? this.misplaced(path, where, way) : undefined;
      if (entered.code < 300 && other === undefined) {
        this.#entered = { path, wire: way.wire };
        return undefined;
      }
      refusals.push(() => other ?? this.explainEntering(path, entered));
    }
    if (ways.length === 1 && ways[0]?.isTrial === true) {
      const detail =
        'FTP servers read the byte 0xFF in different ways, and this one does not show how: rename the directory or exclude it';
      return refused(path, this.profile(), 'refused', detail);
    }
    return firstButMissing(refusals);
  }

  /** How the path is sent; undefined where that is not known before it was entered. */
  wireOf(path: string): string | undefined {
    return this.#wires.known(path);
  }

  /**
   * Hands on what `LIST -aR` shows of all directories from this one on, wherever it leads by now. By path, so that the path is in
   * the headings, and a path that no server takes for a pattern. Whether all of it came in order. Where `take` says false, it
   * is broken off: then the session can only be ended (see `keepsCutLists`).
   */
  async listBelow(path: string, isWanted: () => boolean, take: (chunk: Buffer) => boolean): Promise<boolean> {
    let isEmpty = true;
    const command = `LIST -aR ${toWire(path)}`;
    const retrieved = await this.control.retrieveIf(isWanted, command, (chunk) => {
      isEmpty = false;
      return take(chunk);
    });
    if (retrieved === undefined) return false;
    const { reply, ended } = retrieved;
    this.alive(reply);
    if (ended === 'too long') return false;
    this.#endIfCut(command, retrieved, isEmpty);
    return reply.code < 300 && ended === 'in order';
  }

  /** Ends the session where a LIST broke off that would spoil what comes next. */
  #endIfCut(command: string, { reply, ended, begun }: Retrieved, isEmpty: boolean): void {
    if (!this.traits.keepsCutLists || !command.startsWith('LIST') || !begun) return;
    if (ended === 'in order' && (isEmpty || reply.code < 300)) return;
    this.control.client.close();
    throw new Error(`a listing broke off: ${printable(reply.message)}`);
  }

  /** Told of a directory below one that was entered, which was seen to be a directory and no link. */
  seenWithin(path: string): void {
    this.#places.within(path);
  }

  /** Undefined where PWD, after CWD to the path, says that we are there. */
  misplaced(path: string, where: Reply, way?: Way): Listing | undefined {
    const places = where.code === 257 ? parsePlace(where.message, way?.says ?? this.traits.saysIac) : [];
    const isInDoubt = way?.isTrial === true && /\udcff/u.test(above(path));
    const isKept = isInDoubt ? this.#places.has(path, places) : keepsName(path, places);
    if (!plain.test(path) && !isKept) {
      const detail = `the server makes another name of it: ${printable(where.message)}`;
      return refused(path, this.profile(), 'refused', detail);
    }
    if (places.length === 0 || this.#places.elsewhere(path, places) === undefined) return undefined;
    const detail = `it is a link by now: ${printable(where.message)}`;
    return refused(path, this.profile(), 'not-found', detail);
  }

  async #goTo(path: string, wire = toWire(path)): Promise<readonly [Reply, Reply | undefined]> {
    const command = `CWD ${wire}`;
    if (!this.traits.pipelines) {
      const entered = await this.ask(command);
      return [entered, entered.code < 300 && !plain.test(path) ? await this.ask('PWD') : undefined];
    }
    const [entered, where] = await this.control.both(command, 'PWD');
    this.alive(entered);
    if (this.alive(where).code === 257) return [entered, where];
    throw new RemoteProtocol(`${this.traits.address} answers PWD with ${where.code}`, {
      sample: printable(where.message),
      advice: 'Run the scan again; if it happens again, ask the operator of the server.',
    });
  }

  /** The reply to CWD; where we are afterwards is of no importance. */
  protected async tryToEnter(path: string): Promise<Reply> {
    const { path: before, wire } = this.#entered;
    const command = `CWD ${before === path ? wire : toWire(path)}`;
    if (!this.traits.mustLeave) return this.ask(command);
    const [entered, left] = await this.control.both(command, 'CWD /');
    this.alive(left);
    return this.alive(entered);
  }

  /** Whether the server can be asked for the path itself, without going there first. */
  protected isSafe(path: string): boolean {
    return this.traits.pipelines ? !changeable.test(path) : plain.test(path);
  }

  /** What a refusal to list this path means. Pure-FTPd has the same words for all; those for CWD say more. */
  protected async explain(path: string, reply: Reply): Promise<Listing> {
    const plain = this.#explainByWords(path, reply);
    if (plain !== undefined) return plain;
    const entered = await this.tryToEnter(path);
    if (entered.code >= 300) return this.explainEntering(path, entered);
    return refused(path, this.profile(), 'denied', printable(reply.message));
  }

  /** What a refusal of CWD means. */
  protected async explainEntering(path: string, reply: Reply): Promise<Listing> {
    return this.#explainByWords(path, reply) ?? this.#explainByParent(path, reply);
  }

  #explainByWords(path: string, { code, message }: Reply): Listing | undefined {
    const reason = judgeRefusal(message) ?? (isTransient(code) ? 'lost' : undefined);
    if (reason === undefined && (code === 550 || code === 553)) return undefined;
    return refused(path, this.profile(), reason ?? 'refused', printable(message));
  }

  /** vsftpd says "Failed to change directory" for all: the parent's listing tells what is there. */
  async #explainByParent(path: string, reply: Reply): Promise<Listing> {
    const said = printable(reply.message);
    const because = (reason: 'not-found' | 'denied' | 'refused', detail: string): Listing =>
      refused(path, this.profile(), reason, detail);
    if (path === '/' || !path.includes('/')) return because('refused', said);
    const parent = await this.#parent(above(path));
    const entry = parent.entries.find(({ name }) => name === baseName(path));
    if (entry?.kind === 'directory') return because('denied', `${said} (it is there)`);
    if (entry !== undefined) return because('not-found', `${said} (it is a ${entry.kind})`);
    if (parent.status === 'complete') return because('not-found', `${said} (it is not in its parent)`);
    return parent.reason === 'not-found' || parent.reason === 'denied'
      ? because(parent.reason, `${said} (nor can its parent be read)`)
      : because('refused', said);
  }

  /** Remembered while siblings are refused one after another. */
  async #parent(path: string): Promise<Listing> {
    if (this.#lastParent?.path !== path) this.#lastParent = await this.read(path);
    return this.#lastParent;
  }

  protected judge(evidence: Omit<Parameters<typeof judge>[0], 'profile' | 'cutsAt'>): Listing {
    return judge({ ...evidence, profile: this.profile(), cutsAt: this.traits.cutsAt });
  }
}
