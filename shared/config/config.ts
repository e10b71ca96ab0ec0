import type { SelectionRules } from '../tree/selection.ts';

/**
 * The parsed configuration: what the rest of Farwatch sees of farwatch.yaml. All defaults and presets are applied,
 * all durations are milliseconds, all sizes bytes. Credentials stay references until a session needs them.
 */
export interface Config {
  readonly servers: ReadonlyMap<string, ServerConfig>;
  readonly watches: ReadonlyMap<string, WatchConfig>;
  readonly outputs: readonly OutputConfig[];
  /** How long the change log is kept once every output has it. */
  readonly retentionMs: number;
}

/** Where a secret value is found; never the value itself, except `plain`. */
export interface SecretReference {
  readonly source: 'env' | 'file' | 'secret' | 'plain';
  readonly value: string;
}

interface ServerBase {
  readonly name: string;
  /** Sessions at most, over all watches of this host, port and user. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Without any byte from the server for so long, a request is given up. */
  readonly responseTimeoutMs: number;
  /** How long the server keeps a session whose client vanished: an uncleanly ended slot rests for it. */
  readonly idleTimeoutMs: number;
}

interface RemoteServerBase extends ServerBase {
  readonly host: string;
  readonly port: number;
  readonly username: string;
}

export interface SftpServer extends RemoteServerBase {
  readonly protocol: 'sftp';
  readonly auth:
    | { readonly password: SecretReference }
    | { readonly privateKey: SecretReference; readonly passphrase?: SecretReference };
  /** `SHA256:` fingerprint (base64 without padding), or stored on first use and enforced from then on. */
  readonly hostKey: 'trust-on-first-use' | `SHA256:${string}`;
  /** Allowed algorithms in order of preference, ssh names; the library's defaults where absent. */
  readonly ciphers?: readonly string[];
  readonly keyExchange?: readonly string[];
}

export interface FtpServer extends RemoteServerBase {
  /** `ftp`: in the clear; `ftps`: AUTH TLS; `ftps-implicit`: TLS from the first byte. */
  readonly protocol: 'ftp' | 'ftps' | 'ftps-implicit';
  readonly auth: { readonly password: SecretReference };
  /** IANA zone of the times in LIST listings; MLSD is always UTC. */
  readonly timezone: string;
  /** Accept a passive address that differs from the control connection's (EPSV does not have the problem). */
  readonly separateTransferHost: boolean;
  /** Whether STAT may tell that a directory has not changed, where it is proved to. */
  readonly probe: 'auto' | 'off';
  readonly tls: {
    readonly verify: boolean;
    /** PEM; in addition to the system's. */
    readonly ca?: SecretReference;
    readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
    /** Name to verify the certificate against and to send as SNI; `host` where absent. */
    readonly serverName?: string;
    /** OpenSSL cipher list; Node's default where absent. */
    readonly ciphers?: readonly string[];
  };
}

/** A directory tree of this machine, watched by the same engine. */
export interface LocalServer extends ServerBase {
  readonly protocol: 'local';
}

export type ServerConfig = SftpServer | FtpServer | LocalServer;

export interface WatchConfig {
  readonly name: string;
  /** The watch's former name, whose state it takes over. */
  readonly was?: string;
  readonly tenant: string;
  readonly server: string;
  /** Absolute, without a trailing slash except '/' itself. */
  readonly root: string;
  readonly selection: SelectionRules;
  readonly schedule: { readonly every: number } | { readonly cron: string; readonly timezone: string };
  /** Cold directories are looked at at least so often (`pace: adaptive`); null: all of them in every scan. */
  readonly maxStalenessMs: number | null;
  readonly initial: 'baseline' | 'emit';
  readonly settleMs: number;
  readonly deletes: {
    /** Complete listings in a row without the entry, before its deletion is reported. */
    readonly confirm: number;
    readonly maxPercent: number;
    readonly minCount: number;
  };
  readonly moves: boolean;
  readonly scan: ScanLimits;
}

/** What the scale presets set. */
export interface ScanLimits {
  /** Directories in flight on one session, at most; the adapter may use fewer. */
  readonly inFlight: number;
  /** Work per task before it hands the rest on. */
  readonly taskBudgetMs: number;
  /** Directories per task before it may hand work to idle slots. */
  readonly taskDirectories: number;
  /** A scan that completes no task for so long is ended as incomplete. */
  readonly deadlineMs: number;
  /** On AWS, a scan of more directories than that is reassembled by Step Functions. */
  readonly workflowFrom: number;
}

export type OutputConfig = OutputBase &
  (
    | { readonly type: 'stdout' }
    | { readonly type: 'file'; readonly path: string }
    | {
        readonly type: 'webhook';
        /** `plain` where the file says the URL itself. */
        readonly url: SecretReference;
        /** A header's value is plain text or a reference such as `env:HOOK_TOKEN`. */
        readonly headers: Readonly<Record<string, SecretReference>>;
        readonly timeoutMs: number;
      }
    | { readonly type: 'command'; readonly command: readonly string[]; readonly timeoutMs: number }
  );

interface OutputBase {
  /** Names its position in the change log; unique. Default: the type, numbered from the second on. */
  readonly name: string;
  readonly notices: boolean;
  /** Only these watches; all where absent. */
  readonly watches?: readonly string[];
  /** Changes in one delivery at most. */
  readonly maxBatch: number;
}
