import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import { PublishFailed } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { Change, Notice } from './change.ts';
import type { Channel } from './channel.ts';
import { judge, retryAfterMs } from './webhook-answer.ts';
import { readTarget, sameTarget, type WebhookReferences, type WebhookTarget } from './webhook-target.ts';

export interface WebhookOptions extends WebhookReferences {
  readonly timeoutMs: number;
  readonly maxBatch: number;
  readonly log: Logger;
  readonly pace?: WebhookPace;
}

/** Waits double from `firstMs` to `longestMs`, each with a random part so that many senders do not come at once. */
export interface WebhookPace {
  readonly retries: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

interface Delivery {
  readonly body: string;
  readonly idempotencyKey: string;
  readonly ids: readonly string[];
  readonly signal: AbortSignal;
}

const usualPace: WebhookPace = { retries: 5, firstMs: 1_000, longestMs: 30_000 };
/** A Retry-After beyond it is cut: an hour's silence should show as failures, not as patience. */
const longestRetryAfterMs = 600_000;
const mostRedirects = 5;

/** POSTs `{"version":1,"changes":[…]}`; any 2xx means that the receiver has them. */
export class WebhookChannel implements Channel {
  readonly maxBatch: number;
  readonly #options: WebhookOptions;
  #target: WebhookTarget;
  #notBefore = 0;

  private constructor(options: WebhookOptions, target: WebhookTarget) {
    this.maxBatch = options.maxBatch;
    this.#options = options;
    this.#target = target;
  }

  static async open(options: WebhookOptions): Promise<WebhookChannel> {
    return new WebhookChannel(options, await readTarget(options));
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const ids = changes.map((change) => change.id);
    await this.#deliver({
      body: JSON.stringify({ version: 1, changes }),
      idempotencyKey: keyOf(ids),
      ids,
      signal,
    });
  }

  async notify(notice: Notice, signal: AbortSignal): Promise<void> {
    await this.#deliver({
      body: JSON.stringify({ version: 1, notices: [notice] }),
      idempotencyKey: keyOf([notice.type, notice.tenant, notice.server, notice.watch ?? '', notice.at]),
      ids: [],
      signal,
    });
  }

  async close(): Promise<void> {}

  async #deliver(delivery: Delivery): Promise<void> {
    const { retries, firstMs, longestMs } = this.#options.pace ?? usualPace;
    try {
      await pRetry(() => this.#attempt(delivery), {
        retries,
        minTimeout: firstMs,
        maxTimeout: longestMs,
        randomize: true,
        signal: delivery.signal,
        onFailedAttempt: ({ error, attemptNumber, retriesLeft }) =>
          this.#options.log.debug({ attemptNumber, retriesLeft }, error.message),
      });
    } catch (error) {
      if (error instanceof PublishFailed || !delivery.signal.aborted) throw error;
      throw this.#stopped(delivery, error);
    }
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const wait = this.#notBefore - Date.now();
    if (wait > 0) await delay(wait, undefined, { signal: delivery.signal });
    let response = await this.#post(delivery);
    if ((response.status === 401 || response.status === 403) && (await this.#refreshTarget(delivery))) {
      await response.body?.cancel();
      response = await this.#post(delivery);
    }
    const verdict = await judge(response, this.#target);
    if (verdict.taken) return;
    const failure = new PublishFailed(verdict.message, delivery.ids, { advice: verdict.advice });
    if (!verdict.retry) throw new AbortError(failure);
    const now = Date.now();
    this.#notBefore = now + Math.min(retryAfterMs(response.headers, now), longestRetryAfterMs);
    throw failure;
  }

  /** Follows only redirects that keep method and origin: headers and changes are for that origin alone. */
  async #post(delivery: Delivery): Promise<Response> {
    const target = this.#target;
    let url = target.url;
    for (let hops = 0; ; hops += 1) {
      const response = await this.#fetch(url, delivery);
      const location = response.headers.get('location');
      if ((response.status !== 307 && response.status !== 308) || location === null) return response;
      const next = URL.parse(location, url.href);
      if (next?.origin !== target.url.origin || hops === mostRedirects) return response;
      await response.body?.cancel();
      url = next;
    }
  }

  async #fetch(url: URL, delivery: Delivery): Promise<Response> {
    const { body, idempotencyKey, ids, signal } = delivery;
    const headers = new Headers(this.#target.headers);
    headers.set('idempotency-key', idempotencyKey);
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      return await fetch(url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout]),
      });
    } catch (error) {
      if (signal.aborted) throw new AbortError(this.#stopped(delivery, error));
      const why = timeout.aborted ? `no answer within ${this.#options.timeoutMs} ms` : networkReason(error);
      throw new PublishFailed(`the webhook at ${url.origin} cannot be reached: ${why}`, ids, {
        cause: error,
        advice: 'Check `url` of the output and that the receiver runs; the changes wait and are sent again.',
      });
    }
  }

  /** Reads the secrets again; false when nothing is new, and asking again would only look like an attack. */
  async #refreshTarget({ ids }: Delivery): Promise<boolean> {
    const before = this.#target;
    try {
      this.#target = await readTarget(this.#options);
    } catch (error) {
      const failure = new PublishFailed(`the webhook at ${before.url.origin} refuses our credentials`, ids, {
        cause: error,
        advice: `They cannot be read again either: ${error instanceof Error ? error.message : String(error)}`,
      });
      throw new AbortError(failure);
    }
    return !sameTarget(before, this.#target);
  }

  #stopped({ ids }: Delivery, cause: unknown): PublishFailed {
    return new PublishFailed(
      `stopped before the webhook at ${this.#target.url.origin} had the changes`,
      ids,
      {
        cause,
        advice: 'Start again: these changes are delivered then.',
      },
    );
  }
}

function keyOf(parts: readonly string[]): string {
  return hash('sha256', parts.join('\n'), 'hex');
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (!(cause instanceof Error)) return error.message;
  // Both addresses of a name refused: an AggregateError with a code and no message.
  return cause.message !== '' ? cause.message : 'code' in cause ? String(cause.code) : cause.name;
}
