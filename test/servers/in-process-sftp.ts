import { createServer, type Socket } from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';
import type { InProcessOptions, InProcessServer } from './in-process.ts';
import { newSshKey, type SshKey } from './keys.ts';
import { listen } from './ports.ts';
import { SftpService } from './sftp-service.ts';
import { PacketReader } from './sftp-wire.ts';

export interface InProcessSftp extends InProcessServer {
  readonly hostKey: `SHA256:${string}`;
}

/** An SFTP server over a directory of the disk, from npm packages alone; `directory` shows as `/`. */
export async function startInProcessSftp(
  options: InProcessOptions & { readonly hostKey?: SshKey },
): Promise<InProcessSftp> {
  const { directory, username, password } = options;
  const hostKey = options.hostKey ?? newSshKey();
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey], ident: 'FarwatchTest' }, (client) => {
    client.on('error', () => client.end());
    client.on('authentication', (attempt) => {
      const right =
        attempt.method === 'password' && attempt.username === username && attempt.password === password;
      if (right) attempt.accept();
      else attempt.reject(['password']);
    });
    client.on('session', (acceptSession) => {
      // With no listener for `sftp`, ssh2 hands out the bare channel: its own SFTP decodes names to UTF-8.
      acceptSession().on('subsystem', (accept, reject, { name }) => {
        if (name === 'sftp') serve(accept(), directory);
        else reject();
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
  const killSessions = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    hostKey: hostKey.fingerprint,
    killSessions,
    async stop() {
      const closed = new Promise((resolve) => listener.close(resolve));
      killSessions();
      await closed;
    },
  };
}

function serve(channel: ServerChannel, directory: string): void {
  const service = new SftpService(directory);
  const reader = new PacketReader();
  let turn = Promise.resolve();
  const inTurn = (work: () => Promise<void>) => {
    turn = turn.then(work).catch(() => {
      channel.close();
    });
  };
  channel.on('data', (chunk: Buffer) => {
    try {
      for (const request of reader.push(chunk)) {
        inTurn(async () => {
          if (channel.write(await service.answer(request)) || !channel.writable) return;
          await new Promise((resolve) => channel.once('drain', resolve).once('close', resolve));
        });
      }
    } catch {
      channel.close();
    }
  });
  channel.on('error', () => undefined);
  channel.on('end', () =>
    inTurn(async () => {
      channel.exit(0);
      channel.end();
    }),
  );
  channel.on('close', () => void service.close());
}
