import type { Listing, Unchanged } from '../../tree/listing.ts';
import { profileName } from '../../tree/listing.ts';
import { nextProbe } from '../../tree/probe.ts';
import type { Known, ListRequest } from '../remote.ts';
import type { Ask, DirectoryReader, ServerTraits } from './directory-reader.ts';
import { filesOf, type Look, parseLook } from './look.ts';
import { OutOfStep } from './out-of-step.ts';
import type { Reply } from './reply-reader.ts';
import { serviceEnded } from './session-failure.ts';
import { Subtrees } from './subtrees.ts';
import type { Turns } from './turns.ts';
import { isSayable } from './wire.ts';

/** A session whose first looks all fail looks no more. */
const mostFailures = 3;
/** With it, what is asked together is still far below what servers read at a time. */
const longestPath = 1_500;
/** Codes of success. PWD is never refused. */
const successes: Readonly<Record<string, readonly [number, number]>> = {
  CWD: [200, 250],
  PWD: [257, 257],
  STAT: [211, 213],
  MLST: [250, 250],
};

/**
 * Answers with as little as it can: looks at a directory by STAT on the control connection, many at a time, and lists it
 * exactly only where the look is not what its probe says. How far a look may be trusted, see `tree/probe.ts`.
 */
export class Probing {
  readonly #reader: DirectoryReader;
  readonly #traits: ServerTraits;
  readonly #turns: Turns;
  readonly #clock: () => number;
  readonly #subtrees: Subtrees;
  #failures = 0;
  #proved = false;
  #off: boolean;
  /** The one exact listing on a data connection that other looks wait for. */
  #proving: Promise<Listing> | undefined;

  constructor(
    reader: DirectoryReader,
    traits: ServerTraits,
    turns: Turns,
    { probe, clock }: { readonly probe: boolean; readonly clock: () => number },
  ) {
    this.#clock = clock;
    this.#reader = reader;
    this.#traits = traits;
    this.#turns = turns;
    this.#off = !probe || traits.statsUpTo === 0;
    this.#subtrees = new Subtrees(reader, turns, { off: !traits.listsSubtrees, clock });
  }

  get isOff(): boolean {
    return this.#off;
  }

  foresees(path: string): boolean {
    return this.#subtrees.foresees(path);
  }

  /** Nobody waits for answers any more. */
  drop(): void {
    this.#subtrees.drop();
  }

  /** The session ends. */
  close(): void {
    this.#subtrees.close();
  }

  async read({ path, known, wholeSubtree = false }: ListRequest): Promise<Listing | Unchanged> {
    const isLarge = known !== undefined && known.entries > this.#traits.statsUpTo;
    if (isLarge || !this.#isWorthALook(path, known))
      return this.#turns.alone(() => this.#reader.read(path, isLarge));
    const { generation } = this.#subtrees;
    if (known !== undefined) {
      const same = await this.#subtrees.look(path, (look) => this.#isUnchanged(look, known));
      if (same !== undefined) return unchanged(path, same);
    }
    const look = await this.#look(path);
    if (look === undefined) return this.#turns.alone(() => this.#reader.read(path));
    if (known !== undefined && this.#isUnchanged(look, known)) {
      if (wholeSubtree) this.#subtrees.begin(path, look, generation);
      return unchanged(path, look);
    }
    const listing = this.#reader.readLook(path, look) ?? (await this.#describe(path, look, known));
    return this.#withProbe(listing, look, known);
  }

  async #describe(path: string, look: Look, known: Known | undefined): Promise<Listing> {
    const ask: Ask = (commands) => this.#ask(commands);
    // The same look as at the last exact listing shows as much as that did: all of the directory.
    const isProved = known?.probe?.digest === look.digest;
    const again = isProved ? await this.#reader.describeAgain(path, look, ask) : undefined;
    if (again !== undefined) return again;
    for (;;) {
      const described = await this.#reader.describe(path, look, ask);
      if (typeof described === 'object') return described;
      const read = () => this.#turns.alone(() => this.#reader.read(path));
      if (described === 'not possible') return read();
      // What this one shows may be proof enough for all the others.
      if (this.#proving === undefined) {
        this.#proving = read().finally(() => {
          this.#proving = undefined;
        });
        return this.#proving;
      }
      await this.#proving;
    }
  }

  #isWorthALook(path: string, known: Known | undefined): boolean {
    if (this.#off || !isSayable(path)) return false;
    const wire = this.#reader.wireOf(path);
    if (wire === undefined || wire.length > longestPath) return false;
    return known !== undefined || this.#traits.statsAny;
  }

  #isUnchanged(look: Look, { probe, profile, unchangedSuffices }: Known): boolean {
    return (
      unchangedSuffices &&
      probe?.since === null &&
      probe.digest === look.digest &&
      profile === profileName(this.#reader.profile())
    );
  }

  #withProbe(listing: Listing, look: Look, known: Known | undefined): Listing {
    if (listing.status !== 'complete') return listing;
    const trust = this.#reader.trust(look, listing);
    if (trust === undefined) {
      this.#failed();
      return listing;
    }
    this.#proved = true;
    return { ...listing, probe: nextProbe(known?.probe ?? null, look.digest, look.at, trust) };
  }

  /** Undefined where STAT says nothing of the directory that could be believed. */
  async #look(path: string): Promise<Look | undefined> {
    const wire = this.#reader.wireOf(path);
    if (wire === undefined) return undefined;
    const commands = [`CWD ${wire}`, 'PWD', 'STAT -a .', ...(this.#traits.mustLeave ? ['CWD /'] : [])];
    const replies = await this.#ask(commands);
    const [entered, where, status] = replies;
    if (entered === undefined || where === undefined || status === undefined) throw new Error('no reply');
    if (entered.code >= 300 || this.#reader.misplaced(path, where) !== undefined) return undefined;
    // Too large for a look; that says nothing of others.
    if (status.cut === true) return undefined;
    const look = status.code < 300 ? parseLook(status, this.#clock()) : undefined;
    if (look === undefined) this.#failed();
    return look;
  }

  /** Throws where one of the replies cannot be the reply to its command. */
  async #ask(commands: readonly string[]): Promise<readonly Reply[]> {
    const replies = await this.#turns.ask(commands);
    for (const [index, reply] of replies.entries()) {
      if (reply.code === 421) throw serviceEnded(reply.message, this.#traits.address);
      const verb = commands[index]?.slice(0, 4).trimEnd() ?? '';
      const [from, to] = successes[verb] ?? [200, 250];
      const refused = reply.code >= 400 && verb !== 'PWD';
      if (!refused && (reply.code < from || reply.code > to)) throw new OutOfStep(reply);
    }
    return replies;
  }

  #failed(): void {
    this.#failures += 1;
    if (!this.#proved && this.#failures >= mostFailures) this.#off = true;
  }
}

function unchanged(path: string, look: Look): Unchanged {
  const { directories, fileCount } = look;
  return { status: 'unchanged', path, directories, fileCount, files: () => filesOf(look) };
}
