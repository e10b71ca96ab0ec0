import { Failure, InvalidInput, StateUnusable } from '../../../shared/failure.ts';

const noCredentials = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
]);

const networkErrors = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/** What AWS said, in our words, with what to do about it. Anything else is returned as it is. */
export function deploymentFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof Failure) return error.cause === undefined ? error : (said(error.cause) ?? error);
  return said(error) ?? (isOfAws(error) ? refused(error) : error);
}

function said(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  if (/^Region (is missing|not accepted)/.test(message)) {
    return new InvalidInput(`no usable AWS region: ${firstLine(message)}`, {
      cause: error,
      advice: 'Name it with --region, set AWS_REGION, or give your AWS profile one.',
    });
  }
  if (noCredentials.has(name)) {
    return new InvalidInput(`there are no AWS credentials that are taken: ${firstLine(message)}`, {
      cause: error,
      advice: 'Log in ("aws sso login"), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    });
  }
  if (/^AccessDenied|^AuthorizationError|^NotAuthorized/.test(name)) {
    const action = /not authorized to perform:? ([\w-]+:\w+)/.exec(message)?.[1];
    return new StateUnusable(`access denied: your credentials may not ${action ?? 'do that'}`, {
      cause: error,
      advice: `Have it allowed. AWS says: ${firstLine(message)}`,
    });
  }
  if (isUnanswered(error)) {
    return new StateUnusable(`AWS does not answer: ${firstLine(message) || name}`, {
      cause: error,
      advice: 'Check the network and the region.',
    });
  }
  return undefined;
}

function refused(error: Error): Failure {
  return new StateUnusable(`AWS refused: ${error.name}: ${firstLine(error.message)}`, { cause: error });
}

function isOfAws(error: Error): boolean {
  return '$metadata' in error;
}

function isUnanswered(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return error.name === 'TimeoutError' || (typeof code === 'string' && networkErrors.test(code));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
