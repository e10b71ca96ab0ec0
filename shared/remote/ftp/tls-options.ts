import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { FtpServer } from '../../config/config.ts';
import { InvalidInput } from '../../failure.ts';

/**
 * One context for the control connection and all data connections, and the same name on each: servers want a data
 * connection to resume the session of the control connection (vsftpd `require_ssl_reuse`), and Node resumes it for
 * the same name only.
 */
export function tlsOptions({ host, tls }: FtpServer, ca: string | undefined): ConnectionOptions {
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  try {
    return {
      host,
      ...(serverName === undefined ? {} : { servername: serverName }),
      rejectUnauthorized: tls.verify,
      secureContext: contextOf(tls, ca),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidInput(`The TLS settings of ${host} cannot be used: ${reason}`, {
      cause: error,
      advice: 'Check `tls.ca` (a PEM certificate) and `tls.ciphers` (OpenSSL names).',
    });
  }
}

/** The last ones: the certificates of all authorities take 20 ms and more than a megabyte, for each session of a server. */
const contexts = new Map<string, SecureContext>();
const mostContexts = 16;

function contextOf({ minVersion, ciphers }: FtpServer['tls'], ca: string | undefined): SecureContext {
  const key = JSON.stringify([minVersion, ciphers, ca]);
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const context = createSecureContext({
    minVersion,
    ...(ciphers === undefined ? {} : { ciphers: ciphers.join(':') }),
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
  });
  if (contexts.size >= mostContexts) contexts.clear();
  contexts.set(key, context);
  return context;
}
