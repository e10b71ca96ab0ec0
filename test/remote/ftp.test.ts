import { describe } from 'node:test';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import { remoteConformance } from './conformance.ts';
import { ftpFixture } from './ftp/fixture.ts';

for (const kind of serverKinds.filter(({ protocol }) => protocol !== 'sftp')) {
  void describe(kind.name, { skip: skipReason(kind) }, () => {
    remoteConformance(kind.name, async () => ftpFixture(await kind.start()));
  });
}
