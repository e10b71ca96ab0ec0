import type { State } from '../../shared/state/state.ts';

/** Ends what only pretends to be a process. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export interface CrashAt {
  /** The n-th call of the state. */
  readonly call: number;
  /** Whether the call takes effect before the process dies. */
  readonly after: boolean;
}

/** The state as one process sees it that dies at a call: from then on, every call throws. */
export function mortal<S extends State>(state: S, at: CrashAt | null): S {
  let calls = 0;
  const isLast = () => {
    calls += 1;
    if (at !== null && calls > at.call) throw new Crash('dead already');
    return at !== null && calls === at.call;
  };
  return new Proxy(state, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      if (name === 'directories' || name === 'heldDirectories') {
        return async function* (...args: unknown[]) {
          if (isLast()) throw new Crash('while reading');
          yield* Reflect.apply(method, target, args);
        };
      }
      return async (...args: unknown[]) => {
        const last = isLast();
        if (last && at?.after === false) throw new Crash(`before ${String(name)}`);
        const result: unknown = await Reflect.apply(method, target, args);
        if (last) throw new Crash(`after ${String(name)}`);
        return result;
      };
    },
  });
}
