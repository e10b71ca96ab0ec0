import { z } from 'zod';
import { serverKinds, serverNames } from './kinds.ts';

/** A server in whatever network namespace this process was started in, until standard input ends. */
const [name, directory, port] = z
  .tuple([z.enum(serverNames), z.string(), z.coerce.number()])
  .parse(process.argv.slice(2));
const server = await serverKinds[name].start({ directory, port });
process.stdout.write(`${JSON.stringify({ ...server.config, root: server.root })}\n`);
process.stdin.resume().once('end', () => void server.stop());
