import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Counted, type Counter, parseTarget } from './counting.ts';

export interface CountingProxyOptions {
  readonly counter: Counter;
  /** Where requests of a service go. */
  readonly upstream: (service: string) => string;
}

/** A caller's own way to AWS: whatever comes by is its. */
export interface CountedEndpoint {
  readonly endpoint: string;
  /** Milliseconds of `performance.now()` at which at least one of its requests was under way, since the last call. */
  takeBusyMs(): number;
}

/**
 * Stands between clients of AWS and what answers them, and counts what goes through from the requests and the real
 * answers. The code under measurement knows nothing of it.
 */
export class CountingProxy {
  readonly #options: CountingProxyOptions;
  readonly #closing: (() => Promise<void>)[] = [];
  #counted: Counted[] = [];

  constructor(options: CountingProxyOptions) {
    this.#options = options;
  }

  async open(caller: string): Promise<CountedEndpoint> {
    let underWay = 0;
    let since = 0;
    let busyMs = 0;
    const server = createServer((request, response) => {
      if (underWay === 0) since = performance.now();
      underWay += 1;
      response.once('close', () => {
        underWay -= 1;
        if (underWay === 0) busyMs += performance.now() - since;
      });
      this.#handle(caller, request, response).catch((error: unknown) => {
        response.writeHead(502).end(String(error));
      });
    });
    server.keepAliveTimeout = 600_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#closing.push(
      () =>
        new Promise((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    );
    return {
      endpoint: `http://127.0.0.1:${portOf(server.address())}`,
      takeBusyMs() {
        const now = performance.now();
        const taken = busyMs + (underWay === 0 ? 0 : now - since);
        busyMs = 0;
        since = now;
        return taken;
      },
    };
  }

  /** What went through since the last call. */
  take(): readonly Counted[] {
    const taken = this.#counted;
    this.#counted = [];
    return taken;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
  }

  async #handle(caller: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await allOf(request);
    const target = parseTarget(String(request.headers['x-amz-target']));
    const answer = await forward(this.#options.upstream(target.service), request, body);
    this.#counted.push(
      this.#options.counter.count(caller, {
        ...target,
        status: answer.status,
        request: body.toString('utf8'),
        response: answer.body.toString('utf8'),
      }),
    );
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function forward(origin: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  const { hostname, port, host } = new URL(origin);
  return new Promise((resolve, reject) => {
    const upstream = send(
      { hostname, port, method, path: url, headers: { ...headers, host } },
      (response) => {
        allOf(response).then(
          (answer) =>
            resolve({ status: response.statusCode ?? 502, headers: response.headers, body: answer }),
          reject,
        );
      },
    );
    upstream.on('error', reject);
    upstream.end(body);
  });
}

async function allOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return address.port;
}
