import { escapeControls } from './stdout-readable.ts';
import type { WebhookTarget } from './webhook-target.ts';

export type Verdict =
  | { readonly taken: true }
  | {
      readonly taken: false;
      /** Whether the same request may succeed later. */
      readonly retry: boolean;
      readonly message: string;
      readonly advice: string;
    };

const sampleBytes = 65_536;
const sampleLength = 200;

/** Reads the answer to its end, so that its connection can be used again, or up to a bound. */
export async function judge(response: Response, target: WebhookTarget): Promise<Verdict> {
  const { status } = response;
  const body = await readSample(response);
  if (response.ok) return { taken: true };
  const sample = escapeControls(withoutSecrets(body.trim(), target.secrets)).slice(0, sampleLength);
  return {
    taken: false,
    retry: status === 408 || status === 425 || status === 429 || status >= 500,
    message: `the webhook at ${target.url.origin} answered ${status}${sample === '' ? '' : `: ${sample}`}`,
    advice: adviceFor(status),
  };
}

/** RFC 9110, 10.2.3: seconds or a date. 0 where absent, past or unreadable. */
export function retryAfterMs(headers: Headers, now: number): number {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}

function adviceFor(status: number): string {
  if (status >= 300 && status < 400) {
    return 'Set `url` of the output to the final address: a redirect elsewhere is not followed, for it would hand over credentials and changes.';
  }
  if (status === 401 || status === 403) return 'Check the secret behind `headers` of the output.';
  if (status === 404 || status === 405 || status === 410) return 'Check `url` of the output.';
  if (status === 413) return 'Lower `maxBatch` of the output, or let the receiver take larger requests.';
  if (status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429) {
    return 'The receiver does not like the request: see its answer, and that it expects {"version":1,"changes":[…]}.';
  }
  return 'The receiver is overloaded or broken: see its own log. The changes wait and are sent again.';
}

async function readSample(response: Response): Promise<string> {
  if (response.body === null) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of response.body) {
      parts.push(part);
      length += part.length;
      if (length >= sampleBytes) break;
    }
  } catch {
    // The status has said what counts; a body that breaks off is only a shorter sample.
  }
  return Buffer.concat(parts).subarray(0, sampleBytes).toString('utf8');
}

/** Some receivers echo the request in their error pages. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
}
