import type { Socket } from 'node:net';
import { Client, FTPContext, FTPError, type FTPResponse } from 'basic-ftp';
import { PassiveMode } from './passive.ts';
import { type Reply, ReplyReader } from './reply-reader.ts';
import { isSayable } from './wire.ts';

/** A reply to nothing that was asked, or to something else. */
export class OutOfStep extends Error {
  constructor({ message }: Reply) {
    super(`out of step: ${message.slice(0, 100)}`);
  }
}

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

/** How a command on a data connection ended. */
export interface Retrieved {
  /** The last reply: 2xx for success. */
  readonly reply: Reply;
  /** How the data connection ended; `too long`: we broke it off. */
  readonly ended: 'in order' | 'broken' | 'too long';
  /** Whether the server said that it would send something. */
  readonly begun: boolean;
}

/**
 * The control connection: one command after the other, each answered by its reply, refusals included. What ends the
 * connection (silence for the time-out included) is thrown as basic-ftp's or Node's error, untranslated.
 */
export class FtpControl {
  readonly client: ExactClient;
  /**
   * Whether another `retrieve` will follow at once: then the server is told to listen for it as soon as the data of one has
   * ended. Only for servers known to bear it.
   */
  anotherFollows: () => boolean = () => false;
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

  /** Opens a data connection; what the command sends on it goes to `take` as it comes, which breaks it off by false. */
  async retrieve(command: string, take: (piece: Buffer) => boolean): Promise<Retrieved> {
    const retrieved = await this.retrieveIf(() => true, command, take);
    if (retrieved === undefined) throw new Error('nothing was retrieved');
    return retrieved;
  }

  /** The same, unless nobody wants it any more by the time that the data connection is open. */
  async retrieveIf(
    isWanted: () => boolean,
    command: string,
    take: (piece: Buffer) => boolean,
  ): Promise<Retrieved | undefined> {
    const { ftp } = this.client;
    ftp.talking = false;
    const refusal = await this.#passive.open(ftp);
    if (refusal !== undefined) return { reply: refusal, ended: 'broken', begun: false };
    const socket = ftp.dataSocket;
    if (socket === undefined) throw new Error('the data connection is gone');
    if (!isWanted()) {
      socket.destroy();
      ftp.dataSocket = undefined;
      return undefined;
    }
    let ended: Retrieved['ended'] | undefined;
    let settle = (): void => undefined;
    let reply: Reply | undefined;
    let asksAhead = false;
    let heardAt = Number.NEGATIVE_INFINITY;
    let begun = false;
    socket.on('data', (chunk: Buffer) => {
      if (!take(chunk)) {
        ended = 'too long';
        socket.destroy();
      }
      // The control connection is silent meanwhile: its time-out starts again with the data, now and then.
      const now = performance.now();
      if (reply !== undefined || now - heardAt < ftp.timeout / 100) return;
      heardAt = now;
      ftp.socket.setTimeout(ftp.timeout);
    });
    socket.once('end', () => {
      ended ??= 'in order';
      const ahead = reply === undefined && this.anotherFollows() ? this.#passive.commandAhead : undefined;
      if (ahead !== undefined && !ftp.closed) {
        asksAhead = true;
        // Behind the end of our side of the data, which the server waits for.
        process.nextTick(() => ftp.closed || ftp.send(ahead));
      }
      settle();
    });
    socket.once('close', () => {
      ended ??= 'broken';
      settle();
    });
    await ftp.handle(command, (response, task) => {
      const said = replyOf(response);
      if (said === undefined) task.reject(asError(response));
      else if (said.code < 200) begun = true;
      else if (reply !== undefined && asksAhead) {
        this.#passive.answeredAhead(said);
        task.resolve(undefined);
      } else {
        reply = said;
        // Reply and end of data come in any order, and a refusal comes without data.
        settle = () => {
          if (!asksAhead && (said.code >= 300 || ended !== undefined)) task.resolve(undefined);
        };
        settle();
      }
    });
    ftp.dataSocket = undefined;
    if (reply === undefined) throw new Error('no reply');
    return { reply, ended: ended ?? 'broken', begun };
  }
}

function replyOf(response: Error | FTPResponse): Reply | undefined {
  if (response instanceof FTPError) return { code: response.code, message: response.message };
  return response instanceof Error ? undefined : response;
}

function asError(response: Error | FTPResponse): Error {
  return response instanceof Error ? response : new Error(response.message);
}
