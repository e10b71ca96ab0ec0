import { enterPassiveModeIPv4, enterPassiveModeIPv6, type FTPContext, FTPError } from 'basic-ftp';
import { connectForPassiveTransfer, parseEpsvResponse, parsePasvResponse } from 'basic-ftp/dist/transfer.js';
import type { Reply } from './reply-reader.ts';

type Enter = (ftp: FTPContext) => Promise<unknown>;

/** A data connection could not be opened although the server said where: a firewall, most often. */
export class DataConnectionFailed extends Error {}

/** EPSV first (RFC 2428), PASV where the server or something on the way does not bear it; then the same for ever. */
export class PassiveMode {
  readonly #candidates: readonly Enter[];
  #chosen: Enter | undefined;
  /** Where the server listens already. */
  #port: number | undefined;

  constructor(separateTransferHost: boolean) {
    this.#candidates = [
      enterPassiveModeIPv6,
      separateTransferHost ? enterPassiveModeIPv4 : pasvAtControlHost,
    ];
  }

  /** What to send while the server ends a transfer, so that the next one need not ask where to connect to. */
  get commandAhead(): string | undefined {
    return this.#chosen === enterPassiveModeIPv6 ? 'EPSV' : undefined;
  }

  /** The reply to it; a refusal costs nothing. */
  answeredAhead({ code, message }: Reply): void {
    if (code === 229) this.#port = parseEpsvResponse(message);
  }

  /** Leaves the open connection in `ftp.dataSocket`; returns the server's refusal if there is one. */
  async open(ftp: FTPContext): Promise<Reply | undefined> {
    if (await this.#openAhead(ftp)) return undefined;
    let refusal: Reply | undefined;
    let failure: Error | undefined;
    const modes = this.#chosen === undefined ? this.#candidates : [this.#chosen];
    for (const enter of modes) {
      try {
        await enter(ftp);
        this.#chosen = enter;
        return undefined;
      } catch (error) {
        if (ftp.closed || !(error instanceof Error)) throw error;
        if (error instanceof FTPError) {
          refusal = { code: error.code, message: error.message };
          // 4xx is for the moment: no reason to give a mode up (ProFTPD's ports collide now and then).
          if (error.code < 500) return refusal;
        } else failure = new DataConnectionFailed(error.message, { cause: error });
      }
    }
    if (failure !== undefined) throw failure;
    return refusal;
  }

  async #openAhead(ftp: FTPContext): Promise<boolean> {
    const port = this.#port;
    this.#port = undefined;
    if (port === undefined) return false;
    try {
      await connectForPassiveTransfer(controlHost(ftp), port, ftp);
      return true;
    } catch (error) {
      // It may have tired of waiting.
      if (ftp.closed) throw error;
      return false;
    }
  }
}

/** The same host as that of the control connection: EPSV names a port alone. */
function controlHost({ socket }: FTPContext): string {
  if (socket.remoteAddress === undefined) throw new Error('the control connection is gone');
  return socket.remoteAddress;
}

/**
 * PASV, but to the host that we talk to already: a server behind NAT names its private address, and a hostile one
 * could name anybody's (RFC 2577, section 3).
 */
async function pasvAtControlHost(ftp: FTPContext): Promise<void> {
  const { message } = await ftp.request('PASV');
  const { port } = parsePasvResponse(message);
  await connectForPassiveTransfer(controlHost(ftp), port, ftp);
}
