import { execFileSync } from 'node:child_process';
import { caFile, complete, keyFile, type Run, run, type Stage } from './stage.ts';

/** Rclone opens a session for each of its checkers. */
export async function rclone(stage: Stage, checkers: number): Promise<Run> {
  const { protocol, host, port, username, root, timesInListings, password } = stage.server;
  const backend = protocol === 'sftp' ? 'sftp' : 'ftp';
  const login = ['--host', host, '--port', String(port), '--user', username].map((word) =>
    word.replace(/^--/, `--${backend}-`),
  );
  const secrets = {
    sftp: ['--sftp-key-file', keyFile(stage), '--sftp-shell-type', 'none'],
    ftp: [],
    // With TLS 1.3 it resumes sessions in a way that vsftpd refuses as an illegal parameter.
    ftps: ['--ftp-explicit-tls', '--ftp-disable-tls13'],
  }[protocol];
  // Times that are not in the listing it asks for file by file: sizes alone are the best that it can do there.
  const format = ['--format', timesInListings ? 'pst' : 'ps'];
  const options = ['--config', '/dev/null', '--checkers', String(checkers), ...format];
  const command = ['rclone', 'lsf', '-R', ...options, ...login, ...secrets, `:${backend}:${root}`];
  const obscured = execFileSync('rclone', ['obscure', '-'], { input: password, encoding: 'utf8' }).trim();
  // --ca-cert is for HTTP alone; Go itself reads this one.
  const env = { RCLONE_FTP_PASS: obscured, SSL_CERT_FILE: caFile(stage) };
  const listing = await run(stage, { command, env });
  return complete(stage, `rclone with ${checkers} checkers`, listing);
}
