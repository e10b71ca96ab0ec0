import { RemoteAuth } from '../failure.ts';
import type { CredentialedRemote } from './credentialed.ts';
import type { ConnectOptions, Remote, Session } from './remote.ts';

/**
 * A remote whose credentials may have been rotated since they were read: a refused login is tried once more, with what
 * `refresh` reads anew, and from then on with that. Where nothing is new, trying again could lock the account.
 */
export class RefreshingRemote implements Remote {
  #current: CredentialedRemote;
  readonly #refresh: () => Promise<CredentialedRemote>;

  constructor(current: CredentialedRemote, refresh: () => Promise<CredentialedRemote>) {
    this.#current = current;
    this.#refresh = refresh;
  }

  /** Of the last login. */
  get credentials(): string {
    return this.#current.credentials;
  }

  async connect(signal: AbortSignal, options?: ConnectOptions): Promise<Session> {
    const tried = this.#current;
    try {
      return await tried.remote.connect(signal, options);
    } catch (error) {
      if (!(error instanceof RemoteAuth) || error.reason !== 'login') throw error;
      const fresh = await this.#refreshed(error);
      if (fresh.credentials === tried.credentials) throw error;
      this.#current = fresh;
      return fresh.remote.connect(signal, options);
    }
  }

  /** Where they cannot be read, the login stays refused: taken for a passing fault, it would be tried on and on. */
  async #refreshed(refused: RemoteAuth): Promise<CredentialedRemote> {
    try {
      return await this.#refresh();
    } catch (error) {
      throw new RemoteAuth('login', refused.message, {
        cause: error,
        advice: `The credentials cannot be read again either: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }
}
