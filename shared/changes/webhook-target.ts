import type { SecretReference } from '../config/config.ts';
import { InvalidInput } from '../failure.ts';

export interface WebhookTarget {
  /** Never shown whole: path and query of a webhook are often its only secret. */
  readonly url: URL;
  readonly headers: Headers;
  /** What no message may hold. */
  readonly secrets: readonly string[];
}

export interface WebhookReferences {
  readonly url: SecretReference;
  readonly headers: Readonly<Record<string, SecretReference>>;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

/** Throws InvalidInput for a URL or a header that no request can have, and whatever `readSecret` throws. */
export async function readTarget(references: WebhookReferences): Promise<WebhookTarget> {
  const url = webhookUrl(await references.readSecret(references.url));
  const headers = new Headers({ 'content-type': 'application/json', 'user-agent': 'farwatch' });
  const secrets = [`${url.pathname}${url.search}`];
  for (const [name, reference] of Object.entries(references.headers)) {
    const value = await references.readSecret(reference);
    setHeader(headers, name, value);
    secrets.push(value, value.replace(/^(Bearer|Basic) /i, ''));
  }
  return { url, headers, secrets: secrets.filter((secret) => secret.length >= 4) };
}

export function sameTarget(a: WebhookTarget, b: WebhookTarget): boolean {
  return a.url.href === b.url.href && JSON.stringify([...a.headers]) === JSON.stringify([...b.headers]);
}

function webhookUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new InvalidInput('the webhook has no valid address', {
      advice: 'Set `url` of the output to an address that begins with https:// (or http://).',
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidInput(`the address of the webhook at ${url.origin} holds a user name or password`, {
      advice: 'Move it to `headers: { Authorization: env:NAME }` with the value `Basic …`.',
    });
  }
  return url;
}

/** Without the TypeError as cause: its message shows the value. */
function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    throw new InvalidInput(`the header ${JSON.stringify(name)} of a webhook cannot be sent`, {
      advice: 'Its name may have letters, digits and dashes; its value must be one line of Latin-1 text.',
    });
  }
}
