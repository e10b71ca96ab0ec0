import type { Known, ListRequest, Session } from '../../../shared/remote/remote.ts';
import type { Listing, Unchanged } from '../../../shared/tree/listing.ts';
import { neverAborted } from '../fixture.ts';
import type { Answers, Conversation } from './odd-server.ts';

export const dots = ['drwxr-xr-x 2 a b 1 Nov 21  2025 .', 'drwxr-xr-x 2 a b 1 Nov 21  2025 ..'];
export const aFile = '-rw-r--r-- 1 a b 5 Nov 21  2025 a.csv';
const aDirectory = 'drwxr-xr-x 2 a b 1 Nov 21  2025 deeper';
export const seen = [...dots, aFile, aDirectory];
export const facts =
  'type=cdir;modify=20251121000000; .\r\ntype=file;size=5;modify=20251121000000; a.csv\r\ntype=dir;modify=20251121000000; deeper\r\n';

/** Says that it is Pure-FTPd, and does what that does, but for what a test spoils. */
export function pure(more: Answers = {}): Answers {
  let at = '/';
  return {
    GREETING: ({ say }) => say('220 Welcome to Pure-FTPd'),
    FEAT: ({ say }) => say('211-Features:', ' MLST type*;size*;modify*;', '211 End'),
    CWD: ({ say }, path) => {
      at = path;
      say('250 OK');
    },
    PWD: ({ say }) => say(`257 "${at}"`),
    STAT: ({ say }) => say('213-STAT', ...seen, '213 End.'),
    MLSD: (talk) => send(talk, facts),
    ...more,
  };
}

/** Says that it is vsftpd: LIST alone. */
export function vsftpd(more: Answers = {}): Answers {
  const { FEAT: _, ...answers } = pure();
  return {
    ...answers,
    GREETING: ({ say }) => say('220 (vsFTPd 3.0.3)'),
    LIST: (talk) => send(talk, seen.map((line) => `${line}\r\n`).join('')),
    ...more,
  };
}

export async function send({ say, data }: Conversation, text: string): Promise<void> {
  say('150 Here it comes');
  await data(text);
  say('226 Done');
}

export const unlisted: Known = {
  probe: null,
  profile: 'mlsd UTC +0',
  entries: 2,
  unchangedSuffices: true,
};

async function* requests(paths: readonly string[], known?: Known): AsyncGenerator<ListRequest, void, void> {
  for (const path of paths) yield known === undefined ? { path } : { path, known };
}

export function ask(
  session: Session,
  paths: readonly string[],
  known?: Known,
): Promise<(Listing | Unchanged)[]> {
  return Array.fromAsync(session.list(requests(paths, known), neverAborted()));
}
