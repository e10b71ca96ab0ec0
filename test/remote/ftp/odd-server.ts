import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FtpServer } from '../../../shared/config/config.ts';
import { FtpRemote } from '../../../shared/remote/ftp/ftp-remote.ts';

export interface Conversation {
  /** Sends a reply, line ends included by us. */
  readonly say: (...lines: readonly string[]) => void;
  /** Sends these bytes, each piece in a packet of its own. */
  readonly raw: (...pieces: readonly string[]) => Promise<void>;
  /** Waits for the data connection of the last EPSV or PASV, sends this on it, and closes it unless told otherwise. */
  readonly data: (text: string, end?: 'in order' | 'reset' | 'later') => Promise<void>;
  /** Whether the client ends its side of that data connection first, within 50 ms. */
  readonly endsEarly: () => Promise<boolean>;
  /** Waits for one data connection from now on; returns its port. */
  readonly listen: () => Promise<number>;
  /** Ends the control connection without a word. */
  readonly drop: () => void;
  /** How often this command was answered before. */
  readonly count: number;
}

/** What the server does with a command; what it does not know it answers as a friendly Unix server would. */
export type Answers = Readonly<
  Record<string, (talk: Conversation, argument: string) => void | Promise<void>>
>;

/** A server over real sockets that behaves as badly as a test needs. Every reply is sent in two pieces. */
export class OddFtpServer implements AsyncDisposable {
  readonly commands: string[] = [];
  /** The same as they came: what was sent together is one piece. */
  readonly pieces: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answers: Answers;

  private constructor(server: Server, answers: Answers) {
    this.#server = server;
    this.#answers = answers;
  }

  static async start(answers: Answers = {}): Promise<OddFtpServer> {
    const server = createServer({ noDelay: true });
    const odd = new OddFtpServer(server, answers);
    server.on('connection', (socket) => odd.#converse(socket));
    await listen(server);
    return odd;
  }

  remote(overrides: Partial<FtpServer> = {}): FtpRemote {
    const config: FtpServer = {
      name: 'odd',
      protocol: 'ftp',
      host: '127.0.0.1',
      port: portOf(this.#server),
      username: 'someone',
      auth: { password: { source: 'plain', value: 'secret' } },
      connections: 1,
      connectTimeoutMs: 30_000,
      responseTimeoutMs: 30_000,
      idleTimeoutMs: 60_000,
      timezone: 'UTC',
      separateTransferHost: false,
      probe: 'auto',
      tls: { verify: true, minVersion: 'TLSv1.2' },
      ...overrides,
    };
    return new FtpRemote(config, { password: 'secret' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #converse(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    const session = new OddSession(socket);
    let work = session.answer('GREETING', '', this.#answers);
    let rest = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: Buffer | string) => {
      this.pieces.push(String(chunk));
      const lines = (rest + String(chunk)).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.commands.push(line);
        const [verb = '', ...words] = line.split(' ');
        work = work.then(() => session.answer(verb.toUpperCase(), words.join(' '), this.#answers));
      }
    });
    socket.on('close', () => session.end());
  }
}

const friendly: Answers = {
  GREETING: ({ say }) => say('220 Odd server'),
  USER: ({ say }) => say('331 Password, please'),
  PASS: ({ say }) => say('230 Logged in'),
  FEAT: ({ say }) => say('211-Features:', ' EPSV', '211 End'),
  SYST: ({ say }) => say('215 UNIX Type: L8'),
  PWD: ({ say }) => say('257 "/"'),
  CWD: ({ say }) => say('250 Changed'),
  NOOP: ({ say }) => say('200 Here'),
  QUIT: ({ say }) => say('221 Bye'),
};

class OddSession {
  readonly #socket: Socket;
  readonly #counts = new Map<string, number>();
  #passive: Server | undefined;
  #accepted: Promise<Socket> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async answer(verb: string, argument: string, answers: Answers): Promise<void> {
    const count = this.#counts.get(verb) ?? 0;
    this.#counts.set(verb, count + 1);
    const answer = answers[verb] ?? friendly[verb];
    if (answer !== undefined) await answer(this.#conversation(count), argument);
    else if (verb === 'EPSV') this.#say(`229 Entering Extended Passive Mode (|||${await this.listen()}|)`);
    else if (verb === 'PASV') {
      const port = await this.listen();
      // A private address of elsewhere, as a server behind NAT says.
      this.#say(`227 Entering Passive Mode (10,255,255,1,${port >> 8},${port & 255})`);
    } else this.#say('500 Unknown command');
  }

  end(): void {
    this.#passive?.close();
  }

  async listen(): Promise<number> {
    this.#passive?.close();
    const passive = createServer({ allowHalfOpen: true });
    this.#passive = passive;
    this.#accepted = new Promise((resolve) => {
      passive.once('connection', (socket) => {
        socket.on('error', () => undefined);
        socket.resume();
        resolve(socket);
      });
    });
    await listen(passive);
    return portOf(passive);
  }

  #conversation(count: number): Conversation {
    // Of this command: the next one may be listened for before its data is sent.
    const [passive, accepted] = [this.#passive, this.#accepted];
    return {
      count,
      say: (...lines) => this.#say(...lines),
      raw: async (...pieces) => {
        for (const piece of pieces) {
          await new Promise((resolve) => this.#socket.write(Buffer.from(piece, 'latin1'), resolve));
          await sleep(1);
        }
      },
      data: async (text, end = 'in order') => {
        const socket = await accepted;
        if (socket === undefined) throw new Error('no data connection was asked for');
        await new Promise((resolve) => {
          socket.write(Buffer.from(text, 'latin1'), resolve);
        });
        if (end === 'later') return;
        if (end === 'in order') socket.end();
        else socket.resetAndDestroy();
        passive?.close();
      },
      endsEarly: async () => {
        const socket = await accepted;
        for (let waited = 0; waited < 50 && socket?.readableEnded === false; waited += 5) await sleep(5);
        return socket?.readableEnded ?? false;
      },
      listen: () => this.listen(),
      drop: () => this.#socket.destroy(),
    };
  }

  #say(...lines: readonly string[]): void {
    const bytes = Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
    const middle = Math.floor(bytes.length / 2);
    this.#socket.write(bytes.subarray(0, middle));
    this.#socket.write(bytes.subarray(middle));
  }
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  const { port }: AddressInfo = address;
  return port;
}
