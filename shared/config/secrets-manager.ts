import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { InvalidInput, RemoteUnavailable } from '../failure.ts';
import type { SecretReference } from './config.ts';

/** What is read stays good for so long: secrets rotate, and each read costs. */
const keepMs = 300_000;

/** Reads `secret:NAME` from Secrets Manager, once in a while. */
export class SecretsManager {
  readonly #client: SecretsManagerClient;
  readonly #clock: () => number;
  readonly #kept = new Map<string, { readonly value: string; readonly readAt: number }>();

  constructor(client: SecretsManagerClient, clock: () => number) {
    this.#client = client;
    this.#clock = clock;
  }

  /** `newerThan`: what was read before that moment is read again, for a server that refused it. */
  async read({ source, value }: SecretReference, newerThan = 0): Promise<string> {
    if (source === 'plain') return value;
    if (source !== 'secret') {
      throw new InvalidInput(`${source}: references cannot be read on AWS`, {
        advice: 'Store the secret in Secrets Manager, write secret:NAME, and deploy again.',
      });
    }
    const kept = this.#kept.get(value);
    if (kept !== undefined && kept.readAt > Math.max(this.#clock() - keepMs, newerThan)) return kept.value;
    const readAt = this.#clock();
    const fresh = await this.#fetch(value);
    this.#kept.set(value, { value: fresh, readAt });
    return fresh;
  }

  /** Values that no line of a log may hold. */
  values(): ReadonlySet<string> {
    return new Set([...this.#kept.values()].map(({ value }) => value));
  }

  async #fetch(name: string): Promise<string> {
    try {
      const { SecretString, SecretBinary } = await this.#client.send(
        new GetSecretValueCommand({ SecretId: name }),
      );
      const text = SecretString ?? (SecretBinary && Buffer.from(SecretBinary).toString('utf8'));
      if (text !== undefined && text !== '') return text.replace(/\r?\n$/, '');
    } catch (error) {
      throw secretFailure(name, error);
    }
    throw new InvalidInput(`the secret ${name} is empty`, { advice: `Store its value: ${storing(name)}` });
  }
}

function secretFailure(name: string, error: unknown): InvalidInput | RemoteUnavailable {
  const code = error instanceof Error ? error.name : String(error);
  if (code === 'ResourceNotFoundException') {
    return new InvalidInput(`Secrets Manager has no secret ${name}`, {
      cause: error,
      advice: `Store it in the region of the deployment: ${storing(name)}`,
    });
  }
  if (code === 'AccessDeniedException' || code === 'DecryptionFailure') {
    return new InvalidInput(`the secret ${name} may not be read (${code})`, {
      cause: error,
      advice:
        'Deploy again after naming it in the configuration; a key of your own must let the scanner decrypt.',
    });
  }
  return new RemoteUnavailable('lost', `Secrets Manager did not answer for ${name} (${code})`, {
    cause: error,
  });
}

function storing(name: string): string {
  return `aws secretsmanager create-secret --name ${name} --secret-string file://…`;
}
