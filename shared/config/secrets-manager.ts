import {
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { InvalidInput, RemoteUnavailable } from '../failure.ts';
import type { SecretReference } from './config.ts';

/** What is read stays good for so long: secrets rotate, and each read costs. */
const keepMs = 300_000;
/** A scanner holds a slot while it waits. */
const answerMs = 10_000;

/** Reads `secret:NAME` from Secrets Manager, once in a while. */
export class SecretsManager {
  readonly #client: SecretsManagerClient;
  readonly #clock: () => number;
  readonly #kept = new Map<string, { readonly value: string; readonly readAt: number }>();
  readonly #seen = new Set<string>();

  constructor(client: SecretsManagerClient, clock: () => number) {
    this.#client = client;
    this.#clock = clock;
  }

  /** `newerThan`: what was read before that moment is read again, for a server that refused it. */
  async read({ source, value }: SecretReference, newerThan = 0): Promise<string> {
    if (source === 'plain') {
      this.#seen.add(value);
      return value;
    }
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
    this.#seen.add(fresh);
    return fresh;
  }

  /** Values that no line of a log may hold: all that were ever read, for a rotated one may be good elsewhere. */
  values(): ReadonlySet<string> {
    return this.#seen;
  }

  async #fetch(name: string): Promise<string> {
    const text = textOf(name, await this.#value(name));
    if (text !== '') return text;
    throw new InvalidInput(`the secret ${name} is empty`, {
      advice: `Store its value: ${storing('put-secret-value --secret-id', name)}`,
    });
  }

  async #value(name: string): Promise<GetSecretValueCommandOutput> {
    const command = new GetSecretValueCommand({ SecretId: name });
    try {
      return await this.#client.send(command, { abortSignal: AbortSignal.timeout(answerMs) });
    } catch (error) {
      throw secretFailure(name, error);
    }
  }
}

/** Without the one line break at the end that files have. */
function textOf(name: string, { SecretString, SecretBinary }: GetSecretValueCommandOutput): string {
  if (SecretString !== undefined) return SecretString.replace(/\r?\n$/, '');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(SecretBinary);
    return text.replace(/\r?\n$/, '');
  } catch (cause) {
    throw new InvalidInput(`the secret ${name} is binary and no text`, {
      cause,
      advice: `Store it as text, a key in PEM or OpenSSH format: ${storing('put-secret-value --secret-id', name)}`,
    });
  }
}

function secretFailure(name: string, error: unknown): InvalidInput | RemoteUnavailable {
  const code = error instanceof Error ? error.name : String(error);
  if (code === 'ResourceNotFoundException') {
    return new InvalidInput(`Secrets Manager has no secret ${name}, or no value of it`, {
      cause: error,
      advice: `Store it in the region of the deployment: ${storing('create-secret --name', name)}`,
    });
  }
  if (code === 'InvalidRequestException') {
    return new InvalidInput(`the secret ${name} is about to be deleted`, {
      cause: error,
      advice: `Keep it: aws secretsmanager restore-secret --secret-id ${name}`,
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

function storing(command: string, name: string): string {
  return `aws secretsmanager ${command} ${name} --secret-string file://…`;
}
