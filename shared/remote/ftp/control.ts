import { Socket } from 'node:net';
import { Client, FTPContext, FTPError } from 'basic-ftp';
import { OutOfStep } from './out-of-step.ts';
import { PassiveMode } from './passive.ts';
import { type Reply, ReplyReader } from './reply-reader.ts';
import { asError, type Retrieved, replyOf, Transfer } from './transfer.ts';
import { isSayable } from './wire.ts';

/** basic-ftp's connection with an exact reader of replies and data connections that may break alone. */
class ExactContext extends FTPContext {
  readonly replies = new ReplyReader();
  /** Whether the last commands were a talk: then a reply to nothing shows that it was out of step. */
  talking = false;
  /** Why the connection was closed while nobody used it. */
  outOfStep: OutOfStep | undefined;

  protected override _onControlSocketData(chunk: string): void {
    try {
      for (const reply of this.replies.push(chunk)) {
        if (this.talking && this._task === undefined && reply.code !== 421) {
          this.outOfStep = new OutOfStep(reply);
          throw this.outOfStep;
        }
        this._passToHandler(reply.code >= 400 ? new FTPError(reply) : reply);
      }
    } catch (error) {
      this.closeWithError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The library ends the session when a data connection breaks; here that costs one listing, which `retrieve` judges. */
  protected override _setupDefaultErrorHandlers(socket: Socket, identifier: string): void {
    if (identifier === 'data socket') socket.on('error', () => undefined);
    else super._setupDefaultErrorHandlers(socket, identifier);
  }
}

class ExactClient extends Client {
  override readonly ftp: ExactContext;

  constructor(timeoutMs: number) {
    super(timeoutMs);
    this.ftp = new ExactContext(timeoutMs, 'latin1');
  }
}

/** Commands and replies that do not wait for one another. */
export interface Talk {
  /** Sends the commands. */
  send(commands: readonly string[]): void;
  /** The last reply has come. */
  end(): void;
}

/**
 * The control connection: one command after the other, each answered by its reply, refusals included. What ends the
 * connection (silence for the time-out included) is thrown as basic-ftp's or Node's error, untranslated.
 */
export class FtpControl {
  readonly client: ExactClient;
  /**
   * Whether another `retrieve` will follow at once: then the server is told to listen for it before it has answered the one
   * under way. Only for servers known to bear it.
   */
  anotherFollows: () => boolean = () => false;
  /**
   * Whether the server bears the end of our side of a data connection as soon as it is open, and reads what it is told for the
   * next one together with the command: `retrieve` then takes two round trips instead of four.
   */
  endsEarly = false;
  readonly #passive: PassiveMode;

  constructor(timeoutMs: number, separateTransferHost: boolean) {
    this.client = new ExactClient(timeoutMs);
    this.#passive = new PassiveMode(separateTransferHost);
  }

  command(command: string): Promise<Reply> {
    this.client.ftp.talking = false;
    return this.client.sendIgnoringError(command);
  }

  /**
   * Each reply to what is sent goes to `onReply`, until `end`; what ends the connection before, to `onLost`. What is sent in
   * the same turn of the event loop goes together, in pieces of whole commands of up to so many bytes.
   */
  talk(onReply: (reply: Reply) => void, onLost: (error: unknown) => void, mostAtOnce: number): Talk {
    const { ftp } = this.client;
    let end = (): void => undefined;
    const ended = ftp.handle(undefined, (response, task) => {
      end = () => task.resolve(undefined);
      const reply = replyOf(response);
      if (reply === undefined) task.reject(asError(response));
      else onReply(reply);
    });
    ended.catch(onLost);
    ftp.talking = true;
    let waiting = '';
    const flush = (): void => {
      if (waiting !== '' && !ftp.closed) ftp.socket.write(waiting, 'latin1');
      waiting = '';
    };
    return {
      send(commands) {
        if (ftp.closed) return;
        if (!commands.every(isSayable)) throw new Error('a command with a line break');
        if (waiting === '') process.nextTick(flush);
        for (const command of commands) {
          if (waiting.length + command.length + 2 > mostAtOnce) flush();
          waiting += `${command}\r\n`;
        }
      },
      end: () => end(),
    };
  }

  /** Sends both before the first is answered. Only for servers known to bear it. */
  async both(first: string, second: string): Promise<readonly [Reply, Reply]> {
    const [one, other] = await this.all([first, second]);
    if (one === undefined || other === undefined) throw new Error('no reply');
    return [one, other];
  }

  /** Sends all of them before the first is answered; at least one. */
  all(commands: readonly string[]): Promise<readonly Reply[]> {
    const { ftp } = this.client;
    ftp.talking = false;
    const [first, ...others] = commands;
    const replies: Reply[] = [];
    const answered = ftp.handle(first, (response, task) => {
      const reply = replyOf(response);
      if (reply === undefined) task.reject(asError(response));
      else if (replies.push(reply) === commands.length) task.resolve(replies);
    });
    for (const command of others) if (!ftp.closed) ftp.send(command);
    return answered;
  }

  /**
   * Opens a data connection; what the command sends on it goes to `take` as it comes, which breaks it off by false. `isLarge`:
   * much is known to come, so that two round trips do not matter.
   */
  async retrieve(command: string, take: (piece: Buffer) => boolean, isLarge = false): Promise<Retrieved> {
    const { hasTLS, timeout } = this.client.ftp;
    // Over TLS one side cannot end alone.
    if (!this.endsEarly || isLarge || hasTLS) return this.#retrieve(command, take, false);
    let isEmpty = true;
    const began = performance.now();
    const retrieved = await this.#retrieve(command, seeing, true);
    function seeing(piece: Buffer): boolean {
      isEmpty = false;
      return take(piece);
    }
    if (!retrieved.begun || retrieved.reply.code === 421) return retrieved;
    if (isEmpty) {
      // What stands between us may have taken the end of one side for that of both.
      const again = await this.#retrieve(command, seeing, false);
      this.endsEarly = isEmpty;
      return again;
    }
    // Or have waited only so long for the other end, which looks like the end of the listing.
    const isDoubtful = retrieved.ended === 'in order' && performance.now() - began > timeout / 3;
    if (isDoubtful || retrieved.ended === 'broken') this.endsEarly = false;
    return isDoubtful ? { ...retrieved, ended: 'broken' } : retrieved;
  }

  /** The same, unless nobody wants it any more by the time that the data connection is open. */
  async retrieveIf(
    isWanted: () => boolean,
    command: string,
    take: (piece: Buffer) => boolean,
  ): Promise<Retrieved | undefined> {
    const socket = await this.#open();
    if (!(socket instanceof Socket)) return socket;
    if (isWanted()) return this.#transfer(socket, command, { take, early: false });
    socket.destroy();
    this.client.ftp.dataSocket = undefined;
    return undefined;
  }

  async #retrieve(command: string, take: (piece: Buffer) => boolean, early: boolean): Promise<Retrieved> {
    const socket = await this.#open();
    return socket instanceof Socket ? this.#transfer(socket, command, { take, early }) : socket;
  }

  /** The data connection, or how the server refused one. */
  async #open(): Promise<Socket | Retrieved> {
    const { ftp } = this.client;
    ftp.talking = false;
    const refusal = await this.#passive.open(ftp);
    if (refusal !== undefined) return { reply: refusal, ended: 'broken', begun: false };
    if (ftp.dataSocket === undefined) throw new Error('the data connection is gone');
    return ftp.dataSocket;
  }

  async #transfer(
    socket: Socket,
    command: string,
    { take, early }: { readonly take: (piece: Buffer) => boolean; readonly early: boolean },
  ): Promise<Retrieved> {
    const ahead = (): string | undefined => (this.anotherFollows() ? this.#passive.commandAhead : undefined);
    const transfer = new Transfer(this.client.ftp, socket, { take, early, ahead });
    const retrieved = await transfer.run(command);
    if (transfer.next !== undefined) this.#passive.answeredAhead(transfer.next);
    if (transfer.cameTooSoon) this.endsEarly = false;
    return retrieved;
  }
}
