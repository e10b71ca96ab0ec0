import type { State } from '../../shared/state/state.ts';
import { type CrashAt, mortal } from './crash.ts';

/** What happens to one invocation of a function. Calls are those of the state, counted from one. */
export interface Fate {
  /** Killed, as by a time-out. */
  readonly crash: CrashAt | null;
  /** Stands still from this call on, while others go on. */
  readonly stallAt: number | null;
  /** Its time is up with this call: the signal aborts. */
  readonly abortAt: number | null;
  /** Turns of the event loop's microtasks before every call, one after another. */
  readonly paces: readonly number[];
}

export const sound: Fate = { crash: null, stallAt: null, abortAt: null, paces: [] };

/** An invocation's own view of the state, to which its fate happens. */
export class Fated {
  readonly state: State;
  readonly signal: AbortSignal;
  /** Resolves when it stands still. */
  readonly stalled: Promise<void>;
  /** Lets it go on. */
  readonly wake: () => void;

  constructor(state: State, { crash, stallAt, abortAt, paces }: Fate) {
    const abort = new AbortController();
    const reached = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    let calls = 0;
    const before = async () => {
      calls += 1;
      if (calls === abortAt) abort.abort();
      for (let hop = paces[calls % paces.length] ?? 0; hop > 0; hop -= 1) await Promise.resolve();
      if (calls !== stallAt) return;
      reached.resolve();
      await woken.promise;
    };
    this.signal = abort.signal;
    this.stalled = reached.promise;
    this.wake = woken.resolve;
    this.state = beforeEach(mortal(state, crash), before);
  }
}

function beforeEach(state: State, before: () => Promise<void>): State {
  return new Proxy(state, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      if (name === 'directories' || name === 'heldDirectories') {
        return async function* (...args: unknown[]) {
          await before();
          yield* Reflect.apply(method, target, args);
        };
      }
      return async (...args: unknown[]) => {
        await before();
        return Reflect.apply(method, target, args);
      };
    },
  });
}
