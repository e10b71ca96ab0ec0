/** The servers of the Dockerfiles beside this file. */
export const containerKinds = ['vsftpd', 'proftpd', 'pure-ftpd', 'openssh'] as const;
export type ContainerKind = (typeof containerKinds)[number];

export interface ContainerOptions {
  /** FTP: explicit TLS. The same server takes clients in the clear too. */
  readonly tls?: boolean;
  /**
   * Sessions that the server allows at once. Default 200, of a containerised Pure-FTPd 5: half its passive ports.
   * OpenSSH knows no such limit.
   */
  readonly connections?: number;
  /** IANA zone of the server's clock, seen in LIST listings. Default UTC. */
  readonly timezone?: string;
  /** A network of the engine to join instead of its default one: where functions in containers of their own run. */
  readonly network?: string;
}

/**
 * A real server with one watched tree, in a container of its own, or as a process of this machine where no engine
 * runs. All paths are relative to the tree.
 */
export interface ContainerServer {
  readonly kind: ContainerKind;
  readonly runsAs: 'container' | 'process';
  readonly protocol: 'ftp' | 'ftps' | 'sftp';
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** SFTP. */
  readonly hostKey?: `SHA256:${string}`;
  /** FTPS: the PEM certificate to trust. */
  readonly ca?: string;
  readonly timezone: string;
  /** Absolute path of the watched tree as a client sees it. */
  readonly root: string;
  /** The same directory on this disk. */
  readonly localRoot: string;
  /** Where other containers in the network of the options reach it. */
  readonly inNetwork?: { readonly host: string; readonly port: number };

  /** Creates or replaces a file, its parents included. Without a time the file is new: its time is now. */
  write(path: string, content: string | Uint8Array, modifiedAt?: Date): Promise<void>;
  /** A file, or a directory with all in it. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** With its parents. */
  mkdir(path: string): Promise<void>;
  /** Makes many files at once, and returns their paths. */
  many(files: ManyFiles): Promise<readonly string[]>;

  /** Freezes all its processes: it goes silent without closing anything; the kernel still accepts connections. */
  pause(): Promise<void>;
  /** Sessions go on, but for those of vsftpd as a process. */
  unpause(): Promise<void>;
  /** Takes it off the network: open sessions break off, connections are refused. For a process that is its death. */
  disconnect(): Promise<void>;
  /** Back at the same port. */
  reconnect(): Promise<void>;
  /** Removes the server with its tree, in whatever state it is. Safe to call twice. */
  stop(): Promise<void>;
}

export interface ManyFiles {
  /** The directory to put them in. Default: the root. */
  readonly below?: string;
  /** `d000`, `d001`, …; without it the files lie in `below` itself. */
  readonly directories?: number;
  /** In each directory: `f0000`, `f0001`, … */
  readonly files: number;
  readonly sizeBytes?: number;
  readonly modifiedAt?: Date;
}
