import { complete, keyFile, type Run, run, type Stage } from './stage.ts';

export function sshCommand(stage: Stage): readonly string[] {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
  ];
  return ['ssh', '-i', keyFile(stage), ...options.flatMap((option) => ['-o', option])];
}

/** What no client can undercut: the server looks by itself, and one answer comes back. */
export async function findOnServer(stage: Stage): Promise<Run> {
  const { host, port, username, root } = stage.server;
  const find = `find '${root}' -mindepth 1 -printf '%y %s %T@ %P\\n'`;
  const command = [...sshCommand(stage), '-p', String(port), `${username}@${host}`, find];
  return complete(stage, 'find', await run(stage, { command }));
}
