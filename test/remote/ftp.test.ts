import { describe } from 'node:test';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import { remoteConformance } from './conformance.ts';
import { ftpFixture } from './ftp/fixture.ts';

for (const kind of serverKinds.filter(({ protocol }) => protocol !== 'sftp')) {
  void describe(kind.name, { skip: skipReason(kind) }, () => {
    remoteConformance(kind.name, async () => ftpFixture(await kind.start()));
  });
}

for (const kind of serverKinds.filter(({ protocol }) => protocol === 'ftp')) {
  void describe(`${kind.name} without probes`, { skip: skipReason(kind) }, () => {
    remoteConformance(kind.name, async () => ftpFixture(await kind.start(), { probe: 'off' }));
  });
}
