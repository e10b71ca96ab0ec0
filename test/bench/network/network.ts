import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
const source = fileURLToPath(new URL('delay.c', import.meta.url));
/** Descriptors of the two namespaces in the delaying program. */
const serverNamespace = 10;
const clientNamespace = 11;

const passed = z.object({ packets: z.number(), bytes: z.number() });
const counts = z.object({
  toServer: passed,
  toClient: passed,
  connections: z.number(),
  sessions: z.number(),
  lost: z.number(),
  lateMeanUs: z.number(),
  lateMaxUs: z.number(),
});

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
  /** TCP connections that were opened, those for data included. */
  readonly connections: number;
  /** Connections to the session port; without a delay nobody sees them one by one. */
  readonly sessions?: number;
  /** How much later than meant packets were handed on. */
  readonly lateMeanUs: number;
}

/**
 * A server and a client with `roundTripMs` between them, each in a network namespace of its own. The server listens at
 * 127.0.0.1 as ever, and from the client's namespace 127.0.0.1 is the far end: no server and no certificate need to
 * know of another address. Without a delay both share one namespace, and what lies between them is its loopback.
 */
export class Network {
  readonly sessionPort = 2222;
  readonly roundTripMs: number;
  readonly #delay: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  #before = { packets: 0, bytes: 0, connections: 0 };

  private constructor(roundTripMs: number, program: string) {
    this.roundTripMs = roundTripMs;
    this.#delay = spawn(program, [String(Math.round(roundTripMs * 500)), String(this.sessionPort)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // An interrupt from the keyboard is for us to handle: it must not take the wire away before.
      detached: true,
    });
    this.#ended = new Promise((resolve) => this.#delay.once('close', resolve));
    this.#delay.stdin?.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#delay.stdout ?? process.stdin })[Symbol.asyncIterator]();
  }

  static async open(roundTripMs: number): Promise<Network> {
    const folder = await mkdtemp(join(tmpdir(), 'farwatch-delay-'));
    try {
      const program = join(folder, 'delay');
      await run('cc', ['-O2', '-o', program, source]);
      const network = new Network(roundTripMs, program);
      await network.#ready();
      return network;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #ready(): Promise<void> {
    let refusal = '';
    this.#delay.stderr?.on('data', (data: Buffer) => {
      refusal += data.toString();
    });
    const { value } = await this.#answers.next();
    if (value !== 'ready') {
      await this.close();
      throw new Error(`the delay cannot be made: ${refusal.trim() || String(value)}`);
    }
    try {
      await this.#configure();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #configure(): Promise<void> {
    const server = (...command: string[]) => this.#within(serverNamespace, command);
    const client = (...command: string[]) => this.#within(clientNamespace, command);
    await server('ip', 'link', 'set', 'lo', 'up');
    if (this.roundTripMs === 0) return;
    const device = async (side: typeof server, own: string, other: string): Promise<void> => {
      await side('ip', 'address', 'add', own, 'peer', other, 'dev', 'far');
      await side('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/far/disable_ipv6 || true');
      // A burst must wait its time, not be dropped.
      await side('ip', 'link', 'set', 'far', 'txqueuelen', '100000', 'up');
      await side('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/far/route_localnet');
    };
    await device(server, '10.77.0.1', '10.77.0.2');
    await device(client, '10.77.0.2', '10.77.0.1');
    // The loopback device of the client is down, so that nothing else claims the address.
    await client('ip', 'route', 'add', '127.0.0.1', 'dev', 'far', 'src', '10.77.0.2');
  }

  async #within(namespace: number, command: readonly string[]): Promise<string> {
    const [program = '', ...args] = this.#enter(namespace, command);
    return (await run(program, args)).stdout;
  }

  #enter(namespace: number, command: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#delay.pid}/fd/${namespace}`, '--', ...command];
  }

  /** The command as it is run where the server lives. */
  onServer(command: readonly string[]): readonly string[] {
    return this.#enter(serverNamespace, command);
  }

  /** The command as it is run where the client lives. */
  onClient(command: readonly string[]): readonly string[] {
    return this.#enter(this.roundTripMs === 0 ? serverNamespace : clientNamespace, command);
  }

  /** What passed since the last time, in both directions. */
  async traffic(): Promise<Traffic> {
    return this.roundTripMs === 0 ? await this.#overLoopback() : await this.#overDelay();
  }

  async #overDelay(): Promise<Traffic> {
    this.#delay.stdin?.write('count\n');
    const { value } = await this.#answers.next();
    const { toServer, toClient, lost, ...seen } = counts.parse(JSON.parse(String(value)));
    if (lost > 0) throw new Error(`the delay lost ${lost} packets`);
    return {
      packets: toServer.packets + toClient.packets,
      bytes: toServer.bytes + toClient.bytes,
      connections: seen.connections,
      sessions: seen.sessions,
      lateMeanUs: seen.lateMeanUs,
    };
  }

  async #overLoopback(): Promise<Traffic> {
    const devices = await this.#within(serverNamespace, ['cat', '/proc/net/dev']);
    const protocols = await this.#within(serverNamespace, ['cat', '/proc/net/snmp']);
    const [bytes = 0, packets = 0] = numbersAfter(devices, /^\s*lo:/m);
    // RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
    const connections = numbersAfter(protocols, /^Tcp:(?= \d)/m)[4] ?? 0;
    const before = this.#before;
    this.#before = { packets, bytes, connections };
    return {
      packets: packets - before.packets,
      bytes: bytes - before.bytes,
      connections: connections - before.connections,
      lateMeanUs: 0,
    };
  }

  async close(): Promise<void> {
    this.#delay.stdin?.end();
    await this.#ended;
  }
}

function numbersAfter(text: string, start: RegExp): readonly number[] {
  const found = start.exec(text);
  if (found === null) return [];
  const line = text.slice(found.index + found[0].length).split('\n')[0] ?? '';
  return line.trim().split(/\s+/).map(Number);
}
