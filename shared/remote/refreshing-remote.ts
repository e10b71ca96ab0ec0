import { RemoteAuth } from '../failure.ts';
import type { Remote, Session } from './remote.ts';

/**
 * A remote whose credentials may have been rotated since they were read: a refused login is tried once more, with what
 * `refresh` reads anew. Undefined from there: nothing is new, and trying again could lock the account.
 */
export class RefreshingRemote implements Remote {
  readonly #current: Remote;
  readonly #refresh: () => Promise<Remote | undefined>;

  constructor(current: Remote, refresh: () => Promise<Remote | undefined>) {
    this.#current = current;
    this.#refresh = refresh;
  }

  async connect(signal: AbortSignal): Promise<Session> {
    try {
      return await this.#current.connect(signal);
    } catch (error) {
      if (!(error instanceof RemoteAuth) || error.reason !== 'login') throw error;
      const fresh = await this.#refresh();
      if (fresh === undefined) throw error;
      return fresh.connect(signal);
    }
  }
}
