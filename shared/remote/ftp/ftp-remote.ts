import type { ConnectionOptions } from 'node:tls';
import type { FtpServer } from '../../config/config.ts';
import { InvalidInput, RemoteProtocol } from '../../failure.ts';
import type { ConnectOptions, Remote, Session } from '../remote.ts';
import { type ConnectContext, connectFailure, connectTimeout, refusal } from './connect-failure.ts';
import { FtpControl } from './control.ts';
import type { ServerTraits } from './directory-reader.ts';
import { FtpSession } from './ftp-session.ts';
import { ListReader } from './list-reader.ts';
import { MlsdReader } from './mlsd-reader.ts';
import type { Reply } from './reply-reader.ts';
import { tlsOptions } from './tls-options.ts';
import { printable, toWire } from './wire.ts';

export interface FtpSecrets {
  readonly password: string;
  /** PEM. */
  readonly ca?: string;
}

export class FtpRemote implements Remote {
  readonly #server: FtpServer;
  readonly #secrets: FtpSecrets;
  readonly #address: string;
  readonly #clock: () => number;
  #tls: ConnectionOptions | undefined;

  /** `clock`: milliseconds since 1970, by which looks at directories are dated. */
  constructor(server: FtpServer, secrets: FtpSecrets, clock: () => number = Date.now) {
    this.#clock = clock;
    this.#server = server;
    this.#secrets = secrets;
    const host = server.host.includes(':') ? `[${server.host}]` : server.host;
    this.#address = `${host}:${server.port}`;
  }

  async connect(signal: AbortSignal, { probe = true }: ConnectOptions = {}): Promise<Session> {
    signal.throwIfAborted();
    this.#checkLogin();
    const { responseTimeoutMs, connectTimeoutMs, separateTransferHost } = this.#server;
    const control = new FtpControl(responseTimeoutMs, separateTransferHost);
    const late = Promise.withResolvers<never>();
    const onAbort = (): void => late.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => late.reject(connectTimeout(this.#address)), connectTimeoutMs);
    try {
      return await Promise.race([late.promise, this.#open(control, probe && this.#server.probe !== 'off')]);
    } catch (error) {
      control.client.close();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #checkLogin(): void {
    if (!/[\r\n\0]/.test(this.#server.username + this.#secrets.password)) return;
    throw new InvalidInput(`Username or password for ${this.#address} has a line break`, {
      advice: 'Check the file or variable that the password comes from.',
    });
  }

  async #open(control: FtpControl, probe: boolean): Promise<Session> {
    let stage: ConnectContext['stage'] = 'dial';
    try {
      const greeting = await this.#dial(control, (next) => {
        stage = next;
      });
      // Else what is sent behind a command that is not acknowledged yet waits a round trip for that.
      control.client.ftp.socket.setNoDelay(true);
      stage = 'login';
      await control.client.login(toWire(this.#server.username), toWire(this.#secrets.password));
      stage = 'settings';
      return await this.#settle(control, printable(greeting.message), probe);
    } catch (error) {
      throw connectFailure(error, this.#context(stage));
    }
  }

  #context(stage: ConnectContext['stage']): ConnectContext {
    const { username, protocol } = this.#server;
    return { address: this.#address, username, protocol, stage };
  }

  async #dial(control: FtpControl, reached: (stage: 'tls') => void): Promise<Reply> {
    const { host, port, protocol } = this.#server;
    const { client } = control;
    if (protocol === 'ftp') return client.connect(host, port);
    if (protocol === 'ftps-implicit') return client.connectImplicitTLS(host, port, this.#tlsOptions());
    const greeting = await client.connect(host, port);
    reached('tls');
    await client.useTLS(this.#tlsOptions());
    client.ftp.replies.forget();
    return greeting;
  }

  #tlsOptions(): ConnectionOptions {
    this.#tls ??= tlsOptions(this.#server, this.#secrets.ca);
    return { ...this.#tls };
  }

  /** What remains after the login: protected data connections, binary transfers, and which listing the server has. */
  async #settle(control: FtpControl, software: string, probe: boolean): Promise<Session> {
    if (this.#server.protocol !== 'ftp') await this.#protectData(control);
    const asked = performance.now();
    const { features, system } = measuredIn(software)
      ? await this.#settleAtOnce(control)
      : await this.#settleInTurn(control);
    const traits = this.#traits(software, { system, roundTripMs: performance.now() - asked });
    const reader = listsByMlsd(features) ? new MlsdReader(control, traits) : new ListReader(control, traits);
    return new FtpSession(control, reader, traits, { software, probe, clock: this.#clock });
  }

  /** All in one round trip. */
  async #settleAtOnce(control: FtpControl): Promise<Settled> {
    const replies = await control.all(['FEAT', 'OPTS UTF8 ON', 'TYPE I', 'SYST', facts]);
    for (const reply of replies) this.#refuseEnd(reply);
    const [feat, , , system] = replies;
    if (feat === undefined || system === undefined) throw new Error('no reply');
    return { features: parseFeatures(feat), system: system.message };
  }

  async #settleInTurn(control: FtpControl): Promise<Settled> {
    const features = parseFeatures(await this.#ask(control, 'FEAT'));
    // IIS sends names in the code page of its machine until it is told.
    if (features.has('UTF8')) await this.#ask(control, 'OPTS UTF8 ON');
    await this.#ask(control, 'TYPE I');
    if (!listsByMlsd(features)) return { features, system: (await this.#ask(control, 'SYST')).message };
    await this.#ask(control, facts);
    return { features, system: '' };
  }

  #traits(
    software: string,
    { system, roundTripMs }: { readonly system: string; readonly roundTripMs: number },
  ): ServerTraits {
    const measured = measuredIn(software);
    return {
      address: this.#address,
      pipelines: measured !== undefined,
      mustLeave: measured === 'pure-ftpd',
      bearsEarlyEnds: measured === 'proftpd',
      // Pure-FTPd reads 4,112 bytes at a time and then waits for the socket, so that
      // over TLS the rest of a longer record lies unread for ever.
      bearsBytes: bearsBytes(measured, this.#server.protocol !== 'ftp'),
      // What surely fits into one segment.
      bearsAtOnce: measured === 'proftpd' ? 1_200 : Number.POSITIVE_INFINITY,
      // It takes quadratic time to answer STAT: 0.1 s for 3,000 entries, 99 s for 100,000 (ProFTPD 1.3.8).
      statsUpTo: measured === undefined ? 0 : measured === 'proftpd' ? 3_000 : 5_000,
      statsAny: measured !== undefined && measured !== 'proftpd',
      listsSubtrees: measured === 'proftpd',
      keepsCutLists: measured === 'proftpd',
      // A data connection takes three round trips, in which nothing else is asked; a file by MLST 10 to 20 µs.
      describesUpTo: measured === 'pure-ftpd' ? Math.max(10, Math.min(1_000, 100 * roundTripMs)) : 0,
      // MLST takes 50 µs of its processor, a line of MLSD 30.
      describesAgainUpTo: measured === 'proftpd' ? Math.min(1_000, Math.floor(10 * roundTripMs)) : 0,
      cutsAt: measured === 'vsftpd' || measured === 'proftpd' ? undefined : 10_000,
      // vsftpd doubles it in replies, and takes it as it is in commands.
      readsIac: measured === undefined ? 'unknown' : measured === 'proftpd' ? 'tells' : 'single',
      saysIac: measured === 'vsftpd' ? 'doubled' : 'single',
      windows: /windows/i.test(system),
      zone: this.#server.timezone,
      todaysOffset: measured === 'vsftpd',
    };
  }

  async #protectData(control: FtpControl): Promise<void> {
    await this.#ask(control, 'PBSZ 0');
    const { code, message } = await this.#ask(control, 'PROT P');
    if (code < 300) return;
    throw new RemoteProtocol(`${this.#address} does not encrypt data connections: ${printable(message)}`, {
      advice: 'Ask the operator to allow PROT P, since listings would travel in the clear.',
    });
  }

  /** Refusals of single settings are borne; the end of the session is not. */
  async #ask(control: FtpControl, command: string): Promise<Reply> {
    const reply = await control.command(command);
    this.#refuseEnd(reply);
    return reply;
  }

  #refuseEnd({ code, message }: Reply): void {
    if (code === 421) throw refusal(code, message, this.#context('settings'));
  }
}

/** Of MLSD and MLST. */
const facts = 'OPTS MLST type;size;modify;unique;';

interface Settled {
  readonly features: ReadonlySet<string>;
  /** What SYST says, where there is no MLSD. */
  readonly system: string;
}

function listsByMlsd(features: ReadonlySet<string>): boolean {
  return features.has('MLST') || features.has('MLSD');
}

function bearsBytes(measured: string | undefined, tls: boolean): number {
  if (measured === 'proftpd') return 3_900;
  return measured === 'vsftpd' || (measured === 'pure-ftpd' && !tls) ? 32_000 : 2_000;
}

/** A server that was measured to answer commands that are sent together. */
function measuredIn(software: string): string | undefined {
  return /vsftpd|proftpd|pure-ftpd/i.exec(software)?.[0].toLowerCase();
}

/** RFC 2389: one feature a line, in any case, between two lines with the code. */
function parseFeatures({ code, message }: Reply): ReadonlySet<string> {
  if (code >= 300) return new Set();
  const lines = message.split('\n').slice(1, -1);
  return new Set(lines.map((line) => (line.replace(/^211-/, '').trim().split(' ')[0] ?? '').toUpperCase()));
}
