import net from 'node:net';
import type { SftpServer } from '../../config/config.ts';
import { type ConnectContext, connectFailure, connectTimeout } from './connect-failure.ts';
import { addressOf } from './host-key.ts';

/** Connects the socket; ssh2 by itself leaves Nagle's algorithm on, which delays small pipelined requests. */
export async function dial(server: SftpServer, deadline: AbortSignal): Promise<net.Socket> {
  const address = addressOf(server);
  const { host, port } = server;
  const socket = net.connect({ host, port, noDelay: true });
  const outcome = Promise.withResolvers<net.Socket>();
  const context: ConnectContext = { address, username: server.username, stage: 'dial', offered: [] };
  const onError = (error: Error): void => outcome.reject(connectFailure(error, context));
  const onAbort = (): void => outcome.reject(connectTimeout(address));
  socket.once('connect', () => outcome.resolve(socket));
  socket.on('error', onError);
  deadline.addEventListener('abort', onAbort, { once: true });
  try {
    return await outcome.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.removeEventListener('abort', onAbort);
  }
}
