import type { TestServer } from '../servers/test-server.ts';
import type { Home } from './home.ts';

/** The server as its user would write it into farwatch.yaml; secrets go into the environment of `home`. */
export function serverEntry(
  home: Home,
  server: TestServer,
  overrides: Readonly<Record<string, unknown>> = {},
): object {
  const { protocol, host, port, username, password, privateKey, hostKey, ca } = server.config;
  if (password !== undefined) home.env('SERVER_PASSWORD', password);
  if (privateKey !== undefined) home.env('SERVER_KEY', privateKey);
  if (ca !== undefined) home.env('SERVER_CA', ca);
  const auth =
    password === undefined ? { privateKey: 'env:SERVER_KEY' } : { password: 'env:SERVER_PASSWORD' };
  const base = { protocol, host, port, username, auth };
  if (protocol === 'sftp') return { ...base, ...(hostKey === undefined ? {} : { hostKey }), ...overrides };
  const timezone = server.facts.listZone;
  if (protocol === 'ftp') return { ...base, insecure: true, timezone, ...overrides };
  return { ...base, timezone, tls: { ca: 'env:SERVER_CA' }, ...overrides };
}
