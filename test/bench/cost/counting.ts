import { z } from 'zod';
import { attributes } from './capacity.ts';
import { Ledger, parseTableRequest } from './ledger.ts';
import { noUnits, type Purpose, Purposes } from './purposes.ts';

export interface Counted {
  /** Which function, and in which of its environments; or what else asked. */
  readonly caller: string;
  readonly service: string;
  readonly operation: string;
  readonly readUnits: number;
  readonly writeUnits: Readonly<Record<Purpose, number>>;
  /** What the answer itself said, of both kinds. */
  readonly reportedUnits: number;
  /** SQS: requests as billed, and the queue's name. Other services: 1. */
  readonly billed: number;
  readonly queue: string | undefined;
  /** Messages received, or entries sent; keys and items of the table's batches. */
  readonly entries: number;
  /** Of events, with their details. */
  readonly bytes: number;
}

export interface Exchange {
  readonly service: string;
  readonly operation: string;
  readonly status: number;
  readonly request: string;
  readonly response: string;
}

const services: Readonly<Record<string, string>> = {
  DynamoDB_20120810: 'DynamoDB',
  AmazonSQS: 'SQS',
  AWSEvents: 'EventBridge',
  secretsmanager: 'Secrets Manager',
  AWSStepFunctions: 'Step Functions',
};

export function parseTarget(target: string): Pick<Exchange, 'service' | 'operation'> {
  const [prefix = '', operation = ''] = target.split('.');
  const service = services[prefix];
  if (service === undefined) throw new Error(`not a request that is counted: ${target}`);
  return { service, operation };
}

const nothing = {
  readUnits: 0,
  writeUnits: noUnits,
  reportedUnits: 0,
  billed: 1,
  queue: undefined,
  entries: 1,
  bytes: 0,
};

const capacity = z.object({ CapacityUnits: z.number() });
const tableResponse = z.object({
  __type: z.string().optional(),
  ConsumedCapacity: z.union([capacity, z.array(capacity)]).optional(),
});
const updated = z.object({ Attributes: attributes });
const sqsRequest = z.object({ QueueUrl: z.string(), Entries: z.array(z.unknown()).optional() });
const sqsResponse = z.object({ Messages: z.array(z.unknown()).optional() });
const events = z.object({ Entries: z.array(z.object({ Detail: z.string() })) });

const chunk = 65_536;
const reads = new Set(['GetItem', 'BatchGetItem', 'Query']);

/** Turns requests and their answers into what AWS would bill. */
export class Counter {
  readonly ledger = new Ledger();
  readonly #purposes = new Purposes();

  count(caller: string, exchange: Exchange): Counted {
    const { service, operation } = exchange;
    const named = { ...nothing, caller, service, operation };
    if (service === 'DynamoDB') return { ...named, ...this.#table(caller, exchange) };
    if (service === 'SQS') return { ...named, ...queue(exchange) };
    if (service === 'EventBridge') return { ...named, ...bus(exchange) };
    return named;
  }

  /**
   * DynamoDB Local says the units of too few items of a transaction, and none of a refused request; by the published
   * rules all of them count.
   */
  #table(caller: string, { operation, status, request, response }: Exchange): Partial<Counted> {
    const body = parseTableRequest(JSON.parse(request));
    const { ConsumedCapacity } = tableResponse.parse(JSON.parse(response));
    const reportedUnits = [ConsumedCapacity ?? []]
      .flat()
      .reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0);
    const done = status === 200;
    if (reads.has(operation)) {
      const readUnits = Math.max(reportedUnits, this.ledger.read(operation, body));
      return { readUnits, reportedUnits };
    }
    const after =
      operation === 'UpdateItem' && done ? updated.parse(JSON.parse(response)).Attributes : undefined;
    const items = this.ledger.write(operation, body, done, after);
    const ruled = items.reduce((sum, { units }) => sum + units, 0);
    // Where DynamoDB Local says more than the rules, it has the word.
    const share = ruled === 0 ? 1 : Math.max(1, reportedUnits / ruled);
    const weighed = items.map(({ name, units }) => ({ name, units: share * units }));
    return { writeUnits: this.#purposes.of(caller, weighed), reportedUnits, entries: items.length };
  }
}

function queue({ operation, request, response }: Exchange): Partial<Counted> {
  const { QueueUrl, Entries } = sqsRequest.parse(JSON.parse(request));
  const received = sqsResponse.safeParse(JSON.parse(response === '' ? '{}' : response)).data?.Messages ?? [];
  const isReceive = operation === 'ReceiveMessage';
  const payload = isReceive ? response.length : operation.startsWith('Send') ? request.length : 0;
  return {
    queue: QueueUrl.split('/').at(-1) ?? '',
    entries: isReceive ? received.length : (Entries?.length ?? 1),
    billed: Math.max(1, Math.ceil(payload / chunk)),
  };
}

function bus({ request }: Exchange): Partial<Counted> {
  const { Entries } = events.parse(JSON.parse(request));
  const bytes = Entries.map(({ Detail }) => Buffer.byteLength(Detail));
  return {
    entries: Entries.length,
    billed: bytes.reduce((sum, size) => sum + Math.max(1, Math.ceil(size / chunk)), 0),
    bytes: bytes.reduce((sum, size) => sum + size, 0),
  };
}
