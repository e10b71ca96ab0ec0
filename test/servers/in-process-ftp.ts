import { type FtpConnection, FtpSrv } from 'ftp-srv';
import { DiskFileSystem, listLine } from './ftp-disk.ts';
import type { InProcessOptions, InProcessServer } from './in-process.ts';
import { freePort } from './ports.ts';

/**
 * An FTP server over a directory of the disk, from npm packages alone; `directory` shows as `/`. What `ftp-srv` does
 * otherwise than real servers: no MLSD; a missing directory is refused (451) rather than listed empty; every double
 * quote is cut out of a command, and a word like `-a` is taken for an option, so such names cannot be addressed;
 * a command that arrives in two segments is taken for two.
 */
export async function startInProcessFtp(options: InProcessOptions): Promise<InProcessServer> {
  const { directory, username, password } = options;
  const port = options.port ?? (await freePort());
  // Each server walks through ports of its own, since ftp-srv looks for a free one and binds it a moment later.
  const passive = 20_000 + Math.floor(Math.random() * 12_000);
  const server = withoutSignalHandlers(
    () =>
      new FtpSrv({
        url: `ftp://127.0.0.1:${port}`,
        pasv_url: '127.0.0.1',
        pasv_min: passive,
        pasv_max: passive + 500,
        file_format: listLine,
        log: silent,
      }),
  );
  const sessions = new Set<FtpConnection>();
  server.on('login', ({ connection, username: name, password: secret }, resolve, reject) => {
    if (name !== username || secret !== password) {
      reject(new Error('Login incorrect'));
      return;
    }
    // Bytes as they are: `OPTS UTF8 ON` shall not make names lossy, whenever it comes.
    Object.defineProperty(connection, 'encoding', { value: 'latin1', writable: false });
    sessions.add(connection);
    resolve({ fs: new DiskFileSystem(connection, directory) });
  });
  server.on('disconnect', ({ connection }) => sessions.delete(connection));
  server.on('client-error', () => undefined);
  await server.listen();
  return {
    port,
    killSessions() {
      // 0: without a farewell.
      for (const session of sessions) void session.close(0, 0);
    },
    async stop() {
      await server.close();
    },
  };
}

/** ftp-srv's own handlers of SIGTERM and SIGINT end the whole process. */
function withoutSignalHandlers<T>(create: () => T): T {
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const created = create();
  for (const signal of signals) {
    for (const handler of process.listeners(signal)) {
      if (before.get(signal)?.includes(handler) !== true) process.off(signal, handler);
    }
  }
  return created;
}

/** A logger in the form of bunyan that says nothing. */
const quiet = () => undefined;
const silent = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => silent };
