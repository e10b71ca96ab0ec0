import { type Failure, RemoteUnavailable } from '../../failure.ts';
import type { Listing } from '../../tree/listing.ts';
import { Lister, type ReadDirectory } from '../lister.ts';
import type { Capabilities, ListRequest, Session } from '../remote.ts';
import type { FtpControl } from './control.ts';
import type { DirectoryReader } from './directory-reader.ts';
import { serviceEnded, sessionFailure } from './session-failure.ts';

/** Of the 3 s that closing may take: a listing under way is waited for, then QUIT is answered. */
const finishMs = 1_500;
const quitMs = 1_200;

/** One login. FTP has one data connection at a time, so directories are listed one after another. */
export class FtpSession implements Session {
  readonly capabilities: Capabilities;
  readonly #control: FtpControl;
  readonly #reader: DirectoryReader;
  readonly #address: string;
  #failure: Failure | undefined;
  /** Ends, never rejecting, once nothing is under way on the control connection. */
  #idle: Promise<unknown> = Promise.resolve();
  #closing: Promise<{ readonly clean: boolean }> | undefined;

  constructor(control: FtpControl, reader: DirectoryReader, about: { address: string; software: string }) {
    this.#control = control;
    this.#reader = reader;
    this.#address = about.address;
    const { command } = reader;
    this.capabilities = { software: about.software, command, inFlight: 1, exactTimes: command === 'mlsd' };
  }

  async *list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing, void, void> {
    if (this.#failure !== undefined) throw this.#failure;
    const lister = new Lister(requests, {
      read: (path, outcome) => void this.#read(path, outcome),
      window: { first: 1, max: 1 },
    });
    yield* lister.run(signal);
  }

  async #read(path: string, { done, lost }: Parameters<ReadDirectory>[1]): Promise<void> {
    try {
      done(await this.#next(() => this.#reader.read(path)));
    } catch (error) {
      lost(sessionFailure(error, this.#address));
    }
  }

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([aborted.promise, this.#next(() => this.#noop())]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): Promise<{ readonly clean: boolean }> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Any answer is a sign of life, but one. */
  async #noop(): Promise<void> {
    const { code, message } = await this.#control.command('NOOP');
    if (code === 421) throw serviceEnded(message, this.#address);
  }

  /** One thing at a time: an aborted listing may still be under way. Rejects with a Failure, and that is the end. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#idle.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        throw this.#end(sessionFailure(error, this.#address));
      }
    });
    this.#idle = done.catch(() => undefined);
    return done;
  }

  #end(failure: Failure): Failure {
    this.#failure ??= failure;
    this.#control.client.close();
    return this.#failure;
  }

  async #close(): Promise<{ readonly clean: boolean }> {
    await within(finishMs, this.#idle);
    const failure = this.#failure;
    // A server that broke off has seen the end; one that fell silent may keep the session until its idle time-out.
    if (failure !== undefined) {
      return { clean: !(failure instanceof RemoteUnavailable && failure.reason === 'silent') };
    }
    const quit = this.#next(() => this.#quit());
    const clean = await within(quitMs, quit);
    this.#end(new RemoteUnavailable('lost', `The session with ${this.#address} is closed`));
    return { clean: clean ?? false };
  }

  /** Whether the server has seen it: it answers, or closes at once. */
  async #quit(): Promise<boolean> {
    try {
      await this.#control.command('QUIT');
      return true;
    } catch (error) {
      const failure = sessionFailure(error, this.#address);
      return !(failure instanceof RemoteUnavailable && failure.reason === 'silent');
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
