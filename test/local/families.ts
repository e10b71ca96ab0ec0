import { type ServerKind, serverKinds } from '../servers/server-kinds.ts';

/** One server of each family: the most used daemon where it is installed, else the one from npm. */
export const families: readonly ServerKind[] = [
  ['OpenSSH (sftp)', 'ssh2 (sftp)'],
  ['vsftpd (ftp)', 'ftp-srv (ftp)'],
].map((names) => {
  const kind = names
    .flatMap((name) => serverKinds.filter((known) => known.name === name))
    .find((known) => known.available() === undefined);
  if (kind === undefined) throw new Error(`none of ${names.join(', ')} can be started`);
  return kind;
});
