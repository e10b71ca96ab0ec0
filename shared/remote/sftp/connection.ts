import type net from 'node:net';
import { callbackify } from 'node:util';
import ssh2, { type AuthHandlerMiddleware, type Client, type ClientChannel } from 'ssh2';
import SftpClient from 'ssh2-sftp-client';
import type { SftpServer } from '../../config/config.ts';
import { Failure, RemoteUnavailable } from '../../failure.ts';
import type { KnownHosts } from '../remote.ts';
import { speedUpCiphers } from './cipher-keys.ts';
import { encodeInit } from './codec.ts';
import { type ConnectContext, connectFailure } from './connect-failure.ts';
import type { SftpCredentials } from './credentials.ts';
import { addressOf, checkHostKey } from './host-key.ts';
import { takesEarlyChannel, takesEarlyData } from './measured.ts';
import { greetAtOnce, logInAtOnce, signAtOnce } from './round-trips.ts';

const closeTimeoutMs = 2_900;

/** One SSH connection, logged in, with one channel that speaks SFTP to us alone. */
export class SftpConnection {
  readonly address: string;
  readonly #server: SftpServer;
  readonly #library: SftpClient;
  readonly #ssh: Client;
  readonly #socket: net.Socket;
  readonly #closed = Promise.withResolvers<void>();
  #channel: ClientChannel | undefined;
  /** Asked for before the login was granted. */
  #earlyChannel: Promise<ClientChannel> | undefined;
  #greeted = false;
  #offered: readonly string[] = [];
  #loggedIn = false;
  #firstError: Error | undefined;
  #refusal: unknown;
  #onLost: (failure: Failure) => void = () => undefined;

  /** `keyType`: of the key to log in with, if it is one. */
  constructor(server: SftpServer, socket: net.Socket, keyType?: string) {
    this.#server = server;
    this.#socket = socket;
    this.address = addressOf(server);
    // Its own listeners print to the console unless they are replaced.
    this.#library = new SftpClient(server.name, { error: ignore, end: ignore, close: ignore });
    this.#ssh = innerClient(this.#library);
    speedUpCiphers(this.#ssh);
    signAtOnce(this.#ssh);
    // Of the ways to sign with an RSA key the server says first which it takes.
    logInAtOnce(this.#ssh, () => keyType !== 'ssh-rsa' && takesEarlyData(this.software));
    this.#ssh.on('error', (error) => this.#onError(error));
    this.#ssh.on('ready', () => {
      this.#loggedIn = true;
    });
    this.#ssh.on('close', () => this.#onClose());
  }

  get channel(): ClientChannel {
    if (this.#channel === undefined) throw new Error('the SFTP channel is not open yet');
    return this.#channel;
  }

  /** The server's identification, e.g. `SSH-2.0-OpenSSH_9.2p1`. */
  get software(): string {
    return `SSH-2.0-${this.#identification() ?? 'unknown'}`;
  }

  /** Whether SFTP's first packet is on its way already. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** Called once if the connection dies by itself. */
  set onLost(listener: (failure: Failure) => void) {
    this.#onLost = listener;
  }

  async logIn(credentials: SftpCredentials, knownHosts: KnownHosts): Promise<void> {
    const { connectTimeoutMs, responseTimeoutMs, username } = this.#server;
    try {
      // It was connected before this was loaded.
      if (this.#socket.destroyed) throw this.#socket.errored ?? new Error('Connection lost before handshake');
      this.#giveOwnChannel();
      await this.#library.connect({
        ...credentials,
        username,
        sock: this.#socket,
        readyTimeout: connectTimeoutMs,
        // Given up after three without an answer: about when a request would be.
        keepaliveInterval: Math.max(1_000, Math.floor(responseTimeoutMs / 4)),
        keepaliveCountMax: 3,
        tryKeyboard: credentials.password !== undefined,
        authHandler: this.#authentication(credentials),
        algorithms: algorithmsOf(this.#server),
        hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
          checkHostKey(this.#server, knownHosts, key).then(
            () => verify(true),
            (refusal: unknown) => {
              this.#refusal = refusal;
              verify(false);
            },
          );
        },
      });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /**
   * The library would have ssh2 open a channel that parses names into strings and loses bytes by it. It gets ours
   * instead of a second one, which would cost a process on the server, and some take one channel only (MaxSessions 1).
   */
  #giveOwnChannel(): void {
    const open = async (): Promise<ClientChannel> => {
      const channel = await (this.#earlyChannel ?? this.#openChannel());
      channel.stderr.resume();
      this.#channel = channel;
      return channel;
    };
    Reflect.set(this.#ssh, 'sftp', callbackify(open));
  }

  /** Right behind the login: what is sent then is for what comes after a login that succeeds (RFC 4252, section 5.1). */
  #askForChannel(): void {
    if (!takesEarlyChannel(this.software)) return;
    this.#earlyChannel = this.#openChannel();
    this.#earlyChannel.catch(ignore);
  }

  #openChannel(): Promise<ClientChannel> {
    this.#greeted ||= takesEarlyData(this.software) && greetAtOnce(this.#ssh, encodeInit());
    return new Promise((resolve, reject) => {
      this.#ssh.subsys('sftp', (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(error);
      });
    });
  }

  /** What `write` sends goes out in one piece: ssh2 hands a packet to the socket in three. */
  inOneWrite(write: () => void): void {
    this.#socket.cork();
    try {
      write();
    } finally {
      this.#socket.uncork();
    }
  }

  /** Says goodbye; true if the server ended the connection in time. `end()` of the library may wait for ever. */
  async close(): Promise<boolean> {
    this.#onLost = () => undefined;
    this.#ssh.end();
    const timer = Promise.withResolvers<'late'>();
    const timeout = setTimeout(() => timer.resolve('late'), closeTimeoutMs);
    const outcome = await Promise.race([this.#closed.promise, timer.promise]);
    clearTimeout(timeout);
    this.destroy();
    return outcome !== 'late';
  }

  destroy(): void {
    this.#onLost = () => undefined;
    this.#ssh.destroy();
    this.#socket.destroy();
  }

  /**
   * One method, so that a refusal counts as one failed login. Servers with PAM may offer the password as
   * `keyboard-interactive` only (RFC 4256); that is tried where the server says that it takes no `password`.
   */
  #authentication({ privateKey, password }: SftpCredentials): AuthHandlerMiddleware {
    const first = privateKey === undefined ? 'password' : 'publickey';
    let asked = 0;
    if (password !== undefined) {
      this.#ssh.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
        finish(prompts.map(() => password));
      });
    }
    return (offered: readonly string[] | null, _partial, next) => {
      asked += 1;
      this.#offered = offered ?? [];
      if (asked === 1) {
        next(first);
        this.#askForChannel();
        return;
      }
      this.#earlyChannel = undefined;
      const byKeyboard = first === 'password' && !this.#offered.includes('password');
      if (asked === 2 && byKeyboard && this.#offered.includes('keyboard-interactive')) {
        return next('keyboard-interactive');
      }
      // ssh2 takes `false` for "no more"; its types do not say so.
      Reflect.apply(next, undefined, [false]);
    };
  }

  #onError(error: Error): void {
    this.#firstError ??= error;
    const lost =
      error.message === 'Keepalive timeout'
        ? new RemoteUnavailable('silent', `${this.address} does not answer any more`, {
            cause: error,
            advice: 'Check the network and the server.',
          })
        : lostConnection(this.address, error);
    this.#onLost(lost);
  }

  #onClose(): void {
    this.#closed.resolve();
    this.#onLost(lostConnection(this.address, this.#firstError));
  }

  #stage(): ConnectContext['stage'] {
    if (this.#loggedIn) return 'channel';
    return this.#identification() === undefined ? 'greeting' : 'login';
  }

  #identification(): string | undefined {
    const software: unknown = Reflect.get(this.#ssh, '_remoteVer');
    return typeof software === 'string' ? software : undefined;
  }

  #failure(error: unknown): unknown {
    if (this.#refusal !== undefined) return this.#refusal;
    const cause = this.#firstError ?? error;
    if (!(cause instanceof Error) || cause instanceof Failure) return cause;
    const { address } = this;
    return connectFailure(cause, {
      address,
      username: this.#server.username,
      stage: this.#stage(),
      offered: this.#offered,
    });
  }
}

/** ssh2 checks the names itself; its types would have them spelled out one by one. */
function algorithmsOf({ ciphers, keyExchange }: SftpServer): object {
  return {
    ...(ciphers === undefined ? {} : { cipher: ciphers }),
    ...(keyExchange === undefined ? {} : { kex: keyExchange }),
  };
}

function innerClient(library: SftpClient): Client {
  const inner: unknown = Reflect.get(library, 'client');
  if (!(inner instanceof ssh2.Client)) throw new Error('ssh2-sftp-client holds no ssh2 client any more');
  return inner;
}

function lostConnection(address: string, cause: Error | undefined): RemoteUnavailable {
  return new RemoteUnavailable('lost', `${address} ended the connection`, {
    cause,
    advice: 'Nothing to do if it was restarted; else look into its log.',
  });
}

function ignore(): void {}
