import { aFile, dots, pure, send } from './odd-listing.ts';
import type { Answers, OddFtpServer } from './odd-server.ts';

export const directory = (name: string): string => `drwxr-xr-x 2 a b 1 Nov 21  2025 ${name}`;
export const other = aFile.replace('a.csv', 'b.csv');
export type Shown = Readonly<Record<string, readonly string[]>>;

/** As it was when all was known. */
export const before: Shown = {
  '/t': [...dots, directory('a'), directory('b'), directory('c')],
  '/t/a': [...dots, aFile],
  '/t/b': [...dots, aFile, directory('in')],
  '/t/b/in': dots,
  '/t/c': [...dots, other],
};
export const paths = Object.keys(before);
export const lines = (of: readonly string[]): string => of.map((line) => `${line}\r\n`).join('');

export function sent(shown: Shown): string {
  return Object.entries(shown)
    .map(([path, of]) => `${path === '/t' ? '' : `\r\n${path}:\r\n`}${lines(of)}`)
    .join('');
}

/** What MLSD says of what the line shows. */
function factsOf(line: string): string {
  const name = line.slice(line.lastIndexOf(' ') + 1);
  const type = { '.': 'cdir', '..': 'pdir' }[name] ?? (line.startsWith('d') ? 'dir' : 'file');
  return `type=${type};size=5;modify=20251121000000; ${name}\r\n`;
}

function factsIn(path: string, name: string): string {
  const type = name === '.' ? 'cdir' : 'dir';
  return `type=${type};modify=20251121000000; ${name === '.' ? path : `${path}/${name}`}`;
}

/** Says that it is ProFTPD; `now`: what it has. */
export function proftpd(now: Shown = before, more: Answers = {}): Answers {
  let at = '';
  return pure({
    GREETING: ({ say }) => say('220 ProFTPD Server'),
    CWD: ({ say }, path) => {
      at = path;
      say('250 OK');
    },
    PWD: ({ say }) => say(`257 "${at}"`),
    STAT: ({ say }) => say('212-Status', ...(now[at] ?? []).map((line) => ` ${line}`), '212 End'),
    MLSD: (talk, path) => send(talk, (now[path] ?? []).map(factsOf).join('')),
    LIST: (talk) => send(talk, sent(now)),
    MLST: ({ say }, name) => say('250-Begin', ` ${factsIn(at, name)}`, '250 End'),
    MDTM: ({ say }, name) => {
      const isThere = (now[at] ?? []).some((line) => line.startsWith('-') && line.endsWith(` ${name}`));
      say(isThere ? '213 20251121000000' : `550 ${name}: No such file or directory`);
    },
    ...more,
  });
}

/** How many commands begin with each of these. */
export const asked = ({ commands }: OddFtpServer, ...verbs: readonly string[]): readonly number[] =>
  verbs.map((verb) => commands.filter((command) => command.startsWith(verb)).length);
