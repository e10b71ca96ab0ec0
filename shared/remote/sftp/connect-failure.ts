import { type Failure, InvalidInput, RemoteAuth, RemoteProtocol, RemoteUnavailable } from '../../failure.ts';

/** What is known when a connection fails: the first error that ssh2 or the socket reported, and how far we were. */
export interface ConnectContext {
  readonly address: string;
  readonly username: string;
  readonly stage: 'dial' | 'greeting' | 'login' | 'channel';
  /** Ways of authentication that the server offered when it refused ours. */
  readonly offered: readonly string[];
}

const tooMany = /too many|maximum|max(startups| clients)|exceeded|limit/i;
/** RFC 4253, section 11.1. */
const disconnect = { tooManyConnections: 12, noMoreAuthMethods: 14 } as const;

export function connectFailure(error: Error, context: ConnectContext): Failure {
  switch (context.stage) {
    case 'dial':
      return dialFailure(error, context.address);
    case 'greeting':
      return hungUp(error) ? busy(context.address, error) : loginFailure(error, context);
    case 'login':
      return loginFailure(error, context);
    case 'channel':
      return channelFailure(error, context.address);
  }
}

/**
 * sshd past MaxStartups hangs up before its identification, or says so in a line that is none (RFC 4253, 4.2);
 * mod_sftp past MaxClientsPerUser accepts the login and hangs up at once.
 */
function hungUp(error: Error): boolean {
  const code = propertyOf(error, 'code');
  if (code === 'ECONNRESET' || code === 'EPIPE') return true;
  return /lost before handshake|unexpected (end|close) event|no response from server/i.test(error.message);
}

function dialFailure(error: Error, address: string): Failure {
  const code = propertyOf(error, 'code');
  switch (code) {
    case 'ECONNREFUSED':
      return new RemoteUnavailable('refused', `${address} refuses connections`, {
        cause: error,
        advice: 'Check host and port, and that the SFTP server runs.',
      });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ENODATA':
      return new RemoteUnavailable('unknown-host', `The name of ${address} cannot be resolved`, {
        cause: error,
        advice: 'Check the spelling of the host and the name service.',
      });
    case 'ETIMEDOUT':
      return connectTimeout(address, error);
    default:
      return new RemoteUnavailable(
        'refused',
        `${address} cannot be reached (${typeof code === 'string' ? code : error.message})`,
        {
          cause: error,
          advice: 'Check the network, the route and the firewall.',
        },
      );
  }
}

export function connectTimeout(address: string, cause?: unknown): RemoteUnavailable {
  return new RemoteUnavailable('timeout', `${address} did not complete the connection in time`, {
    cause,
    advice: 'Check the firewall, or raise the connect time-out if the server is slow.',
  });
}

function loginFailure(error: Error, { address, username, offered }: ConnectContext): Failure {
  const { message } = error;
  const level = propertyOf(error, 'level');
  const code = propertyOf(error, 'code');
  if (level === 'client-timeout') return connectTimeout(address, error);
  if (message.startsWith('Unsupported algorithm')) {
    return new InvalidInput(`${message}, asked for with ${address}`, {
      cause: error,
      advice: 'Correct ciphers or keyExchange: names as in OpenSSH, e.g. aes256-gcm@openssh.com.',
    });
  }
  if (
    level === 'client-authentication' ||
    code === disconnect.noMoreAuthMethods ||
    /too many auth/i.test(message)
  ) {
    const ways = offered.length === 0 ? '' : `; it offers ${offered.join(', ')}`;
    return new RemoteAuth('login', `${address} refuses the login of "${username}"${ways}`, {
      cause: error,
      advice:
        'Check username and password or key; Farwatch does not try again by itself, lest the account be locked.',
    });
  }
  if (code === disconnect.tooManyConnections || tooMany.test(message)) return busy(address, error);
  if (level === 'handshake' || level === 'protocol') {
    return new RemoteProtocol(`${address} and Farwatch cannot agree on SSH: ${message}`, {
      cause: error,
      advice:
        'Check that the port is an SSH port; for an old server name its algorithms in ciphers and keyExchange.',
    });
  }
  return new RemoteUnavailable('lost', `${address} ended the connection during the login: ${message}`, {
    cause: error,
    advice: 'Look into the log of the server; it may limit or block this address.',
  });
}

function channelFailure(error: Error, address: string): Failure {
  if (hungUp(error) || tooMany.test(error.message)) return busy(address, error);
  if (/subsystem|channel open failure/i.test(error.message)) {
    return new RemoteProtocol(`${address} accepts the login but offers no SFTP`, {
      cause: error,
      advice: 'Ask the owner of the server to enable the SFTP subsystem for this user.',
    });
  }
  return new RemoteUnavailable('lost', `${address} ended the connection after the login: ${error.message}`, {
    cause: error,
    advice: 'Look into the log of the server.',
  });
}

function busy(address: string, cause: Error): RemoteUnavailable {
  return new RemoteUnavailable('busy', `${address} takes no more sessions at the moment: ${cause.message}`, {
    cause,
    advice: 'Lower "connections" of the server, or end other sessions with it.',
  });
}

/** ssh2 hangs `level` and `code` on plain errors. */
function propertyOf(error: Error, name: 'code' | 'level'): unknown {
  return Reflect.get(error, name);
}
