import { z } from 'zod';
import { startInProcessFtp } from './in-process-ftp.ts';
import { startInProcessSftp } from './in-process-sftp.ts';

/** One of the npm servers as a process of its own, so that tests can stop and kill it like the others. */
const settings = z
  .object({
    kind: z.enum(['sftp', 'ftp']),
    directory: z.string(),
    port: z.number(),
    username: z.string(),
    password: z.string(),
    hostKey: z.object({
      privateKey: z.string(),
      publicKey: z.string(),
      fingerprint: z.templateLiteral(['SHA256:', z.string()]),
    }),
    user: z.object({ uid: z.number(), gid: z.number() }).optional(),
  })
  .parse(JSON.parse(process.env['FARWATCH_TEST_SERVER'] ?? ''));

// Only now: the test user need not be able to read the checkout.
if (settings.user !== undefined) {
  process.setgroups?.([settings.user.gid]);
  process.setgid?.(settings.user.gid);
  process.setuid?.(settings.user.uid);
}
const server =
  settings.kind === 'sftp' ? await startInProcessSftp(settings) : await startInProcessFtp(settings);
process.on('SIGUSR2', () => server.killSessions());
