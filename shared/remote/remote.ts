import type { Listing, Unchanged } from '../tree/listing.ts';
import type { Probe } from '../tree/probe.ts';

/**
 * The port to a server. A `Remote` is an address with credentials and holds no connection; a `Session` is one
 * login. The caller holds a slot lease for each session (protocol rule 4), so an adapter never opens a second
 * login on its own.
 */
export interface Remote {
  /**
   * Connects and logs in, within the configured time-out. Throws RemoteUnavailable (worth another try),
   * RemoteAuth (login, host key or certificate: not worth another try) or RemoteProtocol.
   */
  connect(signal: AbortSignal, options?: ConnectOptions): Promise<Session>;
}

export interface ConnectOptions {
  /** False: the server has shown that it does not bear probes. */
  readonly probe?: boolean;
}

export interface ListRequest {
  /** Absolute path on the server, in the encoding of `tree/name.ts`. For `local`, an absolute path of this machine. */
  readonly path: string;
  /** Of a directory that was listed before. */
  readonly known?: Known;
  /**
   * There are directories below it, and all of them, at any depth, will be asked for in the same session: listing them at
   * once is no waste.
   */
  readonly wholeSubtree?: boolean;
}

/** What the last complete listing of a directory left behind. */
export interface Known {
  readonly probe: Probe | null;
  /** `profileName` of it. */
  readonly profile: string;
  /** About how many entries it has. */
  readonly entries: number;
  /** Whether `Unchanged` will do for an answer. */
  readonly unchangedSuffices: boolean;
}

export interface Session {
  readonly capabilities: Capabilities;

  /**
   * Lists many directories. Takes requests as it can use them (that is how pipelining and back-pressure work) and
   * yields one listing per request, `path` repeated, in any order. What goes wrong with one directory is a
   * `partial` listing; what ends the session is thrown as RemoteUnavailable or RemoteProtocol, and every request
   * taken and not yet answered is then unanswered: the caller keeps count. After that the session is closed.
   * One `list` at a time per session. Links are reported as links and never followed.
   * `Unchanged` answers only a request that says that it will do, and only where a complete listing under the same
   * profile would show what the last one showed.
   */
  list(
    requests: AsyncIterable<ListRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Listing | Unchanged, void, void>;

  /** Whether it knows soon what it will answer for the directory, whoever asks: another session would do it twice. */
  foresees?(path: string): boolean;

  /** Asks the server for a sign of life, so that an idle session is found dead before it is used. */
  ping(signal: AbortSignal): Promise<void>;

  /**
   * Logs out and resolves within 3 s, always. `clean`: the server has seen the end of the session, so its slot
   * is free at once; else the session may live on there until the idle time-out.
   */
  close(): Promise<{ readonly clean: boolean }>;
}

export interface Capabilities {
  /** For people: what the server calls itself, e.g. `SSH-2.0-OpenSSH_9.2p1` or the FTP greeting, one line. */
  readonly software: string;
  /** The exact listing this session uses. */
  readonly command: 'sftp' | 'mlsd' | 'list' | 'local';
  /** How many directories are worth having in flight at once on one session. */
  readonly inFlight: number;
  /** Whether a listing says modification times to the second or finer. */
  readonly exactTimes: boolean;
}

/** Where host keys seen on first use are kept; the state implements it. */
export interface KnownHosts {
  /** The fingerprint stored for `host:port`, as `SHA256:…` (base64 without padding), or undefined. */
  get(address: string): Promise<string | undefined>;
  /** Stores it unless another one is there already; returns the one that stands. */
  remember(address: string, fingerprint: string): Promise<string>;
}
