import { connect } from 'node:net';
import { Client } from 'basic-ftp';
import SftpClient from 'ssh2-sftp-client';
import { z } from 'zod';

const login = z
  .object({
    protocol: z.enum(['sftp', 'ftp', 'ftps']),
    host: z.string(),
    port: z.number(),
    username: z.string(),
    password: z.string(),
    privateKey: z.string(),
    ca: z.string(),
    root: z.string(),
  })
  .parse(JSON.parse(process.env['BENCH_LOGIN'] ?? ''));

interface Listed {
  readonly path: string;
  readonly size: number;
  readonly directory: boolean;
}

if (login.protocol === 'sftp') await overSftp();
else await overFtp();

async function overSftp(): Promise<void> {
  const { host, port, username, privateKey } = login;
  const client = new SftpClient();
  // Where ssh2 has no native addon it writes a request in pieces, and Nagle's algorithm holds each up for 40 ms.
  const sock = connect({ host, port, noDelay: true });
  await client.connect({ sock, username, privateKey });
  await walk(async (directory) => {
    const entries = await client.list(directory);
    return entries.map(({ name, size, type }) => ({
      path: `${directory}/${name}`,
      size,
      directory: type === 'd',
    }));
  });
  await client.end();
}

async function overFtp(): Promise<void> {
  const { host, port, username: user, password, protocol, ca } = login;
  const client = new Client();
  await client.access({ host, port, user, password, secure: protocol === 'ftps', secureOptions: { ca } });
  await walk(async (directory) => {
    const entries = await client.list(directory);
    return entries.map(({ name, size, isDirectory }) => ({
      path: `${directory}/${name}`,
      size,
      directory: isDirectory,
    }));
  });
  client.close();
}

async function walk(list: (directory: string) => Promise<readonly Listed[]>): Promise<void> {
  const ahead = [login.root];
  for (let directory = ahead.pop(); directory !== undefined; directory = ahead.pop()) {
    for (const { path, size, directory: deeper } of await list(directory)) {
      process.stdout.write(`${path} ${size}\n`);
      if (deeper) ahead.push(path);
    }
  }
}
