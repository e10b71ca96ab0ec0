import * as z from 'zod';
import type { ServerConfig } from './config.ts';

/**
 * What a watch's state is about. While it stays the same, a change of the configuration is one of scope; another one
 * is another tree, hence a new epoch (protocol rule 12). FTP with and without TLS shows the same files: one family.
 */
export function epochIdentity(server: ServerConfig, root: string): string {
  if (server.protocol === 'local') return JSON.stringify(['local', root]);
  const family = server.protocol === 'sftp' ? 'sftp' : 'ftp';
  return JSON.stringify([family, server.host.toLowerCase(), server.port, server.username, root]);
}

/** Who shares one allowance of sessions: host, port and user, whatever names the configuration gives them. */
export function slotKey(server: ServerConfig): string {
  if (server.protocol === 'local') return `local:${server.name}`;
  return remoteSlotKey(server.host.toLowerCase(), server.port, server.username);
}

const remoteIdentity = z.tuple([z.string(), z.string(), z.number(), z.string(), z.string()]);

/** The same, of a watch that is known to the state, where no configuration is at hand. */
export function slotKeyOf(watch: { readonly server: string; readonly identity: string }): string {
  const remote = remoteIdentity.safeParse(JSON.parse(watch.identity));
  if (!remote.success) return `local:${watch.server}`;
  const [, host, port, username] = remote.data;
  return remoteSlotKey(host, port, username);
}

function remoteSlotKey(host: string, port: number, username: string): string {
  return `${username}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}
