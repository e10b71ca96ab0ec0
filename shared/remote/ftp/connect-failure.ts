import { FTPError } from 'basic-ftp';
import { Failure, RemoteAuth, RemoteProtocol, RemoteUnavailable } from '../../failure.ts';
import { printable } from './wire.ts';

/** How far the connection was when it failed. */
export interface ConnectContext {
  readonly address: string;
  readonly username: string;
  readonly protocol: 'ftp' | 'ftps' | 'ftps-implicit';
  readonly stage: 'dial' | 'tls' | 'login' | 'settings';
}

/**
 * Too many sessions, as vsftpd ("too many connected users", "too many connections"), ProFTPD ("maximum number of
 * clients"), Pure-FTPd ("8 users (the maximum) are already logged in") and OVH ("can't accept more than 3
 * connections") word it; vsftpd and Pure-FTPd by 421, ProFTPD by 530.
 */
const tooMany = /too many|maximum|more than \d+|limit|already logged in|already connected/i;
const badLogin = /attempt|incorrect|invalid|password|authentication|login failed|failed login|wrong/i;
const needsTls = /encrypt|\btls\b|\bssl\b|cleartext|secure/i;

export function connectFailure(error: unknown, context: ConnectContext): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof FTPError) return refusal(error.code, error.message, context);
  const code = codeOf(error);
  if (code !== undefined) {
    const failure = certificateFailure(error, code, context) ?? dialFailure(error, code, context);
    if (failure !== undefined) return failure;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/timeout/i.test(message)) return connectTimeout(context.address, error);
  return new RemoteUnavailable('lost', `${context.address} broke the connection off: ${printable(message)}`, {
    cause: error,
    advice: 'Check host, port and protocol, and that the server takes logins from here.',
  });
}

export function connectTimeout(address: string, cause?: unknown): RemoteUnavailable {
  return new RemoteUnavailable('timeout', `${address} did not complete the connection in time`, {
    cause,
    advice:
      'Check host, port, protocol and the firewall, or raise the connect time-out if the server is slow.',
  });
}

/** A reply that refuses the greeting, AUTH, the login or a setting. */
export function refusal(code: number, message: string, context: ConnectContext): Failure {
  const { address, username, stage } = context;
  const said = printable(message);
  if (needsTls.test(said) && stage === 'login') {
    return new RemoteAuth('login', `${address} takes no logins without TLS: ${said}`, {
      advice: 'Set `protocol: ftps` for this server.',
    });
  }
  if ((code === 421 || code === 120 || tooMany.test(said)) && !badLogin.test(said)) {
    return new RemoteUnavailable('busy', `${address} takes no more sessions: ${said}`, {
      advice: 'Lower `connections` of this server, or ask its operator for more sessions.',
    });
  }
  if (stage === 'login' && (code >= 500 || code === 332 || code === 430 || badLogin.test(said))) {
    return new RemoteAuth('login', `${address} refuses the login of ${username}: ${said}`, {
      advice: 'Check username and password; Farwatch does not try again, so that the account is not locked.',
    });
  }
  if (stage === 'tls') {
    return new RemoteProtocol(`${address} does not offer TLS: ${said}`, {
      advice: 'Ask the operator for FTPS, or set `protocol: ftps-implicit` (usually port 990).',
    });
  }
  return new RemoteUnavailable('refused', `${address} refuses the session: ${said}`, {
    advice: 'Ask the operator of the server what the reply means.',
  });
}

const certificateReasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'is revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'has a name that cannot be read',
};

function certificateFailure(error: unknown, code: string, { address }: ConnectContext): Failure | undefined {
  const reason =
    certificateReasons[code] ?? (/CERT|ISSUER/.test(code) ? `is not accepted (${code})` : undefined);
  if (reason === undefined) return undefined;
  const advice = code.includes('ALTNAME')
    ? 'Set `tls.serverName` to the name in the certificate, if that is the right server.'
    : reason.includes('authority') || reason.includes('self-signed')
      ? 'Set `tls.ca` to the certificate of the authority (or of the server, if it signs its own).'
      : 'Ask the operator of the server to renew the certificate.';
  return new RemoteAuth('certificate', `The certificate of ${address} ${reason}`, { cause: error, advice });
}

function dialFailure(
  error: unknown,
  code: string,
  { address, protocol }: ConnectContext,
): Failure | undefined {
  const options = { cause: error, advice: 'Check host and port, and that the FTP server runs.' };
  if (code === 'ECONNREFUSED') {
    return new RemoteUnavailable('refused', `${address} refuses connections`, options);
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') {
    return new RemoteUnavailable('unknown-host', `The name of ${address} cannot be resolved`, {
      cause: error,
      advice: 'Check the spelling of the host and the name service.',
    });
  }
  if (code === 'ETIMEDOUT') return connectTimeout(address, error);
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return new RemoteUnavailable('refused', `${address} cannot be reached (${code})`, options);
  }
  if (!/SSL|TLS|EPROTO/.test(code)) return undefined;
  return new RemoteProtocol(`${address} and we find no common TLS (${code})`, {
    cause: error,
    advice: `Check that the server speaks \`protocol: ${protocol}\` at this port; else see \`tls.minVersion\` and \`tls.ciphers\`.`,
  });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
