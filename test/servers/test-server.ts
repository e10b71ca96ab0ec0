/** A real server on loopback, started for a test with a configuration of its own. */
export interface TestServer {
  /** E.g. `vsftpd (ftps)`: for titles of tests. */
  readonly name: string;
  readonly config: TestServerConfig;
  /** The watched directory as the server shows it: an absolute path. */
  readonly root: string;
  /** The same directory on the disk. */
  readonly localRoot: string;
  readonly facts: ServerFacts;
  /** Ends every session by killing its processes; the server goes on and takes new ones. */
  killSessions(): Promise<void>;
  /** Stops all its processes (SIGSTOP): it goes silent without closing anything. */
  pause(): void;
  resume(): void;
  /** Kills the server with its sessions and keeps everything else: nobody listens until `restart`. */
  crash(): Promise<void>;
  /** Starts it again after `crash`, at the same port, with the same keys. */
  restart(): Promise<void>;
  /** Kills everything, waits for the end, removes the scratch folder. Safe to call twice. */
  stop(): Promise<void>;
}

export type TestProtocol = 'ftp' | 'ftps' | 'ftps-implicit' | 'sftp';

export interface TestServerConfig {
  readonly protocol: TestProtocol;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly username: string;
  /** Absent where the server can check keys only (OpenSSH started without root). */
  readonly password?: string;
  /** SFTP: a key (OpenSSH format) that logs in as well. */
  readonly privateKey?: string;
  /** SFTP. */
  readonly hostKey?: `SHA256:${string}`;
  /** FTPS: the PEM certificate of the authority to trust; the certificate names `localhost` and 127.0.0.1. */
  readonly ca?: string;
}

/** What a suite must know to expect the right thing of this server. */
export interface ServerFacts {
  readonly listing: 'sftp' | 'mlsd' | 'list';
  /** Entries beyond which a listing is cut, `.` and `..` included. */
  readonly truncatesAt: number | null;
  /** IANA zone of the times in LIST listings. */
  readonly listZone: string;
  /** What becomes of a name with a line break in a listing; `omitted`: so is one with any control character. */
  readonly newlineInName: 'exact' | 'broken' | 'omitted';
  /** Whether a link to nothing is listed. */
  readonly brokenLinks: 'shown' | 'omitted';
  /** Whether LIST of a directory that is missing is answered by an empty success. */
  readonly emptySuccess: boolean;
  /** Whether sessions run without privileges, so that a directory of mode 0 cannot be read. */
  readonly enforcesPermissions: boolean;
  /** Whether sessions go on after `pause` and `resume`; else `resume` ends them. */
  readonly sessionsOutlivePause: boolean;
  /** Whether the server keeps to `connections` of the options. */
  readonly limitsSessions: boolean;
  /** Names (of directories) that it lists but cannot take in a command. */
  readonly unreachableNames: RegExp | null;
}

export interface StartOptions {
  /** An existing directory to serve; the test user is made its owner. Default: an empty one, removed by `stop`. */
  readonly directory?: string;
  /** FTP: TLS by AUTH TLS or from the first byte. */
  readonly tls?: 'explicit' | 'implicit';
  readonly certificate?: 'valid' | 'expired';
  /** Sessions that the server allows at once; without it more than any test needs. */
  readonly connections?: number;
  /** Zone of the server's clock, shown in its LIST listings. Default UTC. */
  readonly timezone?: string;
  readonly port?: number;
}
