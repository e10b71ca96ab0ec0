import { randomUUID } from 'node:crypto';
import { Fenced } from '../../failure.ts';
import type { KnownHosts } from '../../remote/remote.ts';
import type { Servers, SlotLease, SlotRequest, Slots } from '../state.ts';
import { storedServer } from '../stored.ts';
import { integer, json, text, textOrNull } from './columns.ts';
import type { Database } from './database.ts';

export function sqliteSlots(db: Database): Slots {
  return {
    async acquireSlot(request, now) {
      return db.transaction(() => acquire(db, request, now));
    },
    async renewSlot(lease, until) {
      const renewed = db.run(
        'UPDATE slots SET until = ? WHERE server = ? AND slot = ? AND holder = ?',
        until,
        lease.server,
        lease.slot,
        lease.holder,
      );
      if (renewed === 0) throw new Fenced(`the lease of slot ${lease.slot} of ${lease.server} ran out`);
    },
    async releaseSlot(lease, restUntil) {
      db.run(
        'UPDATE slots SET holder = NULL, rest_until = ? WHERE server = ? AND slot = ? AND holder = ?',
        restUntil,
        lease.server,
        lease.slot,
        lease.holder,
      );
    },
    async takeOverSlots(machine, now) {
      db.run(
        'UPDATE slots SET holder = NULL, rest_until = ?1 WHERE substr(holder, 1, length(?2)) = ?2',
        now + deadHolderRestMs,
        machine,
      );
    },
  };
}

/** For the server to see that the connections of a killed process are closed. */
const deadHolderRestMs = 1_000;

function acquire(db: Database, request: SlotRequest, now: number): SlotLease | { readonly retryAt: number } {
  const rows = db.all('SELECT * FROM slots WHERE server = ?', request.server);
  // A slot above the limit (it was lowered) still counts while its session may live.
  const busyUntil = new Map(
    rows.map((row) => {
      const ranOut = integer(row, 'until') + request.idleTimeoutMs;
      return [integer(row, 'slot'), textOrNull(row, 'holder') === null ? integer(row, 'rest_until') : ranOut];
    }),
  );
  const busy = [...busyUntil.values()].filter((until) => until > now).sort((a, b) => a - b);
  if (busy.length >= request.connections) return { retryAt: busy[busy.length - request.connections] ?? now };
  let slot = 0;
  while ((busyUntil.get(slot) ?? 0) > now) slot += 1;
  const until = now + request.leaseMs;
  const holder = `${request.holder} ${randomUUID()}`;
  db.run(
    `INSERT INTO slots (server, slot, holder, until, rest_until) VALUES (?1, ?2, ?3, ?4, 0)
     ON CONFLICT (server, slot) DO UPDATE SET holder = ?3, until = ?4, rest_until = 0`,
    request.server,
    slot,
    holder,
    until,
  );
  return { server: request.server, slot, holder, until };
}

export function sqliteServers(db: Database): Servers & { readonly knownHosts: KnownHosts } {
  return {
    async server(server) {
      const row = db.get('SELECT record FROM servers WHERE server = ?', server);
      return row && json(row, 'record', storedServer);
    },
    async setServer(server, record) {
      if (record === null) db.run('DELETE FROM servers WHERE server = ?', server);
      else {
        db.run(
          'INSERT INTO servers (server, record) VALUES (?1, ?2) ON CONFLICT (server) DO UPDATE SET record = ?2',
          server,
          JSON.stringify(record),
        );
      }
    },
    knownHosts: {
      async get(address) {
        const row = db.get('SELECT fingerprint FROM known_hosts WHERE address = ?', address);
        return row && text(row, 'fingerprint');
      },
      async remember(address, fingerprint) {
        db.run(
          'INSERT INTO known_hosts (address, fingerprint) VALUES (?, ?) ON CONFLICT DO NOTHING',
          address,
          fingerprint,
        );
        return text(
          db.get('SELECT fingerprint FROM known_hosts WHERE address = ?', address) ?? {},
          'fingerprint',
        );
      },
    },
  };
}
