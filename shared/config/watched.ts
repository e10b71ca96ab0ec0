import type { WatchKey } from '../state/state.ts';
import type { Config, ServerConfig, WatchConfig } from './config.ts';

export interface Watched {
  readonly key: WatchKey;
  readonly watch: WatchConfig;
  readonly server: ServerConfig;
}

/** The watches of a configuration with their servers, by the key that the state knows them by. */
export function watchedOf(config: Config): ReadonlyMap<WatchKey, Watched> {
  return new Map(
    [...config.watches.values()].flatMap((watch): [WatchKey, Watched][] => {
      const server = config.servers.get(watch.server);
      const key: WatchKey = `${watch.tenant}/${watch.name}`;
      return server === undefined ? [] : [[key, { key, watch, server }]];
    }),
  );
}
