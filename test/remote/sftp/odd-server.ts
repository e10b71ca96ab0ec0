import { createServer, type Socket } from 'node:net';
import ssh2, { type AuthContext, type ServerChannel } from 'ssh2';
import type { SftpServer } from '../../../shared/config/config.ts';
import { newSshKey, type SshKey } from '../../servers/keys.ts';
import { listen } from '../../servers/ports.ts';
import {
  Fields,
  PacketReader,
  packet,
  replyType,
  requestType,
  statusCode,
  string,
  uint32,
} from '../../servers/sftp-wire.ts';

export interface OddRequest {
  readonly type: number;
  readonly id: number;
  /** The one string of the request: a path or a handle. */
  readonly text: string;
  /** Answers now or later; a request may stay unanswered. */
  readonly reply: (answer: Buffer) => void;
}

export interface OddServer {
  readonly config: SftpServer;
  readonly hostKey: SshKey;
  /** Ways of login that were tried, in order. */
  readonly logins: readonly string[];
  close(): Promise<void>;
}

type Login = 'password' | 'keyboard-interactive';

interface OddOptions {
  /** Default: a name that Farwatch knows nothing about. */
  readonly ident?: string;
  readonly hostKey?: SshKey;
  readonly port?: number;
  readonly config?: Partial<SftpServer>;
  /** The ways to log in; default `password` alone. */
  readonly login?: readonly Login[];
  readonly subsystem?: boolean;
  /** Channels that a connection may open; default: any number. */
  readonly channels?: number;
  readonly version?: number;
  /** Told what ssh2 sends and receives. */
  readonly debug?: (line: string) => void;
  readonly answer?: (request: OddRequest) => void;
}

export const oddPassword = 'odd password';

/** A real SSH server on loopback whose SFTP answers are what a test makes them. */
export async function startOddServer(options: OddOptions): Promise<OddServer> {
  const hostKey = options.hostKey ?? newSshKey();
  const logins: string[] = [];
  const ident = options.ident ?? 'Odd_1.0';
  const { debug = () => undefined } = options;
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey], ident, debug }, (client) => {
    client.on('error', () => client.end());
    client.on('authentication', (attempt) => {
      logins.push(attempt.method);
      authenticate(attempt, options.login ?? ['password']);
    });
    let channels = 0;
    client.on('session', (acceptSession, refuseSession) => {
      channels += 1;
      if (channels > (options.channels ?? Number.POSITIVE_INFINITY)) {
        refuseSession();
        return;
      }
      acceptSession().on('subsystem', (accept, reject) => {
        if (options.subsystem === false) reject();
        else serve(accept(), options);
      });
    });
  });
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  const port = await listen(listener, options.port ?? 0);
  return {
    hostKey,
    logins,
    config: { ...configAt(port), hostKey: hostKey.fingerprint, ...options.config },
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export function configAt(port: number): SftpServer {
  return {
    name: 'odd',
    protocol: 'sftp',
    host: '127.0.0.1',
    port,
    username: 'somebody',
    auth: { password: { source: 'plain', value: oddPassword } },
    hostKey: 'trust-on-first-use',
    connections: 1,
    connectTimeoutMs: 30_000,
    responseTimeoutMs: 30_000,
    idleTimeoutMs: 60_000,
  };
}

function authenticate(attempt: AuthContext, login: readonly Login[]): void {
  const judge = (password: string | undefined): void => {
    if (password === oddPassword) attempt.accept();
    else attempt.reject([...login]);
  };
  if (!login.some((way) => way === attempt.method)) attempt.reject([...login]);
  else if (attempt.method === 'password') judge(attempt.password);
  else if (attempt.method === 'keyboard-interactive') {
    attempt.prompt([{ prompt: 'Password: ', echo: false }], (answers) => judge(answers[0]));
  }
}

function serve(channel: ServerChannel, { answer, version = 3 }: OddOptions): void {
  const reader = new PacketReader();
  channel.on('error', () => undefined);
  channel.on('end', () => channel.end());
  channel.on('data', (chunk: Buffer) => {
    for (const bytes of reader.push(chunk)) {
      const fields = new Fields(bytes);
      const type = fields.byte();
      if (type === requestType.init) {
        channel.write(packet(replyType.version, uint32(version)));
        continue;
      }
      const id = fields.uint32();
      answer?.({ type, id, text: fields.string().toString(), reply: (packet) => void channel.write(packet) });
    }
  });
}

export interface OddEntry {
  readonly name: string;
  readonly mode?: number;
}

export function names({ id }: OddRequest, ...entries: readonly OddEntry[]): Buffer {
  return packet(
    replyType.name,
    uint32(id),
    uint32(entries.length),
    ...entries.flatMap(({ name, mode }) => [string(name), string(''), ...attributes(mode)]),
  );
}

export function attrs({ id }: OddRequest, mode?: number): Buffer {
  return packet(replyType.attrs, uint32(id), ...attributes(mode));
}

export function status({ id }: OddRequest, code: keyof typeof statusCode): Buffer {
  return packet(replyType.status, uint32(id), uint32(statusCode[code]), string(`it is ${code}`), string(''));
}

/** The handle is the path, so that answers can follow from it. */
export function handle({ id, text }: OddRequest): Buffer {
  return packet(replyType.handle, uint32(id), string(text));
}

/** Serves these pages for every directory, then the end; `odd` answers first where it wants to. */
export function pages(
  content: readonly (readonly OddEntry[])[],
  odd: (request: OddRequest) => boolean = () => false,
) {
  let next = 0;
  return (request: OddRequest): void => {
    if (odd(request)) return;
    if (request.type === requestType.opendir) {
      next = 0;
      request.reply(handle(request));
    } else if (request.type === requestType.readdir) {
      const page = content[next];
      next += 1;
      request.reply(page === undefined ? status(request, 'eof') : names(request, ...page));
    } else request.reply(status(request, request.type === requestType.close ? 'ok' : 'failure'));
  };
}

function attributes(mode: number | undefined): readonly Buffer[] {
  return mode === undefined ? [uint32(0)] : [uint32(4), uint32(mode)];
}
