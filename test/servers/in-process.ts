export interface InProcessOptions {
  /** Shows as `/`. */
  readonly directory: string;
  readonly username: string;
  readonly password: string;
  /** Default: any free one. */
  readonly port?: number;
}

/** A server inside this process, on 127.0.0.1. */
export interface InProcessServer {
  readonly port: number;
  killSessions(): void;
  stop(): Promise<void>;
}
