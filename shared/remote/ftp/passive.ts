import { enterPassiveModeIPv4, enterPassiveModeIPv6, type FTPContext, FTPError } from 'basic-ftp';
import { connectForPassiveTransfer, parsePasvResponse } from 'basic-ftp/dist/transfer.js';
import type { Reply } from './reply-reader.ts';

type Enter = (ftp: FTPContext) => Promise<unknown>;

/** A data connection could not be opened although the server said where: a firewall, most often. */
export class DataConnectionFailed extends Error {}

/** EPSV first (RFC 2428), PASV where the server or something on the way does not bear it; then the same for ever. */
export class PassiveMode {
  readonly #candidates: readonly Enter[];
  #chosen: Enter | undefined;

  constructor(separateTransferHost: boolean) {
    this.#candidates = [
      enterPassiveModeIPv6,
      separateTransferHost ? enterPassiveModeIPv4 : pasvAtControlHost,
    ];
  }

  /** Leaves the open connection in `ftp.dataSocket`; returns the server's refusal if there is one. */
  async open(ftp: FTPContext): Promise<Reply | undefined> {
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
}

/**
 * PASV, but to the host that we talk to already: a server behind NAT names its private address, and a hostile one
 * could name anybody's (RFC 2577, section 3).
 */
async function pasvAtControlHost(ftp: FTPContext): Promise<void> {
  const { message } = await ftp.request('PASV');
  const { port } = parsePasvResponse(message);
  const host = ftp.socket.remoteAddress;
  if (host === undefined) throw new Error('the control connection is gone');
  await connectForPassiveTransfer(host, port, ftp);
}
