import type { Config, SecretReference, ServerConfig } from '../../shared/config/config.ts';

/** Of Secrets Manager, as far as the configuration names them; sorted, each once. */
export function secretNames(config: Config): readonly string[] {
  const names = [...config.servers.values()]
    .flatMap(references)
    .flatMap(({ source, value }) => (source === 'secret' ? [value] : []));
  return [...new Set(names)].sort();
}

function references(server: ServerConfig): readonly SecretReference[] {
  if (server.protocol === 'local') return [];
  const credentials: readonly SecretReference[] = Object.values(server.auth);
  return server.protocol === 'sftp' || server.tls.ca === undefined
    ? credentials
    : [...credentials, server.tls.ca];
}
