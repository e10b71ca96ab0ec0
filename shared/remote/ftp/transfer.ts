import type { Socket } from 'node:net';
import { type FTPContext, FTPError, type FTPResponse } from 'basic-ftp';
import { OutOfStep } from './out-of-step.ts';
import type { Reply } from './reply-reader.ts';
import { isTimeout } from './session-failure.ts';

/** How a command on a data connection ended. */
export interface Retrieved {
  /** The last reply: 2xx for success. */
  readonly reply: Reply;
  /** How the data connection ended; `too long`: we broke it off. */
  readonly ended: 'in order' | 'broken' | 'too long';
  /** Whether the server said that it would send something. */
  readonly begun: boolean;
}

interface Manner {
  /** Takes what comes, and breaks it off by false. */
  readonly take: (piece: Buffer) => boolean;
  /** Whether our side of the data connection ends at once. */
  readonly early: boolean;
  /** What to send for the next transfer without waiting for the end of this one; asked more than once. */
  readonly ahead: () => string | undefined;
}

/** A reply to a command that came while data was sent: ProFTPD, where it read the command by itself. */
const tooSoon = /^450.EPSV\b/i;

/** One command on the data connection that is open, with that for the next one perhaps. */
export class Transfer {
  /** The reply to what was sent ahead. */
  next: Reply | undefined;
  /** Whether what was sent ahead came too soon. */
  cameTooSoon = false;
  readonly #ftp: FTPContext;
  readonly #socket: Socket;
  readonly #manner: Manner;
  #reply: Reply | undefined;
  #ended: Retrieved['ended'] | undefined;
  #begun = false;
  #waitsForNext = false;
  #resolve = (): void => undefined;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(ftp: FTPContext, socket: Socket, manner: Manner) {
    this.#ftp = ftp;
    this.#socket = socket;
    this.#manner = manner;
  }

  async run(command: string): Promise<Retrieved> {
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.once('end', () => this.#onEnd());
    this.#socket.once('close', () => {
      this.#ended ??= 'broken';
      this.#settle();
    });
    await this.#send(command);
    this.#ftp.dataSocket = undefined;
    if (this.#reply === undefined) throw new Error('no reply');
    return { reply: this.#reply, ended: this.#ended ?? 'broken', begun: this.#begun };
  }

  #send(command: string): Promise<unknown> {
    const { early, ahead } = this.#manner;
    const { socket } = this.#ftp;
    // In one piece, which the server reads at once: it refuses what it reads while it sends data.
    socket.cork();
    const answered = this.#ftp.handle(command, (response, task) => {
      const reply = replyOf(response);
      if (reply === undefined) return task.reject(this.#failure(asError(response)));
      this.#resolve = () => task.resolve(undefined);
      this.#onReply(reply);
    });
    if (early) this.#sendAhead(ahead());
    socket.uncork();
    if (early) this.#socket.end();
    return answered;
  }

  #sendAhead(command: string | undefined): void {
    if (command === undefined || this.#waitsForNext || this.#ftp.closed) return;
    this.#waitsForNext = true;
    this.#ftp.send(command);
  }

  #onData(chunk: Buffer): void {
    if (!this.#manner.take(chunk)) {
      this.#ended = 'too long';
      this.#socket.destroy();
    }
    // The control connection is silent meanwhile: its time-out starts again with the data, now and then.
    const now = performance.now();
    if (this.#reply !== undefined || now - this.#heardAt < this.#ftp.timeout / 100) return;
    this.#heardAt = now;
    this.#ftp.socket.setTimeout(this.#ftp.timeout);
  }

  #onEnd(): void {
    this.#ended ??= 'in order';
    // Behind the end of our side of the data, which the server waits for.
    if (this.#reply === undefined) process.nextTick(() => this.#sendAhead(this.#manner.ahead()));
    this.#settle();
  }

  #onReply(reply: Reply): void {
    if (this.#reply !== undefined) {
      this.next = reply;
      this.#waitsForNext = false;
    } else if (reply.code < 200) this.#begun = true;
    else if (this.#waitsForNext && this.#begun && tooSoon.test(reply.message)) {
      this.cameTooSoon = true;
      this.#waitsForNext = false;
    } else this.#reply = reply;
    this.#settle();
  }

  /** Silence where only the reply to what was sent ahead is missing: something between has swallowed it. */
  #failure(error: Error): Error {
    const isSwallowed = this.#isDone && this.#waitsForNext && isTimeout(error.message);
    return isSwallowed ? new OutOfStep({ message: 'no reply to what was sent ahead' }) : error;
  }

  /** Reply and end of the data come in any order, and a refusal comes without data. */
  get #isDone(): boolean {
    return this.#reply !== undefined && (this.#reply.code >= 300 || this.#ended !== undefined);
  }

  #settle(): void {
    // Nothing follows a farewell.
    if ((this.#isDone && !this.#waitsForNext) || this.#reply?.code === 421) this.#resolve();
  }
}

export function replyOf(response: Error | FTPResponse): Reply | undefined {
  if (response instanceof FTPError) return { code: response.code, message: response.message };
  return response instanceof Error ? undefined : response;
}

export function asError(response: Error | FTPResponse): Error {
  return response instanceof Error ? response : new Error(response.message);
}
