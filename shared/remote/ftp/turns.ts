import type { FtpControl, Talk } from './control.ts';
import type { ServerTraits } from './directory-reader.ts';
import type { Reply } from './reply-reader.ts';

/** Commands that are sent together; each gets one reply. */
interface Question {
  readonly commands: readonly string[];
  readonly bytes: number;
  readonly replies: Reply[];
  readonly answer: PromiseWithResolvers<readonly Reply[]>;
}

/** So much work waits while questions are asked; more lets them wait. */
const mostWaitingWork = 8;

/**
 * Whose turn it is on the control connection: questions are asked one after another without waiting for answers, up to
 * so many bytes; work that needs the connection for itself, such as a listing on a data connection, waits until all
 * are answered.
 *
 * ProFTPD makes one command of two when it reads CR and LF apart. It reads up to 4,102 bytes at a time: so less than that is
 * on its way to it, in pieces that begin and end with commands and travel whole.
 */
export class Turns {
  readonly #control: FtpControl;
  readonly #mostBytes: number;
  readonly #mostAtOnce: number;
  readonly #lost: (error: unknown) => Error;
  #waiting: Question[] = [];
  readonly #asked: Question[] = [];
  #askedBytes = 0;
  #talk: Talk | undefined;
  readonly #works: (() => Promise<void>)[] = [];
  #working = false;
  #idle: PromiseWithResolvers<void> | undefined;

  /** `lost`: told of what ends the connection while questions are asked, and says what their askers are told. */
  constructor(
    control: FtpControl,
    { bearsBytes, bearsAtOnce }: Pick<ServerTraits, 'bearsBytes' | 'bearsAtOnce'>,
    lost: (error: unknown) => Error,
  ) {
    this.#control = control;
    this.#mostBytes = bearsBytes;
    this.#mostAtOnce = bearsAtOnce;
    this.#lost = lost;
  }

  /** Replies in the order of the commands. */
  ask(commands: readonly string[]): Promise<readonly Reply[]> {
    const bytes = commands.reduce((sum, command) => sum + command.length + 2, 0);
    const question = { commands, bytes, replies: [], answer: Promise.withResolvers<readonly Reply[]>() };
    this.#waiting.push(question);
    this.#go();
    return question.answer.promise;
  }

  /** Runs it when nobody else uses the connection. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = Promise.withResolvers<T>();
    this.#works.push(() => work().then(done.resolve, done.reject));
    this.#go();
    return done.promise;
  }

  /** Whether as much work waits as keeps the connection busy for a while. */
  get isBusy(): boolean {
    return this.#works.length > 1;
  }

  /** Whether work waits for its turn. */
  get hasWork(): boolean {
    return this.#works.length > 0;
  }

  /** Questions that were not asked yet are not asked any more, and never answered. */
  drop(): void {
    this.#waiting = [];
    this.#go();
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    if (!this.#isInUse()) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #isInUse(): boolean {
    return this.#working || this.#works.length > 0 || this.#asked.length > 0 || this.#waiting.length > 0;
  }

  #go(): void {
    if (this.#working) return;
    if (this.#works.length < mostWaitingWork) this.#send();
    if (this.#asked.length > 0) return;
    if (this.#works.length > 0) void this.#workOff();
    else {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** All that waits, since for each piece alone the connection would have to fall silent again. */
  async #workOff(): Promise<void> {
    this.#working = true;
    for (let work = this.#works.shift(); work !== undefined; work = this.#works.shift()) await work();
    this.#working = false;
    this.#go();
  }

  #send(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#asked.length > 0 && this.#askedBytes + next.bytes > this.#mostBytes) return;
      this.#waiting.shift();
      this.#asked.push(next);
      this.#askedBytes += next.bytes;
      this.#talk ??= this.#control.talk(
        (reply) => this.#onReply(reply),
        (error) => this.#onLost(error),
        this.#mostAtOnce,
      );
      this.#talk.send(next.commands);
    }
  }

  #onReply(reply: Reply): void {
    const [question] = this.#asked;
    if (question === undefined) return;
    question.replies.push(reply);
    if (question.replies.length < question.commands.length) return;
    this.#asked.shift();
    this.#askedBytes -= question.bytes;
    question.answer.resolve(question.replies);
    if (this.#works.length < mostWaitingWork) this.#send();
    if (this.#asked.length > 0) return;
    this.#talk?.end();
    this.#talk = undefined;
    this.#go();
  }

  #onLost(error: unknown): void {
    const failure = this.#lost(error);
    const questions = [...this.#asked.splice(0), ...this.#waiting.splice(0)];
    this.#askedBytes = 0;
    this.#talk = undefined;
    for (const { answer } of questions) answer.reject(failure);
    this.#go();
  }
}
