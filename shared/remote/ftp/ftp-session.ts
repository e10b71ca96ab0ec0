import { type Failure, RemoteUnavailable } from '../../failure.ts';
import type { Listing, Unchanged } from '../../tree/listing.ts';
import { Lister, type ReadDirectory } from '../lister.ts';
import type { Capabilities, ListRequest, Session } from '../remote.ts';
import type { FtpControl } from './control.ts';
import type { DirectoryReader, ServerTraits } from './directory-reader.ts';
import { Probing } from './probing.ts';
import { serviceEnded, sessionFailure } from './session-failure.ts';
import { Turns } from './turns.ts';

/** Of the 3 s that closing may take: a listing under way is waited for, then QUIT is answered. */
const finishMs = 1_500;
const quitMs = 1_200;

/** Directories on their way at once where looks at them are: more than the bytes of their commands allow. */
const mostInFlight = 64;

/** One login. FTP has one data connection at a time, so what is listed on it is listed one after another. */
export class FtpSession implements Session {
  readonly capabilities: Capabilities;
  readonly #control: FtpControl;
  readonly #probing: Probing;
  readonly #turns: Turns;
  readonly #address: string;
  #failure: Failure | undefined;
  #closing: Promise<{ readonly clean: boolean }> | undefined;

  constructor(
    control: FtpControl,
    reader: DirectoryReader,
    traits: ServerTraits,
    about: { readonly software: string; readonly probe: boolean; readonly clock: () => number },
  ) {
    this.#control = control;
    this.#address = traits.address;
    this.#turns = new Turns(control, traits, (error) => this.#endBy(error));
    if (traits.pipelines) control.anotherFollows = () => this.#turns.hasWork;
    // A LIST that does not go as it should may cost the session.
    control.endsEarly = about.probe && traits.bearsEarlyEnds && reader.command === 'mlsd';
    this.#probing = new Probing(reader, traits, this.#turns, about);
    this.capabilities = {
      software: about.software,
      command: reader.command,
      inFlight: this.#probing.isOff ? 1 : mostInFlight,
      exactTimes: reader.command === 'mlsd',
    };
  }

  async *list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing | Unchanged, void, void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { inFlight } = this.capabilities;
    const lister = new Lister<Listing | Unchanged>(requests, {
      read: (request, outcome) => void this.#read(request, outcome),
      window: { first: Math.min(4, inFlight), max: inFlight, isEnough: () => this.#turns.isBusy },
    });
    try {
      yield* lister.run(signal);
    } finally {
      this.#drop();
    }
  }

  async #read(
    request: ListRequest,
    { done, lost }: Parameters<ReadDirectory<Listing | Unchanged>>[1],
  ): Promise<void> {
    try {
      done(await this.#guarded(() => this.#probing.read(request)));
    } catch (error) {
      lost(sessionFailure(error, this.#address));
    }
  }

  foresees(path: string): boolean {
    return this.#probing.foresees(path);
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

  #next<T>(work: () => Promise<T>): Promise<T> {
    return this.#guarded(() => this.#turns.alone(() => this.#guarded(work)));
  }

  /** Rejects with a Failure, and that is the end. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await work();
    } catch (error) {
      throw this.#endBy(error);
    }
  }

  #endBy(error: unknown): Failure {
    return this.#end(sessionFailure(this.#control.client.ftp.outOfStep ?? error, this.#address));
  }

  #end(failure: Failure): Failure {
    this.#failure ??= failure;
    this.#control.client.close();
    return this.#failure;
  }

  #drop(): void {
    this.#probing.drop();
    this.#turns.drop();
  }

  async #close(): Promise<{ readonly clean: boolean }> {
    this.#probing.close();
    this.#turns.drop();
    await within(finishMs, this.#turns.idle());
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
