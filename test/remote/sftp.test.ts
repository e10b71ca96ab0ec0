import { describe } from 'node:test';
import { serverKinds, skipReason } from '../servers/server-kinds.ts';
import { remoteConformance } from './conformance.ts';
import { sftpFixture } from './server-fixture.ts';

for (const kind of serverKinds.filter(({ protocol }) => protocol === 'sftp')) {
  describe(kind.name, { skip: skipReason(kind) }, () => {
    remoteConformance(kind.name, async () => sftpFixture(await kind.start()));
  });
}
