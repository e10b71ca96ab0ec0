import type { SftpServer } from '../../config/config.ts';
import { type Failure, RemoteUnavailable } from '../../failure.ts';
import type { Listing, Unchanged } from '../../tree/listing.ts';
import { Lister } from '../lister.ts';
import type { Capabilities, KnownHosts, ListRequest, Remote, Session } from '../remote.ts';
import { packetType } from './codec.ts';
import { connectTimeout } from './connect-failure.ts';
import type { SftpConnection } from './connection.ts';
import { checkCredentials, type SftpCredentials } from './credentials.ts';
import { dial } from './dial.ts';
import { DirectoryReading } from './directory-reading.ts';
import { addressOf } from './host-key.ts';
import { isMeasured } from './measured.ts';
import { SftpPipeline } from './pipeline.ts';

const pace = {
  /** At 100 ms of round trip one session keeps as many in flight as a server answers in a quarter of a second. */
  measured: { reads: 64, window: { first: 16, max: 256, byLatency: true } },
  unknown: { reads: 1, window: { first: 8, max: 64, byLatency: true } },
};

export class SftpRemote implements Remote {
  readonly #server: SftpServer;
  readonly #credentials: SftpCredentials;
  readonly #knownHosts: KnownHosts;

  constructor(server: SftpServer, credentials: SftpCredentials, knownHosts: KnownHosts) {
    this.#server = server;
    this.#credentials = credentials;
    this.#knownHosts = knownHosts;
  }

  async connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    const keyType = checkCredentials(this.#server, this.#credentials);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(this.#server.connectTimeoutMs)]);
    try {
      return await this.#open(keyType, deadline);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  async #open(keyType: string | undefined, deadline: AbortSignal): Promise<Session> {
    // ssh2 is loaded while the server greets: it takes longer than all that it takes to get here.
    const [socket, { SftpConnection }] = await Promise.all([
      dial(this.#server, deadline),
      import('./connection.ts'),
    ]);
    if (deadline.aborted) {
      socket.destroy();
      throw connectTimeout(addressOf(this.#server));
    }
    const connection = new SftpConnection(this.#server, socket, keyType);
    const late = Promise.withResolvers<never>();
    const onDeadline = (): void => late.reject(connectTimeout(addressOf(this.#server)));
    deadline.addEventListener('abort', onDeadline, { once: true });
    try {
      return await Promise.race([late.promise, this.#begin(connection)]);
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      deadline.removeEventListener('abort', onDeadline);
    }
  }

  async #begin(connection: SftpConnection): Promise<Session> {
    await connection.logIn(this.#credentials, this.#knownHosts);
    const session = new SftpSession(connection, this.#server.responseTimeoutMs);
    await session.start();
    return session;
  }
}

class SftpSession implements Session {
  readonly capabilities: Capabilities;
  readonly #pace: (typeof pace)[keyof typeof pace];
  readonly #connection: SftpConnection;
  readonly #pipeline: SftpPipeline;
  #leaving = false;
  #closing: Promise<{ readonly clean: boolean }> | undefined;

  constructor(connection: SftpConnection, responseTimeoutMs: number) {
    this.#connection = connection;
    const { address, software } = connection;
    this.#pace = isMeasured(software) ? pace.measured : pace.unknown;
    const inFlight = this.#pace.window.max;
    this.capabilities = { software, command: 'sftp', inFlight, exactTimes: true };
    const onFailure = (): void => {
      if (!this.#leaving) connection.destroy();
    };
    const inOneWrite = (write: () => void): void => connection.inOneWrite(write);
    this.#pipeline = new SftpPipeline(connection.channel, {
      address,
      responseTimeoutMs,
      onFailure,
      inOneWrite,
    });
    connection.onLost = (failure) => this.#pipeline.fail(failure);
  }

  start(): Promise<void> {
    return this.#pipeline.start(this.#connection.greeted);
  }

  async *list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing | Unchanged, void, void> {
    const pipeline = this.#pipeline;
    if (pipeline.failure !== undefined) throw pipeline.failure;
    const { reads: maxReads, window } = this.#pace;
    const lister = new Lister<Listing | Unchanged>(requests, {
      read: ({ path, known }, outcome) =>
        new DirectoryReading(pipeline, { path, maxReads, known, ...outcome }).start(),
      window,
    });
    yield* lister.run(signal);
  }

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([aborted.promise, this.#pipeline.ask(packetType.realpath, Buffer.from('.'))]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): Promise<{ readonly clean: boolean }> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<{ readonly clean: boolean }> {
    const { address } = this.#connection;
    const failure = this.#pipeline.failure;
    // A server that broke off has seen the end; one that fell silent may keep the session until its idle time-out.
    if (failure !== undefined) return { clean: !isSilent(failure) };
    this.#leaving = true;
    const closed = this.#connection.close();
    this.#pipeline.fail(new RemoteUnavailable('lost', `The session with ${address} is closed`));
    return { clean: await closed };
  }
}

function isSilent(failure: Failure): boolean {
  return failure instanceof RemoteUnavailable && failure.reason === 'silent';
}
