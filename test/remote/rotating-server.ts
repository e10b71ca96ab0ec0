import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretReference, SftpServer } from '../../shared/config/config.ts';
import { startInProcessSftp } from '../servers/in-process-sftp.ts';
import { newSshKey } from '../servers/keys.ts';
import { listen } from '../servers/ports.ts';
import { sftpServerConfig } from '../servers/server-config.ts';

export interface RotatingServer {
  /** Connections so far, each for one login. */
  logins(): number;
  /** From now on it takes this password and no other. */
  rotate(password: string): Promise<void>;
  config(password: SecretReference, overrides?: Partial<SftpServer>): SftpServer;
  stop(): Promise<void>;
}

/** An SFTP server at one address, with one host key, whose password changes. */
export async function startRotatingServer(password: string): Promise<RotatingServer> {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-rotating-'));
  const hostKey = newSshKey();
  const start = (current: string) =>
    startInProcessSftp({ directory, username: 'acme', password: current, hostKey });
  let behind = await start(password);
  let logins = 0;
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    logins += 1;
    const onward = connect(behind.port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  });
  const port = await listen(front, 0);
  return {
    logins: () => logins,
    async rotate(next) {
      await behind.stop();
      behind = await start(next);
    },
    config: (reference, overrides = {}) =>
      sftpServerConfig(
        {
          name: 'rotating',
          config: {
            protocol: 'sftp',
            host: '127.0.0.1',
            port,
            username: 'acme',
            hostKey: hostKey.fingerprint,
          },
          facts: { listZone: 'UTC' },
        },
        { auth: { password: reference }, ...overrides },
      ),
    async stop() {
      const closed = new Promise((resolve) => front.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await behind.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
