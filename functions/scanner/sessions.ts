import type { ServerConfig } from '../../shared/config/config.ts';
import type { Session } from '../../shared/remote/remote.ts';

/** Where a scanner gets sessions: one leased slot each (protocol rule 4). */
export interface Sessions {
  /** Waits for a free slot. Throws what `Remote.connect` throws, or RemoteAuth while logins are suspended. */
  open(server: ServerConfig, signal: AbortSignal): Promise<LeasedSession>;
  /** Sessions that could be opened on the server now, besides those in use. */
  idle(server: ServerConfig): number;
}

export interface LeasedSession {
  readonly session: Session;
  /** Gives the session back; `failed`: it broke and must not be used again. */
  release(failed: Error | null): Promise<void>;
}
