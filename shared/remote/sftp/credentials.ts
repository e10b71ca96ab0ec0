import parser from 'ssh2/lib/protocol/keyParser.js';
import type { SftpServer } from '../../config/config.ts';
import { InvalidInput } from '../../failure.ts';

export interface SftpCredentials {
  readonly password?: string;
  readonly privateKey?: string | Buffer;
  readonly passphrase?: string;
}

/**
 * Throws InvalidInput for a key that cannot be used, before any connection is made. Returns the type of the key, e.g.
 * `ssh-ed25519`, or undefined for a password.
 */
export function checkCredentials(server: SftpServer, credentials: SftpCredentials): string | undefined {
  const { password, privateKey, passphrase } = credentials;
  if (privateKey === undefined) {
    if (password !== undefined) return undefined;
    throw new InvalidInput(`Server "${server.name}" has neither a password nor a private key`, {
      advice: 'Give auth.password or auth.privateKey.',
    });
  }
  const [key = new Error('no key')] = [parser.parseKey(privateKey, passphrase)].flat();
  if (key instanceof Error) throw unusableKey(server, key, passphrase);
  if (!key.isPrivateKey()) {
    throw new InvalidInput(`The key of server "${server.name}" is a public key`, {
      advice: 'Name the file without ".pub" in auth.privateKey.',
    });
  }
  return key.type;
}

function unusableKey(server: SftpServer, error: Error, passphrase: string | undefined): InvalidInput {
  const what = `The private key of server "${server.name}" cannot be used`;
  if (/no passphrase/i.test(error.message)) {
    return new InvalidInput(`${what}: it is encrypted`, {
      advice: 'Give its passphrase in auth.passphrase.',
    });
  }
  if (
    /bad passphrase|bad decrypt|integrity|incorrect passphrase/i.test(error.message) &&
    passphrase !== undefined
  ) {
    return new InvalidInput(`${what}: the passphrase is wrong`, { advice: 'Check auth.passphrase.' });
  }
  return new InvalidInput(`${what}: it is in no format that is known`, {
    advice: 'Give a private key in OpenSSH, PEM or PuTTY format in auth.privateKey.',
  });
}
