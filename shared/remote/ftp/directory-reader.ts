import { setTimeout as sleep } from 'node:timers/promises';
import type { Listing, Profile } from '../../tree/listing.ts';
import type { FtpControl, Retrieved } from './control.ts';
import { judge, refused } from './judgement.ts';
import { isTransient, judgeRefusal } from './refusal.ts';
import type { Reply } from './reply-reader.ts';
import { serviceEnded } from './session-failure.ts';
import { isSayable, printable, toWire } from './wire.ts';

export interface ServerTraits {
  readonly address: string;
  /** Measured to answer commands that were sent together: vsftpd, ProFTPD, Pure-FTPd. */
  readonly pipelines: boolean;
  /** Lines at which this kind of server cuts a listing. */
  readonly cutsAt: number | undefined;
  /** SYST says Windows: listings without `.` and `..`. */
  readonly windows: boolean;
  /** IANA zone of LIST. */
  readonly zone: string;
}

const pauses = [100, 400];

/** Reads one directory exactly; what MLSD and LIST have in common. */
export abstract class DirectoryReader {
  abstract readonly command: 'mlsd' | 'list';
  protected readonly control: FtpControl;
  protected readonly traits: ServerTraits;
  #lastParent: Listing | undefined;

  constructor(control: FtpControl, traits: ServerTraits) {
    this.control = control;
    this.traits = traits;
  }

  /** What goes wrong with this directory is a partial listing; what ends the session is thrown. */
  async read(path: string): Promise<Listing> {
    if (isSayable(path)) return this.readSayable(path);
    return refused(path, this.profile(), 'refused', 'FTP cannot ask for a name with a line break');
  }

  protected abstract readSayable(path: string): Promise<Listing>;
  protected abstract profile(): Profile;

  protected async ask(command: string): Promise<Reply> {
    return this.alive(await this.control.command(command));
  }

  protected alive(reply: Reply): Reply {
    if (reply.code === 421) throw serviceEnded(reply.message, this.traits.address);
    return reply;
  }

  /** Tries again what may be over in a moment: ports that collide (ProFTPD), a connection that broke. */
  protected async retrieve(command: string): Promise<Retrieved> {
    for (let attempt = 0; ; attempt += 1) {
      const retrieved = await this.control.retrieve(command);
      const { code, message } = this.alive(retrieved.reply);
      const again = isTransient(code)
        ? judgeRefusal(message) === undefined
        : code < 300 && retrieved.ended === 'broken';
      const pause = pauses[attempt];
      if (!again || pause === undefined) return retrieved;
      await sleep(pause);
    }
  }

  /** What a refusal to list this path means. Pure-FTPd has the same words for all; those for CWD say more. */
  protected async explain(path: string, reply: Reply): Promise<Listing> {
    const plain = this.#explainByWords(path, reply);
    if (plain !== undefined) return plain;
    const entered = await this.ask(`CWD ${toWire(path)}`);
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
    const slash = path.lastIndexOf('/');
    const said = printable(reply.message);
    const because = (reason: 'not-found' | 'denied' | 'refused', detail: string): Listing =>
      refused(path, this.profile(), reason, detail);
    if (path === '/' || slash === -1) return because('refused', said);
    const parent = await this.#parent(path.slice(0, slash) || '/');
    const entry = parent.entries.find(({ name }) => name === path.slice(slash + 1));
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
