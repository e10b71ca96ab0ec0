import { fileURLToPath } from 'node:url';
import { complete, type Run, run, type Stage } from './stage.ts';

const program = fileURLToPath(new URL('library-loop.ts', import.meta.url));

/** The loop that everybody writes first: ssh2-sftp-client or basic-ftp, one directory after the other. */
export async function libraryLoop(stage: Stage): Promise<Run> {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', program];
  const env = { BENCH_LOGIN: JSON.stringify(stage.server) };
  return complete(stage, 'the library loop', await run(stage, { command, env }));
}
