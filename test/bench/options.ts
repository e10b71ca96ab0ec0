import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Cell, clientNames, full, moderate } from './plan.ts';
import { serverNames } from './server/kinds.ts';
import { usualShape } from './trees.ts';

export const help = `npm run bench -- [options]
npm run bench -- cost [options]

Watches real servers that are far away with Farwatch, and lists them with rclone, lftp, a plain loop over the client
libraries and \`find\` on the server itself, in the same run. Needs root, cc, rclone and lftp, and the servers of
test/servers/install.sh; what cannot be run is skipped with the reason.

  --full              everything, for about two hours; default: some ten minutes
  --server NAMES      ${serverNames.join(', ')}
  --delay MS          round trips in milliseconds, e.g. 0,20,100
  --files COUNTS      trees, e.g. 10000,250000; about 50 files a directory
  --directories N     another number of directories; 0: one flat directory
  --only CLIENTS      ${clientNames.join(', ')}
  --sessions N        that Farwatch may use (8)
  --in-flight N       directories in flight on one session, and the first scan alone
  --checkers COUNTS   of rclone (8,16,32)
  --runs N            of a warm scan, whose median counts (3)
  --keep DIR          keeps the trees there for the next time
  --chart FILE        writes a chart (SVG)
  --json FILE         writes all figures
`;

const items = z.string().transform((text) => text.split(','));
const number = z.coerce.number<string>().int().min(0);

const schema = z.object({
  full: z.boolean().default(false),
  help: z.boolean().default(false),
  server: items.pipe(z.array(z.enum(serverNames))).optional(),
  delay: items.pipe(z.array(number)).optional(),
  files: items.pipe(z.array(number)).optional(),
  directories: number.optional(),
  only: items.pipe(z.array(z.enum(clientNames))).optional(),
  sessions: number.default(8),
  'in-flight': number.optional(),
  checkers: items.pipe(z.array(number)).default([8, 16, 32]),
  runs: number.default(3),
  keep: z.string().optional(),
  chart: z.string().optional(),
  json: z.string().optional(),
});
export type Options = z.output<typeof schema>;

const flag = { type: 'boolean' } as const;
const value = { type: 'string' } as const;

export function parseOptions(args: readonly string[]): Options {
  const names = Object.keys(schema.shape);
  const isFlag = (name: string) => name === 'full' || name === 'help';
  const options = Object.fromEntries(names.map((name) => [name, isFlag(name) ? flag : value]));
  return schema.parse(parseArgs({ args: [...args], options }).values);
}

/** The plan as it comes, or the cells that were asked for. */
export function cellsOf(options: Options): readonly Cell[] {
  const { server, delay, files, directories, only, sessions, checkers, runs } = options;
  const inFlight = options['in-flight'];
  if (server === undefined && delay === undefined && files === undefined) {
    const cells = options.full ? full() : moderate();
    return cells
      .map((cell) => ({ ...cell, clients: cell.clients.filter((client) => only?.includes(client) ?? true) }))
      .filter(({ clients }) => clients.length > 0);
  }
  const shapes = (files ?? [250_000]).map((count) =>
    directories === undefined ? usualShape(count) : { files: count, directories },
  );
  return (server ?? serverNames).flatMap((name) =>
    (delay ?? [20]).flatMap((roundTripMs) =>
      shapes.map((shape): Cell => {
        const clients = only ?? ['farwatch', 'rclone', 'find'];
        const pace = { connections: sessions, ...(inFlight === undefined ? {} : { inFlight }) };
        return { server: name, roundTripMs, shape, clients, ...pace, checkers, runs };
      }),
    ),
  );
}
