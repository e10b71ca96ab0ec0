import { resolve } from 'node:path';
import type { SecretReference } from './config.ts';
import type { Refusal } from './values.ts';
import { text } from './values.ts';

const REFERENCE = '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|secret:.+|plain:[\\s\\S]*)$';

export const REFERENCE_FORMS =
  'env:NAME (an environment variable), file:PATH, secret:NAME or, in the clear against all advice, plain:VALUE';

/** A refusal never repeats the text: it is most likely the secret itself. */
export function parseReference(value: string): { readonly value: SecretReference } | Refusal {
  const [, source, rest = ''] = /^(env|file|secret|plain):([\s\S]*)$/.exec(value) ?? [];
  if (source === 'plain') return { value: { source, value: rest } };
  if (source === 'env') {
    return /^[A-Za-z_][A-Za-z0-9_]*$/.test(rest)
      ? { value: { source, value: rest } }
      : { refusal: 'env: is followed by the name of an environment variable: letters, digits and _' };
  }
  if (source === 'file') {
    return rest !== '' && !/[\0\r\n]/.test(rest)
      ? { value: { source, value: rest } }
      : { refusal: 'file: is followed by the path of a file, relative to the configuration' };
  }
  if (source === 'secret') {
    return isSecretName(rest)
      ? { value: { source, value: rest } }
      : {
          refusal:
            'secret: is followed by a name like farwatch/partner-a: letters, digits and /_+=.@-, no ..',
        };
  }
  return { refusal: `a secret is never written here itself; write ${REFERENCE_FORMS}` };
}

/** What Secrets Manager accepts and what cannot leave the directory of the local home. */
export function isSecretName(value: string): boolean {
  return (
    /^[A-Za-z0-9/_+=.@-]{1,512}$/.test(value) &&
    value.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

export function reference() {
  return text(parseReference, {
    pattern: REFERENCE,
    otherwise: (input) =>
      input === undefined ? undefined : `a secret is never written here itself; write ${REFERENCE_FORMS}`,
  });
}

/** A reference, or text that need not be secret and stands for itself. */
export function referenceOr(accept: (plain: string) => Refusal | undefined) {
  return text((value) => {
    if (/^(env|file|secret|plain):/.test(value)) return parseReference(value);
    return accept(value) ?? { value: { source: 'plain', value } satisfies SecretReference };
  });
}

/** With the path of a `file:` made absolute. */
export function located(reference: SecretReference, directory: string): SecretReference {
  return reference.source === 'file'
    ? { source: 'file', value: resolve(directory, reference.value) }
    : reference;
}
