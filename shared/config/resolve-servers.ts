import type { ServerConfig, SftpServer } from './config.ts';
import { slotKey } from './identity.ts';
import { located } from './references.ts';
import type { ParsedServer } from './servers.ts';
import { defaultConnections, defaultPorts } from './servers.ts';

const SECOND = 1000;

export function resolveServers(
  parsed: Readonly<Record<string, ParsedServer>>,
  directory: string,
): ReadonlyMap<string, ServerConfig> {
  return withSharedLimits(
    new Map(Object.entries(parsed).map(([name, server]) => [name, resolveServer(name, server, directory)])),
  );
}

function resolveServer(name: string, server: ParsedServer, directory: string): ServerConfig {
  const base = {
    name,
    connectTimeoutMs: server.connectTimeout ?? 20 * SECOND,
    responseTimeoutMs: server.responseTimeout ?? 30 * SECOND,
    idleTimeoutMs: server.idleTimeout ?? 60 * SECOND,
  };
  if (server.protocol === 'local') {
    return {
      ...base,
      protocol: server.protocol,
      connections: server.connections ?? defaultConnections.local,
    };
  }
  const remote = {
    ...base,
    connections: server.connections ?? defaultConnections.remote,
    host: server.host,
    username: server.username,
  };
  if (server.protocol === 'sftp') {
    return {
      ...remote,
      protocol: server.protocol,
      port: server.port ?? defaultPorts.sftp,
      auth: sftpAuth(server.auth, directory),
      hostKey: server.hostKey ?? 'trust-on-first-use',
      ...(server.ciphers && { ciphers: server.ciphers }),
      ...(server.keyExchange && { keyExchange: server.keyExchange }),
    };
  }
  const tls = server.protocol === 'ftp' ? undefined : server.tls;
  return {
    ...remote,
    protocol: server.protocol,
    port: server.port ?? defaultPorts[server.protocol],
    auth: { password: located(server.auth.password, directory) },
    timezone: server.timezone ?? 'UTC',
    separateTransferHost: server.separateTransferHost ?? false,
    probe: server.probe ?? 'auto',
    tls: {
      verify: tls?.verify ?? true,
      minVersion: tls?.minVersion ?? 'TLSv1.2',
      ...(tls?.ca && { ca: located(tls.ca, directory) }),
      ...(tls?.serverName && { serverName: tls.serverName }),
      ...(tls?.ciphers && { ciphers: tls.ciphers }),
    },
  };
}

type Sftp = Extract<ParsedServer, { protocol: 'sftp' }>;

function sftpAuth({ password, privateKey, passphrase }: Sftp['auth'], directory: string): SftpServer['auth'] {
  if (privateKey !== undefined) {
    return {
      privateKey: located(privateKey, directory),
      ...(passphrase && { passphrase: located(passphrase, directory) }),
    };
  }
  if (password === undefined) throw new TypeError('consistency.ts lets no login without a secret pass');
  return { password: located(password, directory) };
}

/** One account has one allowance of sessions, and of two numbers the lower is polite. */
function withSharedLimits(servers: ReadonlyMap<string, ServerConfig>): ReadonlyMap<string, ServerConfig> {
  const allowances = new Map<string, number>();
  for (const server of servers.values()) {
    const allowance = allowances.get(slotKey(server)) ?? server.connections;
    allowances.set(slotKey(server), Math.min(allowance, server.connections));
  }
  return new Map(
    [...servers].map(([name, server]) => [
      name,
      { ...server, connections: allowances.get(slotKey(server)) ?? server.connections },
    ]),
  );
}
