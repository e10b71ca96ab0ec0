import type { KnownHosts } from '../../remote/remote.ts';
import type { Servers } from '../state.ts';
import { storedServer } from '../stored.ts';
import { json, jsonAt, key, keyItem, string, stringAt } from './attributes.ts';
import type { Table } from './table.ts';

export function dynamoServers(table: Table): Servers & { readonly knownHosts: KnownHosts } {
  return {
    async server(server) {
      const item = await table.get(key('E', server));
      return item && jsonAt(item, 'j', storedServer);
    },
    async setServer(server, record) {
      if (record === null) await table.deleteAll([key('E', server)]);
      else await table.put({ ...keyItem(key('E', server)), j: json(record) });
    },
    knownHosts: {
      async get(address) {
        const item = await table.get(key('H', address));
        return item && stringAt(item, 'fp');
      },
      async remember(address, fingerprint) {
        const item = { ...keyItem(key('H', address)), fp: string(fingerprint) };
        const refused = await table.put(item, { text: 'attribute_not_exists(p)' });
        return refused?.old === undefined ? fingerprint : stringAt(refused.old, 'fp');
      },
    },
  };
}
