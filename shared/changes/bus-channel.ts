import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { PublishFailed } from '../failure.ts';
import type { Change, Notice } from './change.ts';
import type { Channel } from './channel.ts';
import { messageJson } from './message-json.ts';
import { packs } from './packs.ts';

export interface BusOptions {
  readonly client: EventBridgeClient;
  /** Name or ARN. */
  readonly bus: string;
}

/** Of one PutEvents request: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
const limits = { count: 10, bytes: 256 * 1_024 };
/** An entry's fixed part: its time counts 14 bytes, its source and detail type as they are. */
const overheadBytes = 100;
const requestsAtOnce = 5;

const verbs = { created: 'Created', modified: 'Modified', deleted: 'Deleted', moved: 'Moved' } as const;
const nouns = { file: 'File', directory: 'Directory' } as const;

export function detailType({ kind, type }: Pick<Change, 'kind' | 'type'>): string {
  return `${nouns[kind]} ${verbs[type]}`;
}

interface Outgoing {
  readonly id: string;
  readonly entry: PutEventsRequestEntry & { readonly Detail: string };
}

/** Puts one event a change on an EventBridge bus. What the bus did not take is named, entry by entry. */
export class BusChannel implements Channel {
  readonly maxBatch = 500;
  readonly #options: BusOptions;

  constructor(options: BusOptions) {
    this.#options = options;
  }

  async send(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const outgoing = changes.map((change) => ({
      id: change.id,
      entry: this.#entry(detailType(change), change, change.detectedAt),
    }));
    const failed: string[] = [];
    let reason: unknown;
    const rest = packs(
      outgoing,
      limits,
      ({ entry }) => Buffer.byteLength(entry.Detail) + overheadBytes,
    ).values();
    const sender = async () => {
      for (const pack of rest) {
        try {
          const refused = await this.#put(pack, signal);
          failed.push(...refused.ids);
          reason ??= refused.reason;
        } catch (error) {
          failed.push(...pack.map(({ id }) => id));
          reason ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: requestsAtOnce }, sender));
    if (failed.length > 0) throw this.#refusal(failed, reason);
  }

  async notify(notice: Notice, signal: AbortSignal): Promise<void> {
    const entry = this.#entry(notice.type, notice, notice.at);
    const { ids, reason } = await this.#put([{ id: notice.type, entry }], signal);
    if (ids.length > 0) throw this.#refusal([], reason);
  }

  async close(): Promise<void> {}

  #entry(type: string, detail: Change | Notice, at: string): Outgoing['entry'] {
    return {
      EventBusName: this.#options.bus,
      Source: 'farwatch',
      DetailType: type,
      // What a rule makes of it often goes to a queue.
      Detail: messageJson(detail),
      Time: new Date(at),
    };
  }

  async #put(pack: readonly Outgoing[], signal: AbortSignal) {
    const command = new PutEventsCommand({ Entries: pack.map(({ entry }) => entry) });
    const { Entries = [] } = await this.#options.client.send(command, { abortSignal: signal });
    // An answer that says nothing of an entry is no promise to deliver it.
    const refused = pack.flatMap(({ id }, index) => {
      const answer = Entries[index];
      return answer?.EventId === undefined ? [{ id, answer }] : [];
    });
    const first = refused[0]?.answer;
    const reason = first ? `${first.ErrorCode}: ${first.ErrorMessage ?? ''}` : 'no answer for some of them';
    return { ids: refused.map(({ id }) => id), reason: refused.length > 0 ? reason : undefined };
  }

  #refusal(ids: readonly string[], reason: unknown): PublishFailed {
    const why = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
    return new PublishFailed(`the bus ${this.#options.bus} did not take every event: ${why}`, ids, {
      cause: reason,
      advice: 'Check that the bus exists, the limits of PutEvents in this account, and what the role may do.',
    });
  }
}
