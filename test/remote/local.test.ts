import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalRemote } from '../../shared/remote/local/local-remote.ts';
import { isRoot } from '../servers/account.ts';
import { remoteConformance } from './conformance.ts';

remoteConformance('local', async () => {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'farwatch-local-'));
  return {
    remote: new LocalRemote(),
    root: directory,
    localRoot: directory,
    features: { exactTimes: true, exactNames: true, hidden: true, links: true, unreadable: !isRoot },
    close: () => rm(directory, { recursive: true }),
  };
});
