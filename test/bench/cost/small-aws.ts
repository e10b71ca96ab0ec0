import { hash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { listen } from '../../servers/ports.ts';
import { parseTarget } from './counting.ts';

const sent = z.object({
  Id: z.string().optional(),
  MessageBody: z.string(),
  MessageGroupId: z.string().default(''),
  MessageDeduplicationId: z.string().optional(),
});
type Sent = z.infer<typeof sent>;

interface Waiting {
  readonly message: Sent;
  readonly id: string;
  taken: boolean;
}

/** SQS without time-outs: nothing that is taken comes back. */
class SmallQueue {
  readonly #names = new Set<string>();
  #waiting: Waiting[] = [];

  send(message: Sent): object {
    const { Id, MessageBody, MessageDeduplicationId: name } = message;
    const id = randomUUID();
    if (name === undefined || !this.#names.has(name)) this.#waiting.push({ message, id, taken: false });
    if (name !== undefined) this.#names.add(name);
    return { ...(Id === undefined ? {} : { Id }), MessageId: id, MD5OfMessageBody: hash('md5', MessageBody) };
  }

  /** Nothing of a group of which something is under way. */
  receive(most: number): readonly object[] {
    const busy = new Set(
      this.#waiting.flatMap(({ taken, message }) => (taken ? [message.MessageGroupId] : [])),
    );
    const free = this.#waiting.filter(
      ({ taken, message: { MessageGroupId: group } }) => !taken && (group === '' || !busy.has(group)),
    );
    const [first] = free;
    const group = first?.message.MessageGroupId;
    return free
      .filter(({ message }) => message.MessageGroupId === group)
      .slice(0, most)
      .map((each) => {
        each.taken = true;
        const { MessageBody: Body } = each.message;
        const Attributes = { ApproximateReceiveCount: '1' };
        return { MessageId: each.id, ReceiptHandle: each.id, Body, MD5OfBody: hash('md5', Body), Attributes };
      });
  }

  delete(id: string): void {
    this.#waiting = this.#waiting.filter((each) => each.id !== id);
  }

  attributes(): object {
    const taken = this.#waiting.filter((each) => each.taken).length;
    return {
      ApproximateNumberOfMessages: String(this.#waiting.length - taken),
      ApproximateNumberOfMessagesNotVisible: String(taken),
    };
  }
}

const receiving = z.object({ MaxNumberOfMessages: z.number(), WaitTimeSeconds: z.number() });
const inBatch = z.object({ Entries: z.array(sent) });
const deleting = z.object({ Entries: z.array(z.object({ Id: z.string(), ReceiptHandle: z.string() })) });
const secret = z.object({ Name: z.string(), SecretString: z.string() });

/** As much of SQS, EventBridge and Secrets Manager as the functions ask for, where no LocalStack is. */
export async function startSmallAws(): Promise<{ readonly endpoint: string; stop(): Promise<void> }> {
  const queues = new Map<string, SmallQueue>();
  const secrets = new Map<string, string>();
  const stopped = new AbortController();

  const queueAt = (body: unknown): SmallQueue => {
    const { QueueUrl } = z.object({ QueueUrl: z.string() }).parse(body);
    const name = QueueUrl.split('/').at(-1) ?? '';
    const queue = queues.get(name) ?? new SmallQueue();
    queues.set(name, queue);
    return queue;
  };
  const answers: Readonly<Record<string, (body: unknown) => object | Promise<object>>> = {
    CreateQueue: () => ({ QueueUrl: '' }),
    SendMessage: (body) => queueAt(body).send(sent.parse(body)),
    SendMessageBatch: (body) => ({
      Successful: inBatch.parse(body).Entries.map((entry) => queueAt(body).send(entry)),
    }),
    async ReceiveMessage(body) {
      const { MaxNumberOfMessages, WaitTimeSeconds } = receiving.parse(body);
      const until = performance.now() + 1_000 * WaitTimeSeconds;
      for (;;) {
        const Messages = queueAt(body).receive(MaxNumberOfMessages);
        if (Messages.length > 0 || performance.now() > until || stopped.signal.aborted) return { Messages };
        await sleep(10);
      }
    },
    DeleteMessageBatch(body) {
      const { Entries } = deleting.parse(body);
      for (const { ReceiptHandle } of Entries) queueAt(body).delete(ReceiptHandle);
      return { Successful: Entries.map(({ Id }) => ({ Id })) };
    },
    GetQueueAttributes: (body) => ({ Attributes: queueAt(body).attributes() }),
    CreateEventBus: () => ({}),
    PutEvents: (body) => ({
      Entries: z
        .object({ Entries: z.array(z.unknown()) })
        .parse(body)
        .Entries.map(() => ({ EventId: randomUUID() })),
    }),
    CreateSecret(body) {
      const { Name, SecretString } = secret.parse(body);
      secrets.set(Name, SecretString);
      return { Name };
    },
    GetSecretValue: (body) => ({
      SecretString: secrets.get(z.object({ SecretId: z.string() }).parse(body).SecretId),
    }),
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(Buffer.from(part));
    const { operation } = parseTarget(String(request.headers['x-amz-target']));
    const answered = await answers[operation]?.(JSON.parse(Buffer.concat(parts).toString('utf8')));
    const status = answered === undefined ? 501 : 200;
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(answered ?? { __type: 'UnsupportedOperation' }));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const port = await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async stop() {
      stopped.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
