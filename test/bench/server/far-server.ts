import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Network } from '../network/network.ts';
import { type ServerName, serverKinds } from './kinds.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

const login = z.object({
  protocol: z.enum(['sftp', 'ftp', 'ftps']),
  host: z.string(),
  port: z.number(),
  username: z.string(),
  password: z.string().default(''),
  privateKey: z.string().default(''),
  hostKey: z.string().default(''),
  ca: z.string().default(''),
  root: z.string(),
});

/** A real server at the far end of a network, and how to log in there. */
export type FarServer = z.output<typeof login> & {
  readonly name: ServerName;
  readonly title: string;
  readonly timesInListings: boolean;
  stop(): Promise<void>;
};

export async function startFarServer(
  network: Network,
  name: ServerName,
  directory: string,
): Promise<FarServer> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', main];
  const [program = '', ...args] = network.onServer([...node, name, directory, String(network.sessionPort)]);
  // Detached: an interrupt from the keyboard is for us to handle.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = once(child, 'close');
  child.stdin.on('error', () => undefined);
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error(`${name} did not start`);
  const { title, timesInListings } = serverKinds[name];
  return {
    ...login.parse(JSON.parse(String(value))),
    name,
    title,
    timesInListings,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
