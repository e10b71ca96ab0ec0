import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

/**
 * What happens to a request on its way. `refuse`: the service does not take the entries that hold this text, and says so
 * in an answer that is otherwise a success. `lose the answer`: the service does its work, and nobody hears of it.
 */
export type Fault =
  | { readonly refuse: string }
  | 'lose the answer'
  | 'throttle'
  | 'denied'
  | 'unavailable'
  | 'no answer'
  | 'empty answer';

export interface FaultyWire {
  readonly endpoint: string;
  /** The operations asked for, e.g. `AmazonSQS.SendMessageBatch`, in order, repeats of the SDK included. */
  readonly requests: readonly string[];
  /** For the requests to come: one each, then none; a single one is for all. */
  faults: readonly (Fault | undefined)[] | Fault | undefined;
  close(): Promise<void>;
}

const batch = z.looseObject({ Entries: z.array(z.looseObject({ Id: z.string().optional() })) });
const answer = z.looseObject({
  Entries: z.array(z.unknown()).optional(),
  Successful: z.array(z.unknown()).optional(),
  Failed: z.array(z.unknown()).optional(),
});

/** Stands between a client of the SDK and the service, and hurts what passes: on the wire, where it happens. */
export async function startFaultyWire(service: string): Promise<FaultyWire> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => {
      if (!response.destroyed) response.writeHead(500).end(String(error));
    });
  });
  const wire = {
    endpoint: '',
    requests,
    faults: undefined as FaultyWire['faults'],
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  function nextFault(): Fault | undefined {
    const { faults } = wire;
    if (!isList(faults)) return faults;
    const [next, ...rest] = faults;
    wire.faults = rest;
    return next;
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    requests.push(String(request.headers['x-amz-target']));
    const fault = nextFault();
    switch (fault) {
      case 'no answer':
        return;
      case 'unavailable':
        return void response.writeHead(503).end('<html>Service Unavailable</html>');
      case 'throttle':
        return refuse(response, 400, 'ThrottlingException');
      case 'denied':
        return refuse(response, 400, 'AccessDeniedException');
      case 'empty answer':
        return void response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
      case 'lose the answer':
        await forward(service, request, body);
        return void request.socket.destroy();
      case undefined:
        return relay(response, await forward(service, request, body));
      default:
        return takeSome(request, response, body, fault.refuse);
    }
  }

  async function takeSome(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    text: string,
  ): Promise<void> {
    const { Entries, ...rest } = batch.parse(JSON.parse(body.toString()));
    const isRefused = (entry: unknown) => JSON.stringify(entry).includes(text);
    const taken = Entries.filter((entry) => !isRefused(entry));
    const some = Buffer.from(JSON.stringify({ ...rest, Entries: taken }));
    const said = taken.length === 0 ? {} : answer.parse(await (await forward(service, request, some)).json());
    const head = { 'content-type': 'application/x-amz-json-1.0' };
    const why = { Message: 'the wire had enough', ErrorMessage: 'the wire had enough' };
    const kept = [...(said.Entries ?? [])];
    const events = Entries.map((entry) =>
      isRefused(entry) ? { ErrorCode: 'ThrottlingException', ErrorMessage: why.ErrorMessage } : kept.shift(),
    );
    const refused = Entries.filter(isRefused).map(({ Id }) => ({
      Id,
      Code: 'RequestThrottled',
      Message: why.Message,
      SenderFault: false,
    }));
    const isBus = String(request.headers['x-amz-target']).endsWith('.PutEvents');
    const merged = isBus
      ? { FailedEntryCount: refused.length, Entries: events }
      : { Successful: said.Successful ?? [], Failed: [...(said.Failed ?? []), ...refused] };
    response.writeHead(200, head).end(JSON.stringify(merged));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  wire.endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
  return wire;
}

function forward(service: string, request: IncomingMessage, body: Buffer): Promise<Response> {
  return fetch(new URL(request.url ?? '/', service), {
    method: request.method ?? 'POST',
    headers: endToEnd(request.headers),
    body: new Uint8Array(body),
  });
}

function endToEnd(headers: IncomingHttpHeaders): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (['host', 'connection', 'content-length', 'expect'].includes(name)) continue;
    kept.set(name, String(value));
  }
  return kept;
}

async function relay(response: ServerResponse, answered: Response): Promise<void> {
  const type = answered.headers.get('content-type') ?? 'application/x-amz-json-1.0';
  response
    .writeHead(answered.status, { 'content-type': type })
    .end(Buffer.from(await answered.arrayBuffer()));
}

function refuse(response: ServerResponse, status: number, name: string): void {
  const body = JSON.stringify({ __type: name, message: 'Rate exceeded' });
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
}

function isList(faults: FaultyWire['faults']): faults is readonly (Fault | undefined)[] {
  return Array.isArray(faults);
}
