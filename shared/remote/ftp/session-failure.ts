import { Failure, RemoteProtocol, RemoteUnavailable } from '../../failure.ts';
import { ProbesFailed } from '../probes-failed.ts';
import { OutOfStep } from './out-of-step.ts';
import { DataConnectionFailed } from './passive.ts';
import { printable } from './wire.ts';

/** What ended a session that was logged in. */
export function sessionFailure(error: unknown, address: string): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DataConnectionFailed) return dataConnectionFailure(error, address);
  if (error instanceof OutOfStep) {
    return new ProbesFailed(`${address} does not answer in the order it was asked: ${printable(message)}`, {
      cause: error,
      advice: 'Nothing: it is listed without probes from now on; `probe: off` says so from the start.',
    });
  }
  if (isTimeout(message)) {
    return new RemoteUnavailable('silent', `${address} stopped answering`, {
      cause: error,
      advice: 'Check the network; raise the response time-out if the server is slow.',
    });
  }
  if (error instanceof RangeError) {
    return new RemoteProtocol(`${address} does not keep to FTP: ${message}`, {
      cause: error,
      advice: 'Check that host and port are those of an FTP server.',
    });
  }
  return new RemoteUnavailable('lost', `The session with ${address} broke off: ${printable(message)}`, {
    cause: error,
    advice: 'The next scan tries again; if it happens often, look into the log of the server.',
  });
}

/** As basic-ftp says it. */
export function isTimeout(message: string): boolean {
  return /^timeout|because timeout/i.test(message);
}

/** 421: the server ends the session of its own accord, after it idled or because it shuts down. */
export function serviceEnded(message: string, address: string): RemoteUnavailable {
  return new RemoteUnavailable('lost', `${address} ended the session: ${printable(message)}`, {
    advice: 'The next scan tries again; if it happens often, look into the log of the server.',
  });
}

function dataConnectionFailure(error: DataConnectionFailed, address: string): Failure {
  const advice = 'Open the passive port range of the server in the firewalls between here and there.';
  if (/timeout|ETIMEDOUT/i.test(error.message)) {
    return new RemoteUnavailable('timeout', `${address} takes no data connection: ${error.message}`, {
      cause: error,
      advice,
    });
  }
  return new RemoteUnavailable('refused', `${address} refuses the data connection: ${error.message}`, {
    cause: error,
    advice,
  });
}
