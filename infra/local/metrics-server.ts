import { createServer, type RequestListener, type Server } from 'node:http';
import { InvalidInput } from '../../shared/failure.ts';
import type { Metrics } from './metrics.ts';

export interface HealthReport {
  readonly healthy: boolean;
  /** One line each; empty when healthy. */
  readonly reasons: readonly string[];
}

/** What health needs to know of a watch: part of its record in the state. */
export interface WatchPulse {
  readonly key: string;
  readonly nextDueAt: number;
  readonly openScan: number | null;
  readonly paused: boolean;
}

/** A scan that was due `graceMs` ago and has not begun: the scheduler or its worker stands still. */
export function healthOf(watches: readonly WatchPulse[], graceMs: number, now: number): HealthReport {
  const reasons = watches
    .filter((watch) => !watch.paused && watch.openScan === null && watch.nextDueAt + graceMs < now)
    .map(({ key, nextDueAt }) => `the scan of ${key} is overdue since ${new Date(nextDueAt).toISOString()}`);
  return { healthy: reasons.length === 0, reasons };
}

/** Serves /metrics and /health. `address`: PORT (on 127.0.0.1), HOST:PORT or [IPv6]:PORT; port 0 picks one. */
export async function serveMetrics(
  metrics: Metrics,
  address: string,
  health: () => HealthReport | Promise<HealthReport>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { host, port } = parseAddress(address);
  const server = createServer(answer(metrics, health));
  await listen(server, host, port);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(metrics: Metrics, health: () => HealthReport | Promise<HealthReport>): RequestListener {
  return (request, response) => {
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : body);
    const route = async () => {
      const path = request.url?.split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') send(405, 'text/plain', 'GET only\n');
      else if (path === '/metrics') send(200, metrics.contentType, await metrics.text());
      else if (path === '/health') {
        const { healthy, reasons } = await health();
        const status = healthy ? 'ok' : 'failing';
        send(healthy ? 200 : 503, 'application/json', `${JSON.stringify({ status, reasons })}\n`);
      } else send(404, 'text/plain', 'see /metrics and /health\n');
    };
    route().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      send(503, 'application/json', `${JSON.stringify({ status: 'failing', reasons: [reason] })}\n`);
    });
  };
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(address.trim());
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535) {
    throw new InvalidInput(`${JSON.stringify(address)} is no address for the metrics`, {
      advice: 'Give a port (9464), or a host and a port (0.0.0.0:9464, [::1]:9464).',
    });
  }
  return { host: parts[1] ?? parts[2] ?? '127.0.0.1', port };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === 'EADDRINUSE'
          ? 'Another program listens there, perhaps another Farwatch: give --metrics a free port.'
          : 'Give --metrics an address of this machine and a port that you may use (1024 and above).';
      reject(
        new InvalidInput(`metrics cannot be served on ${host}:${port}: ${error.message}`, {
          cause: error,
          advice,
        }),
      );
    });
    server.listen({ host, port }, resolve);
  });
}
