import { sshCommand } from './ssh.ts';
import { caFile, complete, type Run, run, type Stage } from './stage.ts';

/** One session, one directory at a time. */
export async function lftp(stage: Stage): Promise<Run> {
  const { protocol, host, port, username, password, root } = stage.server;
  const scheme = protocol === 'sftp' ? 'sftp' : 'ftp';
  const settings = {
    // It asks for a password only where there is none, and the key comes first.
    sftp: [`sftp:connect-program "${sshCommand(stage).join(' ')} -a -x"`],
    ftp: ['ftp:ssl-allow no'],
    ftps: ['ftp:ssl-force yes', 'ftp:ssl-protect-data yes', `ssl:ca-file ${caFile(stage)}`],
  }[protocol];
  const script = [
    ...settings.map((setting) => `set ${setting}`),
    `open -u ${username},${password} -p ${port} ${scheme}://${host}`,
    `find -l ${root}/`,
  ];
  const listing = await run(stage, { command: ['lftp', '-c', script.join('; ')] });
  return complete(stage, 'lftp', { ...listing, stdoutLines: listing.stdoutLines - 1 });
}
