import type { Duplex } from 'node:stream';
import { type Failure, RemoteProtocol, RemoteUnavailable } from '../../failure.ts';
import {
  decodeReply,
  encodeInit,
  encodeRequest,
  malformed,
  type Reply,
  type RequestType,
  requestLength,
} from './codec.ts';
import { PacketReader } from './packet-reader.ts';

interface Pending {
  readonly answer: (reply: Reply) => void;
  readonly fail: (failure: Failure) => void;
}

interface PipelineOptions {
  /** For messages: whose stream it is, e.g. `host:port`. */
  readonly address: string;
  readonly responseTimeoutMs: number;
  /** Called once, when the stream is of no more use. */
  readonly onFailure: (failure: Failure) => void;
  /** Runs what writes to the stream, all of whose bytes then leave together. */
  readonly inOneWrite?: (write: () => void) => void;
}

/** Of requests that wait for the end of the turn, at first. */
const usualUnsent = 4_096;

/**
 * Requests and replies of one SFTP channel, any number of them under way. Each request ends in exactly one call of
 * `answer` or `fail`, also when the channel dies: ssh2 alone never answers what is sent after the close (ssh2 #1490).
 */
export class SftpPipeline {
  readonly #stream: Duplex;
  readonly #options: PipelineOptions;
  readonly #packets = new PacketReader();
  readonly #pending = new Map<number, Pending>();
  #silence: NodeJS.Timeout;
  /** By `performance.now()`: when the server was last heard, or asked after it had answered all. */
  #heardAt = performance.now();
  #started: Pending | undefined;
  #unsent = Buffer.allocUnsafe(usualUnsent);
  #unsentLength = 0;
  #lastId = 0;
  #failure: Failure | undefined;

  constructor(stream: Duplex, options: PipelineOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#silence = setTimeout(() => this.#onTimer(), options.responseTimeoutMs);
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', (error) => this.#onEnd(error));
    stream.on('end', () => this.#onEnd());
    stream.on('close', () => this.#onEnd());
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Agrees on version 3; nothing may be sent before. `greeted`: our first packet is on its way. */
  async start(greeted = false): Promise<void> {
    const reply = await new Promise<Reply>((answer, fail) => {
      this.#started = { answer, fail };
      if (!greeted) this.#stream.write(encodeInit());
    });
    if (reply.type !== 'version' || reply.version !== 3) {
      const spoken = reply.type === 'version' ? `version ${reply.version}` : `a ${reply.type} reply`;
      throw this.fail(
        new RemoteProtocol(`${this.#options.address} answers ${spoken} where SFTP version 3 is asked for`, {
          advice: 'Ask the owner of the server for SFTP version 3, which every client speaks.',
        }),
      );
    }
  }

  send(type: RequestType, text: Uint8Array, pending: Pending): void {
    if (this.#failure !== undefined) {
      pending.fail(this.#failure);
      return;
    }
    this.#lastId = (this.#lastId + 1) >>> 0;
    if (this.#pending.size === 0) this.#heardAt = performance.now();
    this.#pending.set(this.#lastId, pending);
    const at = this.#roomFor(requestLength(text));
    encodeRequest(this.#unsent, at, type, this.#lastId, text);
  }

  ask(type: RequestType, text: Uint8Array): Promise<Reply> {
    return new Promise((answer, fail) => this.send(type, text, { answer, fail }));
  }

  /** Ends the pipeline for this reason, unless it has failed already; returns the reason that stands. */
  fail(failure: Failure): Failure {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = failure;
    clearTimeout(this.#silence);
    this.#unsentLength = 0;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#started?.fail(failure);
    for (const { fail } of pending) fail(failure);
    this.#options.onFailure(failure);
    return failure;
  }

  /** All requests of one turn of the event loop travel in one write: a system call each is most of ssh2's cost. */
  #roomFor(length: number): number {
    const at = this.#unsentLength;
    this.#unsentLength += length;
    if (this.#unsentLength > this.#unsent.length) {
      const larger = Buffer.allocUnsafe(2 * this.#unsentLength);
      larger.set(this.#unsent.subarray(0, at));
      this.#unsent = larger;
    }
    if (at === 0) setImmediate(() => this.#send());
    return at;
  }

  #send(): void {
    if (this.#unsentLength === 0 || this.#failure !== undefined) return;
    // Copied: the channel may keep it until the server's window has room.
    const bytes = Buffer.from(this.#unsent.subarray(0, this.#unsentLength));
    this.#unsentLength = 0;
    const { inOneWrite = (write) => write() } = this.#options;
    inOneWrite(() => this.#stream.write(bytes));
  }

  #onData(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#heardAt = performance.now();
    try {
      for (const packet of this.#packets.push(chunk)) this.#onPacket(packet);
    } catch (error) {
      if (!(error instanceof RemoteProtocol)) throw error;
      this.fail(error);
    }
  }

  #onPacket(packet: Buffer): void {
    const reply = decodeReply(packet);
    const pending = reply.type === 'version' ? this.#started : this.#pending.get(reply.id);
    if (pending === undefined) throw malformed('a reply that nobody asked for', packet);
    if (reply.type === 'version') this.#started = undefined;
    else this.#pending.delete(reply.id);
    try {
      pending.answer(reply);
    } catch (error) {
      // Names are read by who asked for them, and may break off.
      if (!(error instanceof RemoteProtocol)) throw error;
      pending.fail(this.fail(error));
    }
  }

  /** Cheaper than a timer that begins anew with whatever is heard. */
  #onTimer(): void {
    const left = this.#heardAt + this.#options.responseTimeoutMs - performance.now();
    const isWaiting = this.#pending.size > 0 || this.#started !== undefined;
    if (left <= 0 && isWaiting) this.#onSilence();
    else
      this.#silence = setTimeout(
        () => this.#onTimer(),
        left > 0 ? Math.ceil(left) : this.#options.responseTimeoutMs,
      );
  }

  #onSilence(): void {
    const { address, responseTimeoutMs } = this.#options;
    this.fail(
      new RemoteUnavailable('silent', `${address} has not answered for ${responseTimeoutMs / 1000} s`, {
        advice: 'Check the network and the server; raise the response time-out if the server is slow.',
      }),
    );
  }

  #onEnd(cause?: Error): void {
    this.fail(
      new RemoteUnavailable('lost', `${this.#options.address} ended the SFTP session`, {
        cause,
        advice: 'Nothing to do if it was restarted; else look into its log.',
      }),
    );
  }
}
